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
        """The span that ends now; it begins with an hour."""
        return cls((now - length).replace(minute=0, second=0, microsecond=0), now)

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.until - self.since

    def before(self) -> Window:
        """The span before it that is BEFORE times as long; it begins with an hour, too."""
        hours = timedelta(hours=round(BEFORE * self.length / timedelta(hours=1)))
        return Window(self.since - hours, self.since)

    def shown(self) -> dict[str, str]:
        """As JSON data."""
        return {"since": self.since.isoformat(), "until": self.until.isoformat()}
