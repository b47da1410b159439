"""The settings of the pages."""

from __future__ import annotations

from dataclasses import dataclass

from pointsman.config import Duration, setting

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """The pages under `/dashboard`."""

    session: Duration = setting(
        default=Duration(12 * 3600),
        minimum=60,
        help="How long somebody who has signed in with a key stays so.",
        example="8h",
    )
