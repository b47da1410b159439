"""Counters: what a quota lets through, by what is used, what is held, and the time.

Quotas per second and minute are GCRA: a bucket of `amount` that refills evenly over the period. Quotas per
hour and day are calendar windows in UTC. Quotas of leases bound what is held at a time. What is not yet
known is held, and counts as used until it is known: so no more than `amount` is ever promised, and nothing
has to be taken back from a bucket that has refilled meanwhile.
"""

from __future__ import annotations

import math
from typing import Literal

import msgspec

__all__ = [
    "A_WHILE",
    "LENGTH",
    "SECOND",
    "WINDOWS",
    "Bucket",
    "Counter",
    "Demand",
    "Period",
    "Quota",
    "Seats",
    "Verdict",
    "Window",
]

Period = Literal["second", "minute", "hour", "day", "lease"]
"""A quota of a `lease` is of what is held at a time; the others are of what is used in a time."""

SECOND = 1_000_000_000  # nanoseconds
LENGTH: dict[Period, int] = {
    "second": SECOND,
    "minute": 60 * SECOND,
    "hour": 3600 * SECOND,
    "day": 86_400 * SECOND,
    "lease": 0,
}
WINDOWS = frozenset({"hour", "day"})
A_WHILE = 1.0
"""Seconds after which to ask again for what others hold: nobody knows when they let go."""


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
    """`cost` units (zero or more) of the counter `key`, used up or, with `hold`, held until settled.

    A counter is a key and a period, whatever the amount. Nothing can always be had.
    """

    key: str
    quota: Quota
    cost: int = 1
    hold: bool = False


class Verdict(msgspec.Struct, frozen=True):
    """What a `take` came to.

    `demand` is the one that refused (with the longest wait), or the tightest (least left of its amount) when
    allowed; None where nothing was demanded. `limit` and `remaining` are its units. `retry_after` is in
    seconds: 0 when allowed, infinite where the cost exceeds the amount, a guess where others hold what is
    wanted. `reset_after`, in seconds, is when the counter is full again or its window ends. `parts` are the
    verdicts on several demands, in their order.
    """

    allowed: bool
    demand: Demand | None
    limit: int
    remaining: int
    retry_after: float
    reset_after: float
    parts: tuple[Verdict, ...] = ()


class Bucket(msgspec.Struct, gc=False):
    """A GCRA counter: `full_at` is when it is full again, in nanoseconds times `amount`, exact that way."""

    full_at: int
    amount: int
    held: int = 0

    @property
    def expires(self) -> int:
        """When it no longer matters, in nanoseconds, unless something is held."""
        return _ceil(self.full_at, self.amount)

    def spend(self, demand: Demand, now: int) -> Verdict:
        """Take the demand, if there is as much."""
        quota, cost = demand.quota, demand.cost
        amount, length = quota.amount, LENGTH[quota.period]
        if amount != self.amount:
            self._resize(amount)
        empty, taken = now * amount, cost * length
        used = self.full_at - empty if self.full_at > empty else 0
        owed = used + taken + self.held * length
        room = length * amount - owed
        if room < 0 and cost:
            return self._refuse(demand, used, -room)
        if demand.hold:
            self.held += cost
        else:
            self.full_at = empty + used + taken
        remaining = room // length if room > 0 else 0
        return Verdict(True, demand, amount, remaining, 0.0, owed / amount / SECOND)

    def _refuse(self, demand: Demand, used: int, over: int) -> Verdict:
        """The verdict on a demand that is `over` what there is, of which `used` refills with time."""
        amount, length = self.amount, LENGTH[demand.quota.period]
        retry_after = _ceil(over, amount) / SECOND
        if demand.cost > amount:
            retry_after = math.inf
        elif over > used:  # time alone does not help: it is held
            retry_after = A_WHILE
        owed = used + self.held * length
        remaining = max(0, amount - _ceil(owed, length))
        return Verdict(False, demand, amount, remaining, retry_after, _ceil(owed, amount) / SECOND)

    def book(self, demand: Demand, now: int) -> None:
        """Count what was used, whatever is left."""
        quota = demand.quota
        if quota.amount != self.amount:
            self._resize(quota.amount)
        self.full_at = max(self.full_at, now * quota.amount) + demand.cost * LENGTH[quota.period]

    def undo(self, demand: Demand, now: int, since: int) -> None:
        """Give back what was used up at `since`, less what may have refilled."""
        owed = demand.cost * LENGTH[demand.quota.period] - (now - since) * self.amount
        self.full_at -= max(0, owed)

    def _resize(self, amount: int) -> None:
        """A changed amount keeps the moment at which the bucket is full."""
        self.full_at, self.amount = self.full_at * amount // self.amount, amount


class Window(msgspec.Struct, gc=False):
    """A calendar window: its number since 1970, when it begins and ends on the monotonic clock, its use."""

    index: int
    length: int
    begins: int
    ends: int
    used: int = 0
    held: int = 0

    @property
    def expires(self) -> int:
        """When it no longer matters, in nanoseconds, unless something is held."""
        # kept for one length more: whoever opens the next must know it when the wall clock lags behind
        return self.ends + self.length

    def spend(self, demand: Demand, now: int) -> Verdict:
        """Take the demand, if there is as much."""
        amount, cost = demand.quota.amount, demand.cost
        reset_after = (self.ends - now) / SECOND
        left = amount - self.used - self.held
        if cost > left and cost:
            retry_after = math.inf if cost > amount else reset_after
            if self.used + cost <= amount:  # it is held
                retry_after = min(reset_after, A_WHILE)
            return Verdict(False, demand, amount, max(0, left), retry_after, reset_after)
        if demand.hold:
            self.held += cost
        else:
            self.used += cost
        remaining = left - cost if left > cost else 0
        return Verdict(True, demand, amount, remaining, 0.0, reset_after)

    def book(self, demand: Demand, _now: int) -> None:
        """Count what was used, whatever is left."""
        self.used += demand.cost

    def undo(self, demand: Demand, _now: int, since: int) -> None:
        """Give back what was used up at `since`, if that was in this window."""
        if since >= self.begins:
            self.used = max(0, self.used - demand.cost)


class Seats(msgspec.Struct, gc=False):
    """What is held at a time."""

    held: int = 0
    expires: int = 0

    def spend(self, demand: Demand, _now: int) -> Verdict:
        """Take the demand, if there is as much."""
        amount, cost = demand.quota.amount, demand.cost
        allowed = self.held + cost <= amount or not cost
        if allowed and demand.hold:
            self.held += cost
        retry_after = 0.0 if allowed else math.inf if cost > amount else A_WHILE
        reset_after = A_WHILE if self.held else 0.0
        return Verdict(allowed, demand, amount, max(0, amount - self.held), retry_after, reset_after)

    def book(self, _demand: Demand, _now: int) -> None:
        """Nothing: what is over is held no more."""

    def undo(self, _demand: Demand, _now: int, _since: int) -> None:
        """Nothing is used up here."""


Counter = Bucket | Window | Seats


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
