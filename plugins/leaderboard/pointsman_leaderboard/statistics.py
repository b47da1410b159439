"""Statistics: intervals of rates, and which ranks models may have."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from pointsman_thrift.quality import Estimate
from pointsman_thrift.quality.beta import normal_above

__all__ = ["DRAWS", "Rank", "ranks", "wilson"]

Z = 1.959964
"""Standard deviations about the mean within which lie 95 % of a normal distribution."""
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


@dataclass(frozen=True, slots=True)
class Rank:
    """The places that something may have, with 95 %, and what it is tied with: what cannot be told to be
    better or worse."""

    low: int
    high: int
    tied: tuple[str, ...]


def ranks(estimates: Mapping[str, Estimate], seed: str) -> dict[str, Rank]:
    """The ranks of models by draws from their posteriors; the same for the same seed."""
    chance = random.Random(seed)  # noqa: S311 - no secret hangs on it
    names = sorted(estimates)
    drawn = [
        [chance.betavariate(estimates[name].a, estimates[name].b) for _ in range(DRAWS)] for name in names
    ]
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
