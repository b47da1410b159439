"""The settings of going on."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import setting

__all__ = ["ResumeSettings"]


@dataclass(frozen=True)
class ResumeSettings:
    """A stream that breaks off goes on at another endpoint."""

    always: bool = setting(
        default=False,
        help="For every stream, also where no route or key asks for it; their false forbids it.",
    )
