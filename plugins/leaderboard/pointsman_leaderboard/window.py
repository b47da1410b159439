"""Windows: the span that is looked at, and those before it to compare with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

__all__ = ["BEFORE", "Window"]

BEFORE = 3
"""Windows before it, whose mean its trend is measured against."""


@dataclass(frozen=True, slots=True)
class Window:
    """From one time until before another."""

    since: datetime
    until: datetime

    @classmethod
    def last(cls, length: timedelta, now: datetime) -> Window:
        """The span that ends now."""
        return cls(now - length, now)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def before(self) -> list[Window]:
        """As many spans as BEFORE, each as long, the nearest first."""
        return [
            Window(self.since - number * self.length, self.until - number * self.length)
            for number in range(1, BEFORE + 1)
        ]

    def shown(self) -> dict[str, str]:
        """As JSON data."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}
