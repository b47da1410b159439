"""Difficulty: how well each model will answer a prompt, beyond what its task says."""

from __future__ import annotations

from .anchored import Anchored
from .blend import Blend, Example
from .features import Features, features

__all__ = ["Anchored", "Blend", "Example", "Features", "features"]
