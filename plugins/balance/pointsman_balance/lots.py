"""Lots: places drawn by chance, each by its weight among those that are left."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate

from pointsman.draws import Chance

__all__ = ["Lots", "order"]

DRAWN = 4
"""How many are drawn: more are not tried. Those behind them go by weight."""


class Lots:
    """The weights of some places, to draw by time and again. `left_out` is how many have none."""

    __slots__ = ("_best", "_ends", "_starts", "left_out", "weights")

    def __init__(self, weights: Sequence[float]) -> None:
        self.weights = weights
        self._ends = [*accumulate(weights)]
        self._starts = [end - weight for end, weight in zip(self._ends, weights, strict=True)]
        self._best = sorted(range(len(weights)), key=weights.__getitem__, reverse=True)
        self.left_out = sum(weight <= 0 for weight in weights) if min(weights) <= 0 else 0

    def order(self, chance: Chance) -> list[int]:
        """Places drawn one after the other without putting any back; those without weight come last, as they
        stand."""
        weights, starts, ends, draw = self.weights, self._starts, self._ends, chance.random
        left = ends[-1]
        drawn: list[int] = []
        gone: list[int] = []  # the same, from left to right
        while left > 0 and len(drawn) < DRAWN:
            at = draw() * left
            for place in gone:
                if at < starts[place]:
                    break
                at += weights[place]
            place = bisect_right(ends, at)
            if place >= len(ends) or place in drawn:  # by a rounding error
                break
            drawn.append(place)
            gone.append(place)
            gone.sort()
            left -= weights[place]
        rest = self._best.copy()
        for place in drawn:
            rest.remove(place)
        return drawn + rest


def order(weights: Sequence[float], chance: Chance) -> list[int]:
    """Places in an order that is drawn once."""
    return Lots(weights).order(chance)
