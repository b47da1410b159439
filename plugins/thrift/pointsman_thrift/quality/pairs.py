"""Pairs: two models that were asked the same, and how much better one's answer was."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from .beta import normal_above

__all__ = ["LEAST_SPREAD", "SEEN", "SPREAD", "Pair", "Paired"]

SPREAD = 0.25
"""Variance of a difference of two outcomes, where none has been seen; it counts as `SEEN` of them."""
SEEN = 10.0
LEAST_SPREAD = 0.02
SAME = 1e-9
MIDDLE = 1.959964
"""Standard deviations about the mean within which lie 95 % of a normal distribution."""


@dataclass(slots=True)
class Pair:
    """Differences added up, the first model's outcome less the second's; weights as they are stored."""

    weight: float = 0.0
    total: float = 0.0
    square: float = 0.0
    wins: float = 0.0
    ties: float = 0.0

    def add(self, difference: float, weight: float) -> None:
        """Count one."""
        self.weight += weight
        self.total += difference * weight
        self.square += difference * difference * weight
        if difference > SAME:
            self.wins += weight
        elif difference >= -SAME:
            self.ties += weight

    @property
    def mean(self) -> float:
        """The mean difference."""
        return self.total / self.weight if self.weight > 0 else 0.0

    @property
    def within(self) -> float:
        """The squared distances from the mean, added up."""
        return self.square - self.weight * self.mean * self.mean

    def shrink(self, share: float) -> None:
        """Keep this share of it."""
        for name in ("weight", "total", "square", "wins", "ties"):
            setattr(self, name, getattr(self, name) * share)


@dataclass(frozen=True, slots=True)
class Paired:
    """How much better the first of two models is: the posterior mean and variance of the difference. `labels`
    are the paired labels (effective, of this task) of that one of the two that has fewer, with whichever
    model; `n` are those of just these two, of them won, tied and lost. `prior_share` is how much of the
    variance is left that there was before any label of this task."""

    mean: float
    variance: float
    labels: float
    n: float
    wins: float
    ties: float
    losses: float
    prior_share: float

    @property
    def interval(self) -> tuple[float, float]:
        """Where it lies with 95 %."""
        reach = MIDDLE * sqrt(self.variance)
        return max(-1.0, self.mean - reach), min(1.0, self.mean + reach)

    @property
    def better(self) -> float:
        """The probability that the first is better at all."""
        return normal_above(self.mean, self.variance)

    def upper(self, z: float) -> float:
        """The mean and z standard deviations."""
        return min(1.0, self.mean + z * sqrt(self.variance))
