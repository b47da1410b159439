"""Drift: when a pair of models is no longer what it was.

Evidence fades in weeks, but a model can become worse from one hour to the next, when it is served in another
way and nobody says so. The last labels are held against what was known of their tasks: where both cannot be
true, most of what is known is given up. That other tasks are asked for than before is no drift.
"""

from __future__ import annotations

from math import sqrt

__all__ = ["Watch"]

MEMORY = 25.0
"""Labels that the last ones are: the mean of about twice as many, the newest counting most."""
LEAST = 15.0
"""Labels between two changes."""
SURE = 4.0
"""Standard deviations from where on chance is no explanation, though it is asked at each label."""


class Watch:
    """The last labels of one pair, as they differ from what was expected."""

    __slots__ = ("_count", "_mean", "_since")

    def __init__(self) -> None:
        self._mean = 0.0
        self._count = 0.0
        self._since = 0.0

    def changed(self, surprise: float, weight: float, *, spread: float, n: float) -> bool:
        """See a label that was so much more than expected of its task, from `n` labels there, where one
        varies by `spread`; whether the last ones contradict what is known."""
        if n < LEAST or weight <= 0:
            return False
        self._count += weight
        self._since += weight
        self._mean += (surprise - self._mean) * min(1.0, weight / min(self._count, MEMORY))
        if min(self._count, self._since) < LEAST:
            return False
        seen = min(self._count, 2.0 * MEMORY)
        changed = abs(self._mean) > SURE * sqrt(spread * (1.0 / seen + 1.0 / n))
        if changed:
            self._mean = self._count = self._since = 0.0
        return changed
