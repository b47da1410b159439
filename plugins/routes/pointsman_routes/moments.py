"""Moments: days by the clocks of a zone, as conditions on when a request comes."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

from pointsman.config.hours import zone_of

__all__ = ["Days", "Moment"]

NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = f"(?:{'|'.join(NAMES)})"
SPAN = rf"{DAY}(?:\s*-\s*{DAY})?"
DAYS = re.compile(rf"({SPAN}(?:\s*,\s*{SPAN})*)(?:\s+(\S+))?")


class Days(str):
    """Days of the week, in UTC or a zone: `sat, sun`, `mon-fri Europe/Paris`. `numbers` count from Monday."""

    expected: ClassVar[str] = "days such as sat, or mon-fri Europe/Paris"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{DAYS.pattern}$"}
    numbers: frozenset[int]
    zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read them. Raises ValueError."""
        match = DAYS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} are no days; a day is one of {', '.join(NAMES)}")
        zone = match[2] or "UTC"
        zone_of(zone)
        numbers: set[int] = set()
        for span in match[1].split(","):
            first, _, last = (each.strip() for each in span.partition("-"))
            begin, end = NAMES.index(first), NAMES.index(last or first)
            numbers.update((begin + number) % 7 for number in range((end - begin) % 7 + 1))
        days = cls(text.strip())
        days.numbers, days.zone = frozenset(numbers), zone
        return days

    def holds(self, moment: datetime) -> bool:
        """Whether it is one of them where the zone is, at a moment, which has a zone."""
        return moment.astimezone(ZoneInfo(self.zone)).weekday() in self.numbers


class Moment(str):
    """A moment with its offset from UTC: `2026-11-28T03:00+01:00`. `at` is that."""

    expected: ClassVar[str] = "a moment such as 2026-11-28T03:00Z or 2026-11-28T03:00+01:00"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}
    at: datetime

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ISO 8601. Raises ValueError."""
        try:
            at = datetime.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a moment") from None
        if at.tzinfo is None:
            raise ValueError(f"{text!r} does not say its offset from UTC: end it with Z or +01:00")
        moment = cls(text)
        moment.at = at
        return moment
