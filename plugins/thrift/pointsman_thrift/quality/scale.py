"""Scale: weights that halve with time, kept so that nothing has to be touched when time passes.

A weight is stored as what it would be worth at one moment common to all; reading divides by how far that
lies back. Weights of different ages add up as they are.
"""

from __future__ import annotations

__all__ = ["DAY", "HALF_LIFE", "Scale"]

DAY = 86_400.0
HALF_LIFE = 14 * DAY
"""Seconds after which evidence counts half."""


class Scale:
    """How weights are stored. Times are seconds since 1970."""

    __slots__ = ("_base", "half_life")

    def __init__(self, half_life: float = HALF_LIFE) -> None:
        if half_life <= 0:
            raise ValueError("a half-life is longer than nothing")
        self.half_life = half_life
        self._base: float | None = None

    def factor(self, at: float) -> float:
        """What a weight of one that is seen at this time is stored as. The first time asked for is the
        moment common to all."""
        if self._base is None:
            self._base = at
        return float(2.0 ** ((at - self._base) / self.half_life))
