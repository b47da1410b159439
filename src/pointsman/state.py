"""Shared counters that may be lost: rate limits and calendar quotas.

Quotas per second and minute are GCRA: a bucket of `amount` that refills evenly over the period. Quotas per
hour and day are calendar windows in UTC. Time is integer nanoseconds of a monotonic clock; the wall clock
only says where a calendar window ends when it begins, so that a jump of it cannot stretch a window.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Protocol

import msgspec
from cachetools import LRUCache

from pointsman.errors import StartupError

__all__ = ["Demand", "MemoryState", "Period", "Quota", "State", "Verdict", "open_state"]

Period = Literal["second", "minute", "hour", "day"]

SECOND = 1_000_000_000  # nanoseconds
LENGTH: dict[Period, int] = {
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": 86_400 * SECOND,
}
CAPACITY = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class Quota(msgspec.Struct, frozen=True):
    """At most `amount` (one or more) in each `period`. Raises ValueError otherwise."""

    amount: int
    period: Period

    def __post_init__(self) -> None:
        if self.amount < 1:
            raise ValueError(f"a quota must be at least 1, not {self.amount}")
        if self.period not in LENGTH:
            raise ValueError(f"a quota's period is one of {', '.join(LENGTH)}, not {self.period!r}")


class Demand(msgspec.Struct, frozen=True):
    """`cost` units of the counter `key`; a counter is a key and a period, whatever the amount.

    Raises ValueError for a negative cost.
    """

    key: str
    quota: Quota
    cost: int = 1

    def __post_init__(self) -> None:
        if self.cost < 0:
            raise ValueError(f"a demand cannot cost {self.cost}")


class Verdict(msgspec.Struct, frozen=True):
    """What a `take` came to.

    `demand` is the one that refused (with the longest wait), or the tightest (least left of its amount) when
    allowed; None where nothing was demanded. `limit` and `remaining` are its units. `retry_after` is in
    seconds: 0 when allowed, infinite where the cost exceeds the amount. `reset_after`, in seconds, is when
    the counter is full again or its window ends.
    """

    allowed: bool
    demand: Demand | None
    limit: int
    remaining: int
    retry_after: float
    reset_after: float


class State(Protocol):
    """Counters shared by all that serve one deployment."""

    def take_now(self, demands: Sequence[Demand]) -> Verdict | None:
        """As `take`, by a state that need not wait for the answer; None, and nothing taken, by any other."""

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """Take all the demands or none of them, in one step that nothing can come between."""

    async def seed(self, demand_key: str, period: Period, used: int) -> None:
        """Set what the running window of an hour or day has used, unless it knows of more.

        Rebuilds the window after a restart. Raises ValueError for a shorter period.
        """

    async def close(self) -> None:
        """Let go of what the state holds."""

    def health(self) -> dict[str, Any]:
        """`ok`, and figures of the engine."""


class _Bucket(msgspec.Struct, gc=False):
    """A GCRA counter: `full_at` is when it is full again, in nanoseconds times `amount`, exact that way."""

    full_at: int
    amount: int

    @property
    def expires(self) -> int:
        return _ceil(self.full_at, self.amount)

    def spend(self, demand: Demand, now: int) -> Verdict:
        """Take the demand, if there is as much."""
        quota, cost = demand.quota, demand.cost
        amount, length = quota.amount, LENGTH[quota.period]
        empty = now * amount
        full_at = self.full_at
        if amount != self.amount:  # a changed amount keeps the moment at which it is full
            full_at = full_at * amount // self.amount
            self.full_at, self.amount = full_at, amount
        full_at = max(full_at, empty)
        wanted, limit = full_at + cost * length, empty + length * amount
        retry_after = 0.0
        if wanted <= limit:
            self.full_at = full_at = wanted
        elif cost > amount:
            retry_after = math.inf
        else:
            retry_after = _ceil(wanted - limit, amount) / SECOND
        remaining = (limit - full_at) // length
        reset_after = _ceil(full_at - empty, amount) / SECOND
        return Verdict(wanted <= limit, demand, amount, remaining, retry_after, reset_after)

    def give_back(self, demand: Demand) -> None:
        """Undo a `spend` that was allowed."""
        self.full_at -= demand.cost * LENGTH[demand.quota.period]


class _Window(msgspec.Struct, gc=False):
    """A calendar window: its number since 1970, when it ends on the monotonic clock, and its use."""

    index: int
    length: int
    ends: int
    used: int = 0

    @property
    def expires(self) -> int:
        # kept for one length more: `_window` must know it when the wall clock lags behind
        return self.ends + self.length

    def spend(self, demand: Demand, now: int) -> Verdict:
        """Take the demand, if there is as much."""
        amount, cost = demand.quota.amount, demand.cost
        allowed = self.used + cost <= amount
        reset_after = (self.ends - now) / SECOND
        retry_after = 0.0
        if allowed:
            self.used += cost
        else:
            retry_after = math.inf if cost > amount else reset_after
        return Verdict(allowed, demand, amount, max(0, amount - self.used), retry_after, reset_after)

    def give_back(self, demand: Demand) -> None:
        """Undo a `spend` that was allowed."""
        self.used -= demand.cost


_Key = tuple[str, Period]
_Counter = _Bucket | _Window


class MemoryState:
    """A `State` in this process. Atomic because no step awaits: use it from one event loop.

    `now` is a monotonic clock in seconds. Counters that can no longer matter count for nothing; beyond
    `capacity` the ones used least recently are forgotten.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        capacity: int = CAPACITY,
    ) -> None:
        self._utcnow = utcnow
        self._now = now
        self._counters: LRUCache[_Key, _Counter] = LRUCache(capacity)

    def take_now(self, demands: Sequence[Demand]) -> Verdict:
        """See `State.take_now`."""
        if not demands:
            return Verdict(True, None, 0, 0, 0.0, 0.0)
        now = round(self._now() * SECOND)
        if len(demands) == 1:
            return self._counter(demands[0], now).spend(demands[0], now)
        spent = []
        for demand in demands:
            counter = self._counter(demand, now)
            spent.append((counter, demand, counter.spend(demand, now)))
        verdicts = [verdict for _, _, verdict in spent]
        refused = [verdict for verdict in verdicts if not verdict.allowed]
        if not refused:
            return min(verdicts, key=lambda verdict: verdict.remaining / verdict.limit)
        for counter, demand, verdict in spent:
            if verdict.allowed:
                counter.give_back(demand)
        return max(refused, key=lambda verdict: verdict.retry_after)

    async def take(self, demands: Sequence[Demand]) -> Verdict:
        """See `State.take`."""
        return self.take_now(demands)

    async def seed(self, demand_key: str, period: Period, used: int) -> None:
        """See `State.seed`."""
        if period not in ("hour", "day"):
            raise ValueError(f"only windows of an hour or a day can be seeded, not of a {period}")
        window = self._window((demand_key, period), round(self._now() * SECOND))
        window.used = max(window.used, used)

    async def close(self) -> None:
        """See `State.close`."""
        self._counters.clear()

    def health(self) -> dict[str, Any]:
        """`ok`, and `counters` that matter, of at most `capacity`; the others are forgotten."""
        now = round(self._now() * SECOND)
        for key in [key for key, counter in self._counters.items() if counter.expires <= now]:
            del self._counters[key]
        return {"ok": True, "counters": len(self._counters), "capacity": int(self._counters.maxsize)}

    def _counter(self, demand: Demand, now: int) -> _Counter:
        """The counter of a demand: the one there is, or a new one."""
        period = demand.quota.period
        key = (demand.key, period)
        if period in ("hour", "day"):
            return self._window(key, now)
        try:
            return self._counters[key]
        except KeyError:
            bucket = self._counters[key] = _Bucket(0, demand.quota.amount)
            return bucket

    def _window(self, key: _Key, now: int) -> _Window:
        """The running window, or the next one: to the end of the hour or day by the wall clock.

        Where that clock still shows the window that is over, the next one has begun all the same and has
        its full length.
        """
        last = self._counters.get(key)
        if isinstance(last, _Window) and now < last.ends:
            return last
        length = LENGTH[key[1]]
        index, elapsed = divmod((self._utcnow() - EPOCH) // MICROSECOND * 1000, length)
        window = _Window(index, length, now + length - elapsed)
        if isinstance(last, _Window) and index == last.index and now < last.expires:
            window = _Window(index + 1, length, now + length)
        self._counters[key] = window
        return window


def open_state(
    url: str,
    *,
    now: Callable[[], float] = time.monotonic,
    utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> State:
    """The state at `url`: `memory`.

    Raises StartupError for anything else, without repeating it: it may hold a password.
    """
    if url != "memory":
        scheme = url.partition(":")[0]
        raise StartupError(
            f"state: the core keeps state in memory only, not in {scheme!r}. Install and configure the "
            "plugin for that engine, or write `state: memory`."
        )
    return MemoryState(now=now, utcnow=utcnow)


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
