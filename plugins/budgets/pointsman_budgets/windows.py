"""Windows: the days, weeks and months of a zone, and the time by which they pass.

A window begins at local midnight, at the moment after the gap where a zone skips it, and at the first of the
two where it has it twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any, ClassVar, Literal, NamedTuple, Self
from zoneinfo import ZoneInfo

__all__ = ["Clock", "Per", "Window", "Zone", "window_at"]

Per = Literal["day", "week", "month", "lifetime"]


class Zone(str):
    """A time zone, by its name in the IANA database."""

    expected: ClassVar[str] = "UTC or a time zone such as Europe/Paris"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Check the name. Raises ValueError."""
        try:
            ZoneInfo(text)
        except (KeyError, ValueError, OSError):
            raise ValueError(
                f"{text!r} is not a time zone that this machine knows (the package tzdata has them all)"
            ) from None
        return cls(text)


class Window(NamedTuple):
    """From when to when, in UTC: the start is within, the end is not. None is never."""

    start: datetime | None
    end: datetime | None


def window_at(per: Per, zone: str, moment: datetime) -> Window:
    """The window that a moment, which has a zone, is in. Weeks begin on Monday."""
    if per == "lifetime":
        return Window(None, None)
    info = ZoneInfo(zone)
    first = moment.astimezone(info).date()
    if per == "week":
        first -= timedelta(days=first.weekday())
    elif per == "month":
        first = first.replace(day=1)
    return Window(_midnight(first, info), _midnight(_next(per, first), info))


def _next(per: Per, first: date) -> date:
    if per == "month":
        return (first + timedelta(days=31)).replace(day=1)
    return first + timedelta(days=7 if per == "week" else 1)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


STEADY: Callable[[], float] = (
    partial(time.clock_gettime, time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic
)
"""Seconds that a machine's sleep is counted in, too, where its clocks tell."""


class Clock:
    """UTC as it goes on from the moment of the start: a jump of the wall clock moves no window."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = STEADY) -> None:
        self._steady = steady
        self._offset = wall() - self._steady()

    def now(self) -> float:
        """Seconds since 1970."""
        return self._steady() + self._offset
