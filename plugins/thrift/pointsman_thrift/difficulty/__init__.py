"""Difficulty: how well each model will answer a prompt, beyond what its task says."""

from __future__ import annotations

from .blend import Blend, Example
from .features import Features, features

__all__ = ["Blend", "Example", "Features", "features"]
