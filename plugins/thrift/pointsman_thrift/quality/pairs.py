"""Pairs: two models asked the same, and how much better one's answer was."""

from __future__ import annotations

from dataclasses import dataclass
from math import sqrt

from .beta import normal_above

__all__ = ["Pair", "Paired", "posterior"]

SPREAD = 0.25
"""Variance of a difference of two outcomes, where none has been seen; it counts as `SEEN` of them."""
SEEN = 10.0
LEAST_SPREAD = 0.02
KAPPA = 30.0
"""Pairs that other tasks count as, at most."""
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

    def spread(self, factor: float) -> float:
        """The variance of one difference, as far as it has been seen; `factor` is the scale now."""
        n = self.weight / factor
        seen = max(0.0, self.square / factor - n * self.mean * self.mean)
        return max(LEAST_SPREAD, (seen + SEEN * SPREAD) / (n + SEEN))

    def shrink(self, share: float) -> None:
        """Keep this share of it."""
        for name in ("weight", "total", "square", "wins", "ties"):
            setattr(self, name, getattr(self, name) * share)


@dataclass(frozen=True, slots=True)
class Paired:
    """How much better the first of two models is: the posterior mean and variance of the difference, the
    pairs behind it (effective, of this task), of them won, tied and lost, and how much of the posterior is
    drawn from elsewhere: from other tasks and from priors."""

    mean: float
    variance: float
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

    def turned(self) -> Paired:
        """The same, seen from the second."""
        return Paired(-self.mean, self.variance, self.n, self.losses, self.ties, self.wins, self.prior_share)


def posterior(task: Pair, overall: Pair, factor: float, prior: float, mass: float) -> Paired:
    """What two sums say, with a `prior` difference that counts as `mass` pairs.

    The task's own pairs are drawn to those of all other tasks, which count as `KAPPA` pairs at most.
    """
    n, everywhere = task.weight / factor, overall.weight / factor
    elsewhere = max(0.0, everywhere - n)
    other = (overall.total - task.total) / factor
    base = (other + mass * prior) / (elsewhere + mass)
    kappa = min(KAPPA, elsewhere + mass)
    mean = (task.total / factor + kappa * base) / (n + kappa)
    spread = overall.spread(factor)
    wins, ties = task.wins / factor, task.ties / factor
    losses = max(0.0, n - wins - ties)
    return Paired(mean, spread / (n + kappa), n, wins, ties, losses, kappa / (n + kappa))
