"""What others do: shares by the inverse square of the price, turns, and a weighted shuffle. All of them leave
an endpoint out for 30 seconds after it failed five times in a row or refused."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from market import Outcome

OUT = 30.0
IN_A_ROW = 5


class Baseline:
    """Leaves endpoints out after outages."""

    def __init__(self, endpoints: int, seed: int) -> None:
        self.chance = Random(seed)
        self._failures = [0] * endpoints
        self._until = [0.0] * endpoints

    def weights(self, prices: Sequence[float]) -> list[float]:
        """The weight of each."""
        return [1.0] * len(prices)

    def order(self, prices: Sequence[float], now: float) -> list[int]:
        """By weight, without putting any back; those left out come last."""
        weights = self.weights(prices)
        keys = [self.chance.expovariate(1.0) / weight for weight in weights]
        places = sorted(range(len(prices)), key=keys.__getitem__)
        return sorted(places, key=lambda place: self._until[place] > now)

    def begun(self, place: int, now: float) -> None:
        """Nothing is counted."""

    def ended(self, place: int, outcome: Outcome, began: float, now: float) -> None:
        """Count failures in a row."""
        if outcome.kind == "answered":
            self._failures[place] = 0
            return
        self._failures[place] += 1
        if self._failures[place] >= IN_A_ROW or outcome.kind == "refused":
            self._until[place] = now + OUT


class InverseSquare(Baseline):
    """Shares by 1 / price²."""

    def weights(self, prices: Sequence[float]) -> list[float]:
        return [1 / price**2 for price in prices]


class Turns(Baseline):
    """One after the other."""

    turn = 0

    def order(self, prices: Sequence[float], now: float) -> list[int]:
        self.turn += 1
        places = [(self.turn + place) % len(prices) for place in range(len(prices))]
        return sorted(places, key=lambda place: self._until[place] > now)


class Shuffle(Baseline):
    """By weights that an operator gave: here, twice as much to the cheaper half."""

    def weights(self, prices: Sequence[float]) -> list[float]:
        middle = sorted(prices)[len(prices) // 2]
        return [2.0 if price < middle else 1.0 for price in prices]
