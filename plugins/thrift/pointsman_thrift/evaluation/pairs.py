"""Pairs: how well a way of routing tells the questions that need the strong model of two.

Questions are put in order by how much the strong model is expected to gain. As the share that it answers
grows from none to all, quality goes from the weak model's to the strong's; PGR is the share of that gap which
is recovered, APGR its mean over all shares (RouteLLM, arXiv 2406.18665). A router that knows nothing has 0.5.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import itemgetter, mul
from typing import Any

from .data import Data
from .folds import Expected
from .resampling import Figure, figure

__all__ = ["Curve", "Judged", "PairResult", "judge", "order_of"]

QUALITY = 0.95
"""Of the strong model's quality, for `calls_95`."""
SHARES = (0.25, 0.5, 0.75)
FLAT = 1e-9


@dataclass(frozen=True, slots=True)
class Curve:
    """Quality gained, as a share of the whole gap, by share of questions that the strong model answers."""

    shares: list[float]
    recovered: list[float]

    def area(self) -> float:
        """APGR."""
        return sum(
            (b - a) * (low + high) / 2.0
            for a, b, low, high in zip(
                self.shares, self.shares[1:], self.recovered, self.recovered[1:], strict=False
            )
        )

    def at(self, share: float) -> float:
        """What is recovered with a share of strong calls."""
        place = min(max(1, bisect_left(self.shares, share)), len(self.shares) - 1)
        a, b = self.shares[place - 1], self.shares[place]
        low, high = self.recovered[place - 1], self.recovered[place]
        return high if b <= a else low + (high - low) * (share - a) / (b - a)

    def needed(self, recovered: float) -> float:
        """The least share of strong calls that recovers so much."""
        if recovered <= 0:
            return 0.0
        before_share = before = 0.0
        for share, value in zip(self.shares, self.recovered, strict=True):
            if value >= recovered:
                part = (recovered - before) / (value - before) if value > before else 1.0
                return before_share + (share - before_share) * part
            before_share, before = share, value
        return 1.0


@dataclass(frozen=True)
class Judged:
    """A way of routing between two models: its figures, and by how much its APGR is above that of others."""

    router: str
    apgr: Figure
    cpt50: Figure
    cpt80: Figure
    calls_95: Figure
    pgr: dict[float, Figure]
    above: dict[str, Figure]
    curve: Curve

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "router": self.router,
            "apgr": self.apgr.as_json(),
            "cpt50": self.cpt50.as_json(),
            "cpt80": self.cpt80.as_json(),
            "calls_95": self.calls_95.as_json(),
            "pgr": {f"{share:g}": each.as_json() for share, each in self.pgr.items()},
            "above": {name: each.as_json() for name, each in self.above.items()},
        }


@dataclass(frozen=True)
class PairResult:
    """A weak and a strong model, and each way of routing between them. `gap` is how much better the strong
    one is; without a gap that is above 0 there is nothing to route for."""

    weak: str
    strong: str
    quality: dict[str, Figure]
    gap: Figure
    routers: dict[str, Judged]

    @property
    def separated(self) -> bool:
        """Whether the strong model is better with 97.5 %."""
        return self.gap.low is not None and self.gap.low > 0

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "weak": self.weak,
            "strong": self.strong,
            "quality": {name: each.as_json() for name, each in self.quality.items()},
            "gap": self.gap.as_json(),
            "separated": self.separated,
            "routers": [each.as_json() for each in self.routers.values()],
        }


class _Order:
    """Questions in the order in which the strong model gets them, those that are alike in one block."""

    def __init__(self, keys: Sequence[float], gains: Sequence[float]) -> None:
        places = sorted(range(len(keys)), key=keys.__getitem__)
        self._pick = itemgetter(*places)
        self._gains = self._pick(gains)
        self._ends = [
            number
            for number in range(len(places))
            if number + 1 == len(places) or keys[places[number]] != keys[places[number + 1]]
        ]

    def curve(self, weights: Sequence[int]) -> Curve | None:
        """The curve with questions counted so often; None where there is no gap."""
        counted = self._pick(weights)
        shares = [*accumulate(counted)]
        gained = [*accumulate(map(mul, counted, self._gains))]
        count, gap = shares[-1], gained[-1]
        if gap <= FLAT * count:
            return None
        return Curve(
            [0.0, *(shares[end] / count for end in self._ends)],
            [0.0, *(gained[end] / gap for end in self._ends)],
        )


