"""Statistics: intervals of rates, and which ranks models may have."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt

from pointsman_thrift.quality import Estimate
from pointsman_thrift.quality.beta import normal_above

__all__ = ["DRAWS", "Rank", "Z", "digamma", "ranks", "trigamma", "wilson"]

Z = 1.959964
"""Standard deviations about the mean within which lie 95 % of a normal distribution."""
ENOUGH = 6.0
"""From here on few terms of a series are exact to nine digits."""
DRAWS = 2_000
TAIL = 0.025
"""Of draws, so many are left out at either end; and two models are apart where one is better in all but so
many cases."""


def wilson(good: float, n: float) -> tuple[float, float]:
    """The 95 % score interval of a rate (Wilson, 1927); all there is without any observation."""
    if n <= 0:
        return 0.0, 1.0
    rate, square = good / n, Z * Z / n
    middle = (rate + square / 2) / (1 + square)
    reach = Z * sqrt(rate * (1 - rate) / n + square / (4 * n)) / (1 + square)
    low = max(0.0, middle - reach) if good else 0.0
    return low, min(1.0, middle + reach) if good < n else 1.0


def digamma(x: float) -> float:
    """The mean of the logarithm of a gamma variable (DLMF 5.11.2, behind 5.5.2)."""
    found = 0.0
    while x < ENOUGH:
        found -= 1 / x
        x += 1
    square = 1 / (x * x)
    return found + log(x) - 0.5 / x - square * (1 / 12 - square * (1 / 120 - square / 252))


def trigamma(x: float) -> float:
    """The variance of the logarithm of a gamma variable (DLMF 5.15.8, behind 5.15.5)."""
    found = 0.0
    while x < ENOUGH:
        found += 1 / (x * x)
        x += 1
    square = 1 / (x * x)
    return found + 1 / x + square / 2 + square / x * (1 / 6 - square * (1 / 30 - square / 42))


@dataclass(frozen=True, slots=True)
class Rank:
    """The places that something may have, with 95 %, and what it is tied with: what cannot be told to be
    better or worse."""

    low: int
    high: int
    tied: tuple[str, ...]


def ranks(estimates: Mapping[str, Estimate], seed: str) -> dict[str, Rank]:
    """The ranks of models by draws from their posteriors; the same for the same seed.

    Only the order of the draws counts, so that they are made of logits: those of a beta distribution are as
    good as normal, and far sooner drawn.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    names = sorted(estimates)
    drawn = []
    for name in names:
        a, b = estimates[name].a, estimates[name].b
        mean, deviation = digamma(a) - digamma(b), sqrt(trigamma(a) + trigamma(b))
        drawn.append([chance.gauss(mean, deviation) for _ in range(DRAWS)])
    places = [[0] * (len(names) + 1) for _ in names]
    for values in zip(*drawn, strict=True):
        ordered = sorted(range(len(names)), key=values.__getitem__, reverse=True)
        for place, number in enumerate(ordered, 1):
            places[number][place] += 1
    return {
        name: Rank(*_middle(found), _tied(name, estimates)) for name, found in zip(names, places, strict=True)
    }


def _middle(counts: list[int]) -> tuple[int, int]:
    """The places that are left when the outer draws are taken off."""
    least = DRAWS * TAIL
    low = high = 0
    below = 0
    for place, count in enumerate(counts):
        below += count
        if not low and below > least:
            low = place
        if not high and below >= DRAWS - least:
            high = place
    return low, high


def _tied(name: str, estimates: Mapping[str, Estimate]) -> tuple[str, ...]:
    own = estimates[name]
    return tuple(
        other
        for other, theirs in sorted(estimates.items())
        if other != name
        and TAIL < normal_above(own.mean - theirs.mean, own.variance + theirs.variance) < 1 - TAIL
    )
