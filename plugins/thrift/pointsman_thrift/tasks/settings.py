"""What an operator may say of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pointsman.config import setting

__all__ = ["TasksSettings"]


@dataclass(frozen=True)
class TasksSettings:
    """How requests are told apart by what they are about."""

    weights: Path | None = setting(
        default=None,
        help="Weights that `pointsman route train` wrote; without it those that are shipped.",
        example="tasks.bin",
    )
    sample: float = setting(
        default=0.1,
        minimum=0,
        maximum=1,
        help="Share of the requests that nobody asked about whose task is found out after their answer, "
        "for reports and the leaderboard; twenty a second at most.",
    )
