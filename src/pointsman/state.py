"""State: counters shared by all that serve one deployment, which may be lost.

What is not yet known is held under a lease until `settle` says what was used instead.
Time is integer nanoseconds of a monotonic clock; the wall clock only says where a calendar window ends when
it begins, so that a jump of it cannot stretch a window.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from pointsman.counters import (
    LENGTH,
    SECOND,
    WINDOWS,
    Bucket,
    Counter,
    Demand,
    Period,
    Quota,
    Seats,
    Verdict,
    Window,
)
from pointsman.errors import StartupError

__all__ = ["Demand", "MemoryState", "Period", "Quota", "State", "Verdict", "open_state"]

CAPACITY = 1_000_000
LEASE = 3600.0
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


class State(Protocol):
    """Counters shared by all that serve one deployment."""

    def take_now(self, demands: Sequence[Demand], lease: str = "", ttl: float = LEASE) -> Verdict | None:
        """As `take`, by a state that need not wait for the answer; None, and nothing taken, by any other."""

    async def take(self, demands: Sequence[Demand], lease: str = "", ttl: float = LEASE) -> Verdict:
        """Take all the demands or none of them, in one step that nothing can come between.

        What is to be held is so under the name `lease`, for `ttl` seconds at most. Raises ValueError for a
        negative cost, and for something to hold without a lease.
        """

    def settle_now(self, lease: str, used: Sequence[Demand] = ()) -> bool:
        """As `settle`, by a state that need not wait; False, and nothing done, by any other."""

    async def settle(self, lease: str, used: Sequence[Demand] = ()) -> None:
        """Let go of all that is held under `lease`, and count what was `used`, also beyond the amount."""

    async def give_back(self, demands: Sequence[Demand], elapsed: float = 0.0) -> None:
        """Undo what was used up `elapsed` seconds ago, as far as no time has done so: a bucket has refilled
        by as much as it could since, and a window that is over stays as it is."""

    async def seed(self, demand_key: str, period: Period, used: int) -> None:
        """Set what the running window of an hour or day has used, unless it knows of more.

        Rebuilds the window after a restart. Raises ValueError for a shorter period.
        """

    async def close(self) -> None:
        """Let go of what the state holds."""

    def health(self) -> dict[str, Any]:
        """`ok`, and figures of the engine."""


_Key = tuple[str, Period]


class _Lease(msgspec.Struct, gc=False):
    """What is held under one name, and until when at most."""

    expires: int
    holds: list[tuple[Counter, int]]


class MemoryState:
    """A `State` in this process. Atomic because no step awaits: use it from one event loop.

    `now` is a monotonic clock in nanoseconds. Counters that can no longer matter count for nothing; beyond
    `capacity` the ones used least recently are forgotten.
    """

    def __init__(
        self,
        *,
        now: Callable[[], int] = time.monotonic_ns,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
        capacity: int = CAPACITY,
    ) -> None:
        self._utcnow = utcnow
        self._now = now
        self._capacity = capacity
        self._counters: OrderedDict[_Key, Counter] = OrderedDict()  # least recent first
        self._leases: OrderedDict[str, _Lease] = OrderedDict()

    def take_now(self, demands: Sequence[Demand], lease: str = "", ttl: float = LEASE) -> Verdict:
        """See `State.take_now`."""
        if not demands:
            return Verdict(True, None, 0, 0, 0.0, 0.0)
        now = self._now()
        verdict = self._take(demands, lease, now, ttl)
        if not verdict.allowed and self._expire(now):
            return self._take(demands, lease, now, ttl)
        return verdict

    async def take(self, demands: Sequence[Demand], lease: str = "", ttl: float = LEASE) -> Verdict:
        """See `State.take`."""
        return self.take_now(demands, lease, ttl)

    def settle_now(self, lease: str, used: Sequence[Demand] = ()) -> bool:
        """See `State.settle_now`."""
        now = self._now()
        self._let_go(lease)
        for demand in used:
            self._counter(demand, now).book(demand, now)
        return True

    async def settle(self, lease: str, used: Sequence[Demand] = ()) -> None:
        """See `State.settle`."""
        self.settle_now(lease, used)

    async def give_back(self, demands: Sequence[Demand], elapsed: float = 0.0) -> None:
        """See `State.give_back`."""
        now = self._now()
        since = now - round(elapsed * SECOND)
        for demand in demands:
            self._counter(demand, now).undo(demand, now, since)

    async def seed(self, demand_key: str, period: Period, used: int) -> None:
        """See `State.seed`."""
        if period not in WINDOWS:
            raise ValueError(f"only windows of an hour or a day can be seeded, not of a {period}")
        window = self._counter(Demand(demand_key, Quota(1, period)), self._now())
        if isinstance(window, Window):
            window.used = max(window.used, used)

    async def close(self) -> None:
        """See `State.close`."""
        self._counters.clear()
        self._leases.clear()

    def health(self) -> dict[str, Any]:
        """`ok`, `counters` that matter, of at most `capacity`, and `leases`; all others are forgotten."""
        now = self._now()
        self._expire(now)
        over = [key for key, each in self._counters.items() if not each.held and each.expires <= now]
        for key in over:
            del self._counters[key]
        figures = {"counters": len(self._counters), "capacity": self._capacity}
        return {"ok": True, **figures, "leases": len(self._leases)}

    def _take(self, demands: Sequence[Demand], lease: str, now: int, ttl: float) -> Verdict:
        """All the demands or none, by what is held and used at this moment."""
        if len(demands) == 1 and not demands[0].hold and demands[0].cost >= 0:
            return self._counter(demands[0], now).spend(demands[0], now)
        verdicts: list[Verdict] = []
        holds: list[tuple[Counter, int]] = []
        allowed = True
        for demand in demands:
            counter, cost = self._counter(demand, now), demand.cost
            if cost < 0 or (demand.hold and not lease):
                raise ValueError(f"a demand that costs {cost} under the lease {lease!r}")
            verdict = counter.spend(demand, now)
            verdicts.append(verdict)
            if not verdict.allowed:
                allowed = False
            elif demand.hold:
                holds.append((counter, cost))
        if not allowed:
            return _refused([self._counter(demand, now) for demand in demands], verdicts, now)
        if holds:
            expires = now + round(ttl * SECOND)
            self._leases.setdefault(lease, _Lease(expires, [])).holds += holds
        if len(verdicts) == 1:
            return verdicts[0]
        tightest = verdicts[0]
        for verdict in verdicts:
            if verdict.remaining * tightest.limit < tightest.remaining * verdict.limit:
                tightest = verdict
        return Verdict(
            True,
            tightest.demand,
            tightest.limit,
            tightest.remaining,
            0.0,
            tightest.reset_after,
            tuple(verdicts),
        )

    def _let_go(self, lease: str) -> None:
        """Free what is held under a lease, if that is still there."""
        held = self._leases.pop(lease, None)
        if held is not None:
            for counter, cost in held.holds:
                counter.held -= cost

    def _expire(self, now: int) -> bool:
        """End the leases that have run out, oldest first; say whether there were any."""
        some = False
        while self._leases and next(iter(self._leases.values())).expires <= now:
            self._let_go(next(iter(self._leases)))
            some = True
        return some

    def _counter(self, demand: Demand, now: int) -> Counter:
        """The counter of a demand: the one there is, or a new one, for which the least recent one may go."""
        quota = demand.quota
        key = demand.key, quota.period
        counter = self._counters.get(key)
        if counter is None:
            counter = self._counters[key] = self._new(quota, now)
            if len(self._counters) > self._capacity:
                self._counters.popitem(last=False)
            return counter
        self._counters.move_to_end(key)
        if type(counter) is Window and now >= counter.ends:
            self._turn(counter, now)
        return counter

    def _new(self, quota: Quota, now: int) -> Counter:
        if quota.period == "lease":
            return Seats()
        length = LENGTH[quota.period]
        if quota.period not in WINDOWS:
            return Bucket(0, quota.amount)
        index, ends = self._calendar(length, now)
        return Window(index, length, now, ends)

    def _turn(self, window: Window, now: int) -> None:
        """Begin the next window: to the end of the hour or day by the wall clock.

        Where that clock still shows the window that is over, the next one has begun all the same and has
        its full length.
        """
        index, ends = self._calendar(window.length, now)
        if index == window.index and now < window.expires:
            index, ends = index + 1, now + window.length
        window.index, window.begins, window.ends, window.used = index, now, ends, 0

    def _calendar(self, length: int, now: int) -> tuple[int, int]:
        """The number of the window that the wall clock shows, and when it ends on the monotonic one."""
        index, elapsed = divmod((self._utcnow() - EPOCH) // MICROSECOND * 1000, length)
        return index, now + length - elapsed


def open_state(
    url: str,
    *,
    now: Callable[[], int] = time.monotonic_ns,
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


def _refused(counters: Sequence[Counter], verdicts: Sequence[Verdict], now: int) -> Verdict:
    """Put back what was taken all the same; the verdict with the longest wait."""
    parts = []
    for counter, verdict in zip(counters, verdicts, strict=True):
        demand = verdict.demand
        if verdict.allowed and demand is not None:
            if demand.hold:
                counter.held -= demand.cost
            else:
                counter.undo(demand, now, now)
            remaining = verdict.remaining + demand.cost
            parts.append(msgspec.structs.replace(verdict, remaining=remaining))
        else:
            parts.append(verdict)
    longest = max((each for each in parts if not each.allowed), key=lambda each: each.retry_after)
    return longest if len(parts) == 1 else msgspec.structs.replace(longest, parts=tuple(parts))
