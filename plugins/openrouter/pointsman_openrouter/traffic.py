"""Traffic: uptime, latency and throughput of endpoints, out of the generations in the ledger.

A request counts where its time says: one that went to several endpoints counts for each of them. Not counted
are attempts at somebody's own expense, which may fail for a reason of his own, and those that the client
ended or was at fault for.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.ledger import Ledger
from pointsman_usage.endpoints import BLAMELESS, BLAMELESS_STATUSES

__all__ = ["NOTHING", "Traffic", "TrafficWatch"]

FEWEST = 20
"""Of fewer requests nothing is said: a single failure would say too much."""
FRESH = 10.0
"""Seconds for which what was read counts as current."""
UPTIMES = ("uptime_last_5m", "uptime_last_30m", "uptime_last_1d")
SHARES = (50, 75, 90, 99)
STATUSES = ", ".join(map(str, BLAMELESS_STATUSES))
MINUTE, TEN_MINUTES = 16, 15
"""How many characters of a time say the minute, and ten of them."""

BLAMELESS_NAMES = {f"blameless{number}": each for number, each in enumerate(BLAMELESS)}
BLAMED = f"not in ({', '.join(f':{name}' for name in BLAMELESS_NAMES)})"
ALONE = f"""
select substr(at, 1, :length) as slot, endpoint,
    sum(case when outcome = 'complete' then 1 else 0 end) as good,
    sum(case when outcome in ('failed', 'incomplete') and coalesce(error_type, '') {BLAMED}
        then 1 else 0 end) as bad
from generations
where at >= :start and at < :end and attempts = 1 and byok = 0
group by substr(at, 1, :length), endpoint
"""  # noqa: S608 - our own names
TOLD = ", ".join(
    f"json_extract(value, '$.{name}') as {name}" for name in ("endpoint", "status", "error_type", "ms")
)
SEVERAL = f"""
with each as (
    select substr(at, 1, :length) as slot, {TOLD}
    from generations, json_each(tried)
    where at >= :start and at < :end and attempts > 1 and not json_extract(value, '$.byok')
)
select slot, endpoint,
    sum(case when error_type is null and ms is not null then 1 else 0 end) as good,
    sum(case when error_type {BLAMED} and coalesce(status, 0) not in ({STATUSES})
        then 1 else 0 end) as bad
from each group by slot, endpoint
"""  # noqa: S608 - our own names
"""Of attempts; one that was interrupted has no time."""
TIMES = """
with timed as (
    select endpoint, {value} as value from generations
    where at >= :start and attempts = 1 and outcome = 'complete' and {known}
), ranked as (
    select endpoint, value, row_number() over (partition by endpoint order by value {order}) as place,
        count(*) over (partition by endpoint) as found
    from timed
)
select endpoint, {shares} from ranked where found >= :fewest group by endpoint
"""


def _times(value: str, known: str, order: str) -> str:
    shares = (
        f"max(case when place = (found * {share} + 99) / 100 then value end) as p{share}" for share in SHARES
    )
    return TIMES.format(value=value, known=known, order=order, shares=", ".join(shares))


LATENCY = _times("first_content_ms - queue_ms", "stream = 1 and first_content_ms is not null", "asc")
THROUGHPUT = _times(
    "output_tokens * 1000.0 / (total_ms - queue_ms)",
    "output_tokens > 0 and estimated = 0 and total_ms > queue_ms",
    "desc",
)
"""Of requests, so many per cent are as fast at least, or faster."""

Counts = dict[str, tuple[int, int]]
"""By endpoint: how often it answered, and how often it failed."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What an endpoint's traffic shows: `uptime` in per cent, of five minutes, half an hour and a day;
    milliseconds until the first content, and tokens a second, at the SHARES of requests. None is unknown."""

    uptime: tuple[float | None, ...] = (None, None, None)
    latency: Mapping[str, float] | None = None
    throughput: Mapping[str, float] | None = None

    def shown(self) -> dict[str, Any]:
        """In the shape of an endpoint."""
        return {
            **dict(zip(UPTIMES, self.uptime, strict=True)),
            "latency_last_30m": self.latency,
            "throughput_last_30m": self.throughput,
        }


NOTHING = Traffic()


@dataclass(slots=True)
class TrafficWatch:
    """Reads the traffic when it is asked for, at most once in FRESH seconds. What is past the last half hour
    is kept by tens of minutes and not read again."""

    _found: Mapping[str, Traffic] = field(default_factory=dict)
    _read_at: float = float("-inf")
    _past: dict[str, Counts] = field(default_factory=dict)
    _until: str = ""
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def traffic(self, ledger: Ledger) -> Mapping[str, Traffic]:
        """What there is of endpoints with any traffic, by their ids."""
        async with self._lock:
            if time.monotonic() >= self._read_at + FRESH and ledger.has_table("generations"):
                self._found = await self._read(ledger, datetime.now(UTC))
                self._read_at = time.monotonic()
        return self._found

    async def _read(self, ledger: Ledger, now: datetime) -> dict[str, Traffic]:
        day_ago, half_hour_ago, minutes_ago = (
            (now - timedelta(minutes=minutes)).isoformat()[:MINUTE] for minutes in (24 * 60, 30, 5)
        )
        recently = half_hour_ago[:TEN_MINUTES]
        since = max(day_ago[:TEN_MINUTES], self._until)
        if since < recently:
            self._past |= await _counts(ledger, TEN_MINUTES, since, recently)
            self._until = recently
        self._past = {slot: counts for slot, counts in self._past.items() if slot >= day_ago[:TEN_MINUTES]}
        recent = await _counts(ledger, MINUTE, recently, "9")
        spans = (
            _sum(counts for slot, counts in recent.items() if slot >= minutes_ago),
            _sum(counts for slot, counts in recent.items() if slot >= half_hour_ago),
            _sum((*self._past.values(), *recent.values())),
        )
        params = {"start": half_hour_ago, "fewest": FEWEST}
        latency = _by_share(await ledger.select(LATENCY, params))
        throughput = _by_share(await ledger.select(THROUGHPUT, params))
        return {
            endpoint: Traffic(
                tuple(_uptime(span.get(endpoint)) for span in spans),
                latency.get(endpoint),
                throughput.get(endpoint),
            )
            for endpoint in spans[-1]
        }


async def _counts(ledger: Ledger, length: int, start: str, end: str) -> dict[str, Counts]:
    """Successes and failures by slots of time, each said by so many characters."""
    params = {"length": length, "start": start, "end": end}
    found: dict[str, Counts] = {}
    for sql in (ALONE, SEVERAL):
        for row in await ledger.select(sql, {**params, **BLAMELESS_NAMES}):
            counts = found.setdefault(row["slot"], {})
            good, bad = counts.get(row["endpoint"], (0, 0))
            counts[row["endpoint"]] = good + row["good"], bad + row["bad"]
    return found


def _sum(several: Iterable[Counts]) -> Counts:
    total: Counts = {}
    for counts in several:
        for endpoint, (good, bad) in counts.items():
            before = total.get(endpoint, (0, 0))
            total[endpoint] = before[0] + good, before[1] + bad
    return total


def _uptime(counts: tuple[int, int] | None) -> float | None:
    good, bad = counts or (0, 0)
    return round(100 * good / (good + bad), 3) if good + bad >= FEWEST else None


def _by_share(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    shares = [f"p{share}" for share in SHARES]
    return {row["endpoint"]: {share: round(row[share], 3) for share in shares} for row in rows}
