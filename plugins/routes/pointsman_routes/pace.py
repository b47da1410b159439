"""Pace: how fast endpoints have answered in the last minutes, from the generations in the ledger."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.ledger import Ledger

from .preferences import Percentiles

__all__ = ["Pace", "Paces"]

WINDOW = timedelta(minutes=5)
FRESH = 5.0
"""Seconds for which what was read is good."""
MOST_ROWS = 20_000
TABLE = "generations"
SELECT = """
select endpoint, stream, output_tokens, queue_ms, first_content_ms, total_ms from generations
where at >= :since and outcome = 'complete' and attempts = 1 order by at desc limit :most
"""
SHARES = {"p50": 50, "p75": 75, "p90": 90, "p99": 99}


class Pace:
    """How one endpoint has answered: tokens a second, and seconds until the first content of streams."""

    __slots__ = ("latency", "throughput")

    def __init__(self, throughput: Sequence[float], latency: Sequence[float]) -> None:
        self.throughput = sorted(throughput, reverse=True)
        self.latency = sorted(latency)

    @property
    def usual_throughput(self) -> float | None:
        """What half of its answers reach."""
        return _reached(self.throughput, 50)

    @property
    def usual_latency(self) -> float | None:
        """What half of its streams keep to."""
        return _reached(self.latency, 50)

    def is_as_fast(self, wanted: Percentiles) -> bool | None:
        """Whether so many of its answers are as fast as that; None where it is not known."""
        return _holds(self.throughput, wanted, lambda seen, least: seen >= least)

    def is_as_quick(self, wanted: Percentiles) -> bool | None:
        """Whether so many of its streams begin as soon as that; None where it is not known."""
        return _holds(self.latency, wanted, lambda seen, most: seen <= most)


class Paces:
    """The pace of every endpoint that has answered lately; read when somebody asks for it, and not often."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self.known: Mapping[str, Pace] = {}
        self._now = now
        self._read = -FRESH
        self._one = asyncio.Lock()

    @property
    def fresh(self) -> bool:
        """Whether what is known was read a moment ago."""
        return self._now() - self._read < FRESH

    async def read(self, ledger: Ledger) -> None:
        """Read it anew, unless somebody else just has."""
        async with self._one:
            if self.fresh or not ledger.has_table(TABLE):
                return
            since = (datetime.now(UTC) - WINDOW).isoformat(timespec="milliseconds")
            self.known = _paces(await ledger.select(SELECT, {"since": since, "most": MOST_ROWS}))
            self._read = self._now()


def _paces(rows: Iterable[Mapping[str, Any]]) -> dict[str, Pace]:
    throughput, latency = defaultdict(list), defaultdict(list)
    for row in rows:
        name, queued = row["endpoint"], row["queue_ms"] or 0
        seconds = (row["total_ms"] - queued) / 1000
        if row["output_tokens"] and seconds > 0:
            throughput[name].append(row["output_tokens"] / seconds)
        if row["stream"] and row["first_content_ms"] is not None:
            latency[name].append(max(0, row["first_content_ms"] - queued) / 1000)
    return {name: Pace(throughput[name], latency[name]) for name in {*throughput, *latency}}


def _reached(best_first: Sequence[float], share: int) -> float | None:
    """What so many of a hundred reach."""
    return best_first[-(-len(best_first) * share // 100) - 1] if best_first else None


def _holds(
    best_first: Sequence[float], wanted: Percentiles, good: Callable[[float, float], bool]
) -> bool | None:
    for name, share in SHARES.items():
        bound, seen = getattr(wanted, name), _reached(best_first, share)
        if seen is None:
            return None
        if bound is not None and not good(seen, bound):
            return False
    return True
