"""The sample of requests whose task is found out though nobody asked."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

__all__ = ["PER_SECOND", "Sample"]

PER_SECOND = 20
"""So many at most: a busy server learns no more from a hundred times as many."""


class Sample:
    """A share of all, drawn, and no more than `PER_SECOND`; after a pause as many at once."""

    def __init__(
        self, share: float, draw: Callable[[], float], clock: Callable[[], float] = monotonic
    ) -> None:
        self._share, self._draw, self._clock = share, draw, clock
        self._room, self._seen = float(PER_SECOND), clock()

    def takes(self) -> bool:
        """Whether this one is in it."""
        if self._draw() >= self._share:
            return False
        now = self._clock()
        self._room = min(PER_SECOND, self._room + (now - self._seen) * PER_SECOND)
        self._seen = now
        if self._room < 1:
            return False
        self._room -= 1
        return True
