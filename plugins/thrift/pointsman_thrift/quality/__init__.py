"""Quality: how good each model is at each task, and what a good answer of it costs."""

from __future__ import annotations

from .costs import Costs, of_success
from .pairs import Paired
from .priors import Priors
from .quality import Estimate, Quality

__all__ = [
    "Costs",
    "Estimate",
    "Paired",
    "Priors",
    "Quality",
    "of_success",
]