def order_of(gains: Sequence[float], folds: Sequence[Sequence[int]]) -> list[float]:
    """For each question its place among those of its fold, from 0 to 1, the highest expected gain first, and
    equal ones in the middle of their places. Gains of several folds come from several models of the world:
    they are not comparable."""
    keys = [0.0] * len(gains)
    for fold in folds:
        places = sorted(fold, key=lambda place: -gains[place])
        start = 0
        while start < len(places):
            end = start
            while end < len(places) and gains[places[end]] == gains[places[start]]:
                end += 1
            middle = round((start + end) / 2.0 / len(places), 9)
            for place in places[start:end]:
                keys[place] = middle
            start = end
    return keys


def judge(
    data: Data,
    pair: tuple[int, int],
    routers: dict[str, Expected],
    folds: Sequence[Sequence[int]],
    drawn: Sequence[bytes],
) -> PairResult:
    """Judge ways of routing between a weak and a strong model, which are given by their places."""
    weak, strong = pair
    gains = [each.scores[strong] - each.scores[weak] for each in data.questions]
    quality = {
        data.models[place]: _mean_of([each.scores[place] for each in data.questions], drawn) for place in pair
    }
    best = data.mean(strong)
    orders = {
        name: _Order(order_of([row[strong] - row[weak] for row in found.gains], folds), gains)
        for name, found in routers.items()
    }
    orders["oracle"] = _Order([-each for each in gains], gains)
    orders["random"] = _Order([0.0] * len(gains), gains)
    ones = bytes([1]) * len(gains)
    values = {name: order.curve(ones) for name, order in orders.items()}
    samples = {name: [order.curve(weights) for weights in drawn] for name, order in orders.items()}
    areas = {name: (_area(values[name]), [_area(each) for each in samples[name]]) for name in orders}
    target = _target(best, sum(gains) / len(gains))
    judged = {
        name: _judged(name, curve, samples[name], areas, target)
        for name, curve in values.items()
        if curve is not None
    }
    return PairResult(data.models[weak], data.models[strong], quality, _mean_of(gains, drawn), judged)


Areas = dict[str, tuple[float | None, list[float | None]]]


def _judged(name: str, curve: Curve, samples: Sequence[Curve | None], areas: Areas, target: float) -> Judged:
    def of(recovered: float) -> Figure:
        return figure(
            curve.needed(recovered), [None if each is None else each.needed(recovered) for each in samples]
        )

    value, drawn = areas[name]
    above = {
        other: figure(
            None if value is None or theirs is None else value - theirs,
            [None if a is None or b is None else a - b for a, b in zip(drawn, others, strict=True)],
        )
        for other, (theirs, others) in areas.items()
        if other not in (name, "oracle")
    }
    pgr = {
        share: figure(curve.at(share), [None if each is None else each.at(share) for each in samples])
        for share in SHARES
    }
    return Judged(name, figure(value, drawn), of(0.5), of(0.8), of(target), pgr, above, curve)


def _area(curve: Curve | None) -> float | None:
    return None if curve is None else curve.area()


def _target(best: float, gap: float) -> float:
    """The share of the gap to recover for QUALITY of the strong model's quality."""
    return 1.0 - (1.0 - QUALITY) * best / gap if gap > FLAT else 1.0


def _mean_of(values: Sequence[float], drawn: Sequence[bytes]) -> Figure:
    return figure(
        sum(values) / len(values), [sum(map(mul, weights, values)) / sum(weights) for weights in drawn]
    )
