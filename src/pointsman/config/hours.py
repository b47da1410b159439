"""Hours: from when to when on any day, by the clocks of a zone."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, ClassVar, Self
from zoneinfo import ZoneInfo

__all__ = ["Hours", "zone_of"]

HOURS = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])\s*-\s*([01][0-9]|2[0-4]):([0-5][0-9])\s+(\S+)")
DAY = 24 * 60
"""Minutes."""


def zone_of(name: str) -> ZoneInfo:
    """A time zone by its name in the IANA database. Raises ValueError."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(
            f"{name!r} is not a time zone that this machine knows (the package tzdata has them all)"
        ) from None


class Hours(str):
    """From when to when, in a zone: `22:00-06:00 Europe/Paris`. `start` and `end` are minutes of the day;
    where the end is not behind the start it is the next day's."""

    expected: ClassVar[str] = "hours and a zone such as 22:00-06:00 UTC or 09:30-17:00 Europe/Paris"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{HOURS.pattern}$"}
    start: int
    end: int
    zone: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `22:00-06:00 Europe/Paris`. Raises ValueError."""
        match = HOURS.fullmatch(text.strip())
        if match is None:
            zoneless = HOURS.fullmatch(f"{text.strip()} UTC")
            raise ValueError(f"{text!r} names no zone" if zoneless else f"{text!r} are no hours of a day")
        zone = match[5]
        zone_of(zone)
        hours = cls(f"{match[1]}:{match[2]}-{match[3]}:{match[4]} {zone}")
        hours.zone = zone
        hours.start, hours.end = int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4])
        if hours.end > DAY or hours.start >= DAY:
            raise ValueError(f"{text!r} are no hours of a day: it begins before 24:00 and ends by then")
        if hours.start == hours.end:
            raise ValueError(f"{text!r} begins when it ends; the whole day is 00:00-24:00")
        return hours

    def holds(self, moment: datetime) -> bool:
        """Whether the zone's clocks show a time within them at a moment, which has a zone."""
        local = moment.astimezone(ZoneInfo(self.zone))
        minute = local.hour * 60 + local.minute
        if self.start < self.end:
            return self.start <= minute < self.end
        return minute >= self.start or minute < self.end
