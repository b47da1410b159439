"""Percentiles of the last minutes, of values that are only counted: by minute, in steps of a tenth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import accumulate
from math import ceil, exp, log

__all__ = ["MINUTES", "SHARES", "Percentiles"]

MINUTES = 30
"""How long values are kept."""
SHARES = (0.5, 0.75, 0.9, 0.99)
STEP = log(1.1)
"""A value is known to a twentieth: it is counted among those up to a tenth larger."""
SMALLEST = 1e-6


class Percentiles:
    """The values of one quantity. Times are monotonic seconds."""

    __slots__ = ("_minutes",)

    def __init__(self) -> None:
        self._minutes: dict[int, Counter[int]] = {}

    def add(self, value: float, now: float) -> None:
        """Count a value, which is above 0."""
        minute = int(now // 60)
        counts = self._minutes.get(minute)
        if counts is None:
            self._minutes = {kept: each for kept, each in self._minutes.items() if kept > minute - MINUTES}
            counts = self._minutes[minute] = Counter()
        counts[int(log(max(value, SMALLEST)) // STEP)] += 1

    def count(self, now: float, minutes: int = MINUTES) -> int:
        """How many values there were in the last minutes."""
        return sum(self._since(now, minutes).values())

    def of(self, now: float, minutes: int = MINUTES, shares: Sequence[float] = SHARES) -> list[float] | None:
        """For each share the value that so many stay below, or None where there were none."""
        steps = sorted(self._since(now, minutes).items())
        if not steps:
            return None
        below = list(accumulate(count for _, count in steps))
        found = []
        for share in shares:
            wanted = max(1, ceil(share * below[-1]))
            step = next(step for (step, _), reached in zip(steps, below, strict=True) if reached >= wanted)
            found.append(exp((step + 0.5) * STEP))
        return found

    def _since(self, now: float, minutes: int) -> Counter[int]:
        oldest = int(now // 60) - minutes
        together: Counter[int] = Counter()
        for minute, counts in self._minutes.items():
            if minute > oldest:
                together.update(counts)
        return together
