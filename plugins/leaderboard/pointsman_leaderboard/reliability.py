"""Reliability: how often endpoints answer, how fast they are, and at which hours of the week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pointsman.ledger import Reading
from pointsman_usage.endpoints import (
    ENDPOINT_DAYS,
    ENDPOINT_HOURS,
    FASTEST,
    FIRSTS,
    SLOWEST,
    SPEEDS,
    percentile,
)

from .statistics import wilson
from .window import Window

__all__ = ["endpoints", "week"]

FEWEST = 100
"""Attempts from which on an uptime has a status."""
NORMAL, DEGRADED = 0.95, 0.80
SHARES = (50, 75, 90, 99)
KAPPA = 50.0
"""Attempts that a provider's whole week counts as in each of its hours."""
HOURS = 168
NIGHT = frozenset({22, 23, 0, 1, 2, 3, 4, 5})
MORNING = timedelta(hours=6)
FEWEST_NIGHTS = 5
"""Nights from which on it can be told how much they differ."""
SUMS = ", ".join(f"sum({name}) as {name}" for name in ("good", "bad", "limited", *FIRSTS, *SPEEDS))

Row = dict[str, Any]


def endpoints(reading: Reading, window: Window) -> list[Row]:
    """Each endpoint that was tried: uptime with its interval and status, refusals for limits, percentiles of
    the time until the first content and of the tokens a second, so many per cent being as fast or faster.

    The span begins with the hour that `window` begins in; whole days in it are read as such.
    """
    if not reading.has_table(ENDPOINT_HOURS.name):
        return []
    counts: dict[str, Row] = {}
    for table, start, end in _parts(reading, window):
        sql = (
            f"select endpoint, max(provider) as provider, {SUMS} from {table} "  # noqa: S608 - our own names
            "where at >= :start and at < :end group by endpoint"
        )
        for row in reading.select_sync(sql, {"start": start, "end": end}):
            before = counts.setdefault(row["endpoint"], row)
            if before is not row:
                for name in ("good", "bad", "limited", *FIRSTS, *SPEEDS):
                    before[name] += row[name]
    return sorted(map(_endpoint, counts.values()), key=lambda row: (-row["n"], row["endpoint"]))


def _parts(reading: Reading, window: Window) -> list[tuple[str, str, str]]:
    """Tables with the first time in each that counts, and the first that does not."""
    since, until = (each.astimezone(UTC).isoformat()[:13] for each in (window.since, window.until))
    (row,) = reading.select_sync(f"select max(at) as at from {ENDPOINT_DAYS.name}")  # noqa: S608
    after = f"{until}~"  # behind the hour that it ends in
    first = (window.since.astimezone(UTC) + timedelta(days=1)).date().isoformat()
    if row["at"] is None or row["at"] < first:
        return [(ENDPOINT_HOURS.name, since, after)]
    last = (datetime.fromisoformat(min(row["at"], until[:10])) + timedelta(days=1)).date().isoformat()
    last = min(last, until[:10])
    return [
        (ENDPOINT_HOURS.name, since, min(first, after)),
        (ENDPOINT_DAYS.name, first, last),
        (ENDPOINT_HOURS.name, max(first, last), after),
    ]


def _endpoint(row: Mapping[str, Any]) -> Row:
    good, bad, limited = row["good"], row["bad"], row["limited"]
    n = good + bad
    low, high = wilson(good, n)
    firsts, speeds = [row[name] for name in FIRSTS], [row[name] for name in SPEEDS]
    return {
        "endpoint": row["endpoint"],
        "provider": row["provider"],
        "n": n,
        "uptime": good / n if n else None,
        "low": low,
        "high": high,
        "status": _status(good, n),
        "limited": limited,
        "limited_share": limited / (n + limited) if n + limited else None,
        "first_content_ms": _percentiles(firsts, FASTEST, falling=False),
        "first_content_n": sum(firsts),
        "tokens_per_second": _percentiles(speeds, SLOWEST, falling=True),
        "tokens_per_second_n": sum(speeds),
    }


def _status(good: int, n: int) -> str:
    """By OpenRouter's rule."""
    if n < FEWEST:
        return "too few requests"
    rate = good / n
    return "normal" if rate >= NORMAL else "degraded" if rate >= DEGRADED else "fallback only"


def _percentiles(counts: Sequence[int], begins: float, *, falling: bool) -> Row | None:
    if not sum(counts):
        return None
    shares = {share: (100 - share if falling else share) / 100 for share in SHARES}
    return {f"p{share}": percentile(counts, part, begins) for share, part in shares.items()}


