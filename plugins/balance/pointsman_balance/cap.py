"""The traffic cap: how many requests a minute an endpoint takes, learnt from when it refuses them."""

from __future__ import annotations

from math import log

from .decay import Fading

__all__ = ["TrafficCap"]

BACK = 0.8
"""Share of the rate at the time of a refusal that is sent from then on."""
FORTH = 0.05
"""By how much the cap rises in a minute without a refusal."""
MINUTE = 60.0
LN2 = log(2)
FORGOTTEN = 10.0
"""A cap so many times higher than what is sent says nothing any more."""


class TrafficCap:
    """The cap of one endpoint. Times are monotonic seconds."""

    __slots__ = ("_at", "_cap", "_rate")

    def __init__(self) -> None:
        self._rate = Fading(MINUTE)
        self._cap: float | None = None
        self._at = 0.0

    def rate(self, now: float) -> float:
        """Requests a minute, lately. What fades stands for 1/ln 2 minutes of a steady stream."""
        return self._rate.left(now) * LN2

    def begun(self, now: float) -> None:
        """A request goes there."""
        self._rate.add(1.0, now)

    def refused(self, now: float) -> None:
        """A request was refused for their number."""
        cap = self.cap(now)
        rate = self.rate(now)
        self._cap = max(1.0, BACK * (rate if cap is None else min(cap, rate)))
        self._at = now

    def cap(self, now: float) -> float | None:
        """Requests a minute that it is thought to take; None where it never refused one."""
        if self._cap is None:
            return None
        risen: float = self._cap * (1 + FORTH) ** ((now - self._at) / MINUTE)
        return risen

    def factor(self, now: float) -> float:
        """What that does to its weight: 1 below the cap, less the more it is exceeded."""
        cap = self.cap(now)
        if cap is None:
            return 1.0
        rate = self.rate(now)
        if cap > FORGOTTEN * max(rate, 1.0):
            self._cap = None
        return 1.0 if rate <= cap else (cap / rate) ** 4
