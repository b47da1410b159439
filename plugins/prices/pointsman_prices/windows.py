"""Windows: hours of some days by the clocks of a zone, and which of them a moment is in.

A moment is in a window when the wall clock of the window's zone shows a time between its begin and its end:
where clocks are put forward the hour that is skipped is in none, and where they are put back the hour that
comes twice is in it twice. So a moment is never in two windows that do not overlap by the clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from pointsman.config.hours import Hours

__all__ = ["DAYS", "Day", "Hours", "Week", "Window", "overlaps"]

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = get_args(Day)

DAY = 24 * 60
WEEK = 7 * DAY
QUARTER = 15
"""Minutes: zones differ by whole quarters of an hour, and change their clocks at one."""
YEARS = 2
"""For so long two zones are compared, whose clocks may change on different days."""

KEPT = 2
"""Changes that are kept: those of now, and those after the next."""

Span = tuple[int, int]
"""Minutes of a week that begins on Monday, the second one not within."""

Window = tuple[Hours, Sequence[Day]]
"""Hours, and the days on which they begin; none are all."""


def spans_of(window: Window) -> list[Span]:
    """The minutes of the week in a window, by its zone's clocks, none of them past the week's end."""
    hours, days = window
    length = (hours.end - hours.start) % DAY or DAY
    found: list[Span] = []
    for day in days or DAYS:
        begin = DAYS.index(day) * DAY + hours.start
        end = begin + length
        found.append((begin, min(end, WEEK)))
        if end > WEEK:
            found.append((0, end - WEEK))
    return found


class Week:
    """Windows that do not overlap, and which one a moment is in."""

    __slots__ = ("_changes", "_found", "_residues", "_zones")

    def __init__(self, windows: Sequence[Window]) -> None:
        zones: dict[str, list[tuple[int, int, int]]] = {}
        for index, window in enumerate(windows):
            spans = zones.setdefault(window[0].zone, [])
            spans += [(start, end, index) for start, end in spans_of(window)]
        self._zones = [(ZoneInfo(name), sorted(spans)) for name, spans in zones.items()]
        self._residues = {0} | {
            minute % QUARTER for spans in zones.values() for span in spans for minute in span[:2]
        }
        self._found = (-1, -1)
        """The minute that was looked up last, and its window."""
        self._changes: deque[tuple[float, float, float | None]] = deque(maxlen=KEPT)
        """From when until when the next change is known, and when that is."""

    def at(self, seconds: float) -> int:
        """The number of the window that a moment, in seconds since 1970, is in; -1 for none. It is looked for
        once a minute."""
        minute = int(seconds // 60)
        known, index = self._found
        if minute != known:
            index = self._find(minute)
            self._found = minute, index
        return index

    def _find(self, minute: int) -> int:
        for zone, spans in self._zones:
            local = datetime.fromtimestamp(minute * 60, zone)
            place = local.weekday() * DAY + local.hour * 60 + local.minute
            for start, end, index in spans:
                if start <= place < end:
                    return index
        return -1

    def all_at(self, seconds: float) -> list[int]:
        """The numbers of all windows that a moment is in, whether they overlap or not."""
        found = set()
        for zone, spans in self._zones:
            local = datetime.fromtimestamp(seconds // 60 * 60, zone)
            place = local.weekday() * DAY + local.hour * 60 + local.minute
            found |= {index for start, end, index in spans if start <= place < end}
        return sorted(found)

    def next_change(self, seconds: float) -> float | None:
        """When another window, or none, is next; None where that is never."""
        for since, until, change in self._changes:
            if since <= seconds < until:
                return change
        found = self._find_change(seconds)
        self._changes.append((seconds, found if found is not None else seconds + DAY * 60, found))
        return found

    def _find_change(self, seconds: float) -> float | None:
        now, first = self.at(seconds), int(seconds // 60) + 1
        for minute in range(first, first + WEEK + DAY):
            if minute % QUARTER in self._residues and self._find(minute) != now:
                return minute * 60.0
        return None


def overlaps(windows: Sequence[Window]) -> list[tuple[int, int]]:
    """Pairs of windows that have a minute in common, by their numbers."""
    found: dict[int, int] = {}
    spans = [spans_of(window) for window in windows]
    for second, (hours, _) in enumerate(windows):
        for first in range(second):
            if windows[first][0].zone == hours.zone and _meet(spans[first], spans[second]):
                found.setdefault(second, first)
    if len({hours.zone for hours, _ in windows}) > 1:
        week = Week(windows)
        for moment in _beginnings(windows):
            first, *others = week.all_at(moment) or [-1]
            for second in others:
                found.setdefault(second, first)
    return [(first, second) for second, first in sorted(found.items())]


def _meet(some: Sequence[Span], others: Sequence[Span]) -> bool:
    return any(start < until and begin < end for start, end in some for begin, until in others)


def _beginnings(windows: Sequence[Window]) -> Iterator[float]:
    """Every moment, for some years, at which a window may begin: where two overlap, one begins within the
    other."""
    start = datetime(datetime.now(UTC).year, 1, 1)
    days = [start + timedelta(days=number) for number in range(-1, YEARS * 366)]
    for hours, _ in windows:
        zone = ZoneInfo(hours.zone)
        for day in days:
            local = day + timedelta(minutes=hours.start)
            for fold in (0, 1):
                yield local.replace(tzinfo=zone, fold=fold).timestamp()
    for name in {hours.zone for hours, _ in windows}:
        yield from _clock_changes(ZoneInfo(name), days)


def _clock_changes(zone: ZoneInfo, days: Sequence[datetime]) -> Iterator[float]:
    """Every quarter of an hour of the days on which a zone changes its clocks."""
    for day in days:
        begin = day.replace(tzinfo=UTC)
        if begin.astimezone(zone).utcoffset() != (begin + timedelta(days=1)).astimezone(zone).utcoffset():
            yield from (begin.timestamp() + minutes * 60 for minutes in range(0, DAY, QUARTER))