def week(reading: Reading, window: Window, zone: ZoneInfo) -> Row:
    """The reliability of each provider by hour of the week, Monday's first hour being the first, by the
    clocks of a zone; and who is most reliable at night (22:00 to 06:00), if that can be told.

    The `rate` of an hour is drawn to that of the whole week, which counts as KAPPA attempts; `n` are those
    that there were. Nobody is named unless the lowest that his rate at night may be is above the highest of
    everybody else's, each of at least FEWEST attempts on FEWEST_NIGHTS nights. Failures come together, when
    something breaks: the intervals of nights are as wide as nights differ, of this provider or of all.
    """
    seen = _seen(reading, window, zone)
    usual = _clustering([[*found.nights.values()] for found in seen.values()])
    rows = [_row(provider, found, usual) for provider, found in sorted(seen.items())]
    return {"zone": zone.key, "kappa": KAPPA, "providers": rows, "night": _night(rows)}


Counts = list[int]
"""Answers and attempts."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What was seen of a provider by hour of the week, and by night."""

    hours: list[Counts] = field(default_factory=lambda: [[0, 0] for _ in range(HOURS)])
    nights: dict[date, Counts] = field(default_factory=dict)

    def add(self, local: datetime, good: int, n: int) -> None:
        cells = [self.hours[local.weekday() * 24 + local.hour]]
        if local.hour in NIGHT:
            cells.append(self.nights.setdefault((local - MORNING).date(), [0, 0]))
        for cell in cells:
            cell[0] += good
            cell[1] += n


def _seen(reading: Reading, window: Window, zone: ZoneInfo) -> dict[str, _Seen]:
    """What was seen of each provider, by the clocks of a zone."""
    if not reading.has_table(ENDPOINT_HOURS.name):
        return {}
    since, until = (each.astimezone(UTC).isoformat()[:13] for each in (window.since, window.until))
    sql = (
        f"select at, provider, sum(good) as good, sum(bad) as bad from {ENDPOINT_HOURS.name} "  # noqa: S608
        "where at >= :since and at < :until group by at, provider"
    )
    seen: dict[str, _Seen] = {}
    clocks: dict[str, datetime] = {}
    for row in reading.select_sync(sql, {"since": since, "until": f"{until}~"}):
        at = row["at"]
        if at not in clocks:
            clocks[at] = datetime.fromisoformat(f"{at}:00+00:00").astimezone(zone).replace(tzinfo=None)
        found = seen.setdefault(row["provider"], _Seen())
        found.add(clocks[at], row["good"], row["good"] + row["bad"])
    return seen


def _clustering(providers: Iterable[Sequence[Counts]]) -> float:
    """How many times as far nights are from the mean of their provider as they would be by chance, if each
    attempt failed by itself (the design effect of clusters); 1 at least."""
    apart = chance = 0.0
    for found in providers:
        nights = [cell for cell in found if cell[1]]
        good, n = (sum(cell[place] for cell in nights) for place in (0, 1))
        if len(nights) > 1:
            squares = sum((answers - good / n * attempts) ** 2 for answers, attempts in nights)
            apart += squares * len(nights) / (len(nights) - 1)
            chance += good * (n - good) / n
    return max(1.0, apart / chance) if chance else 1.0


def _row(provider: str, seen: _Seen, usual: float) -> Row:
    good, n = (sum(cell[place] for cell in seen.hours) for place in (0, 1))
    mean = good / n if n else 0.0
    low, high = wilson(good, n)
    return {
        "provider": provider,
        "n": n,
        "rate": mean if n else None,
        "low": low,
        "high": high,
        "night": _at_night([*seen.nights.values()], usual),
        "hours": [
            {"n": attempts, "rate": (answers + KAPPA * mean) / (attempts + KAPPA) if n else None}
            for answers, attempts in seen.hours
        ],
    }


def _at_night(nights: Sequence[Counts], usual: float) -> Row:
    """The rate at night; `nights` are those with attempts, and each attempt counts as one of `clustering`."""
    good, n = (sum(cell[place] for cell in nights) for place in (0, 1))
    clustering = max(usual, _clustering([nights]))
    low, high = wilson(good / clustering, n / clustering)
    return {
        "n": n,
        "nights": sum(1 for cell in nights if cell[1]),
        "clustering": clustering,
        "rate": good / n if n else None,
        "low": low,
        "high": high,
    }


def _night(rows: Sequence[Mapping[str, Any]]) -> Row:
    """Who is most reliable at night, and why nobody is where that cannot be told."""
    known = [row for row in rows if row["night"]["n"] >= FEWEST and row["night"]["nights"] >= FEWEST_NIGHTS]
    if len(known) < 2:
        few = f"{FEWEST} attempts at night, on {FEWEST_NIGHTS} nights"
        return {"provider": None, "why": f"fewer than two providers have {few}"}
    best, *others = sorted(known, key=lambda row: -row["night"]["low"])
    if best["night"]["low"] > max(row["night"]["high"] for row in others):
        return {"provider": best["provider"], "why": "its interval is above those of all others"}
    return {"provider": None, "why": "the intervals of the best overlap: it cannot be told"}
