"""Reliability: how often endpoints answer, how fast they are, and at which hours of the week."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
    everybody else's, each of at least FEWEST attempts.
    """
    cells = _cells(reading, window, zone)
    rows = [_hours(provider, found) for provider, found in sorted(cells.items())]
    return {"zone": zone.key, "kappa": KAPPA, "providers": rows, "night": _night(rows)}


def _cells(reading: Reading, window: Window, zone: ZoneInfo) -> dict[str, list[list[int]]]:
    """Answers and attempts by provider and hour of the week."""
    if not reading.has_table(ENDPOINT_HOURS.name):
        return {}
    since, until = (each.astimezone(UTC).isoformat()[:13] for each in (window.since, window.until))
    sql = (
        f"select at, provider, sum(good) as good, sum(bad) as bad from {ENDPOINT_HOURS.name} "  # noqa: S608
        "where at >= :since and at < :until group by at, provider"
    )
    cells: dict[str, list[list[int]]] = {}
    places: dict[str, int] = {}
    for row in reading.select_sync(sql, {"since": since, "until": f"{until}~"}):
        at = row["at"]
        if at not in places:
            local = datetime.fromisoformat(f"{at}:00+00:00").astimezone(zone)
            places[at] = local.weekday() * 24 + local.hour
        hours = cells.setdefault(row["provider"], [[0, 0] for _ in range(HOURS)])
        hours[places[at]][0] += row["good"]
        hours[places[at]][1] += row["good"] + row["bad"]
    return cells


def _hours(provider: str, cells: Sequence[Sequence[int]]) -> Row:
    good, n = (sum(cell[place] for cell in cells) for place in (0, 1))
    mean = good / n if n else 0.0
    night = [cell for place, cell in enumerate(cells) if place % 24 in NIGHT]
    low, high = wilson(good, n)
    return {
        "provider": provider,
        "n": n,
        "rate": mean if n else None,
        "low": low,
        "high": high,
        "night": _rate(*(sum(cell[place] for cell in night) for place in (0, 1))),
        "hours": [
            {"n": attempts, "rate": (answers + KAPPA * mean) / (attempts + KAPPA) if n else None}
            for answers, attempts in cells
        ],
    }


def _rate(good: int, n: int) -> Row:
    low, high = wilson(good, n)
    return {"n": n, "rate": good / n if n else None, "low": low, "high": high}


def _night(rows: Sequence[Mapping[str, Any]]) -> Row:
    """Who is most reliable at night, and why nobody is where that cannot be told."""
    known = [row for row in rows if row["night"]["n"] >= FEWEST]
    if len(known) < 2:
        return {"provider": None, "why": f"fewer than two providers have {FEWEST} attempts at night"}
    best, *others = sorted(known, key=lambda row: -row["night"]["low"])
    if best["night"]["low"] > max(row["night"]["high"] for row in others):
        return {"provider": best["provider"], "why": "its interval is above those of all others"}
    return {"provider": None, "why": "the intervals of the best overlap: it cannot be told"}
