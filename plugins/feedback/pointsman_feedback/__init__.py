"""How good answers were: votes, checks and signals, and what they come to for each task and model."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.registers import RegisterTable

from .records import FEEDBACK, FEEDBACK_DAYS

__all__ = ["POINTSMAN_API", "Feedback"]

POINTSMAN_API = 1


class Feedback:
    """The plugin."""

    @hookimpl
    def register_tables(self, register: RegisterTable) -> None:
        """Keep what is said of answers, and what machines' words come to by day."""
        register(FEEDBACK)
        register(FEEDBACK_DAYS)
