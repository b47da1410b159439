"""Pools: what all models together give for their price, by each way of routing.

For each price that a point of quality may cost, each question goes to the model that promises most; that
gives a curve of quality by cost. AIQ is the mean height of its non-decreasing convex hull from the cheapest
model's cost to the dearest's (RouterBench, arXiv 2403.12031).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import mul
from typing import Any

from .data import Data
from .folds import Expected
from .resampling import Figure, figure

__all__ = ["Point", "PoolResult", "Router", "hull", "judge_pool"]

STEPS = 30
FIRST, GROWTH = 0.002, 1.35
"""Quality that the mean cost of the dearest model is worth: from all to none in so many steps."""
PER = 1000
BINS = 10
QUALITIES = (0.95, 1.0)

Point = tuple[float, float]
"""Mean cost of a question in nano-USD, and mean score."""


@dataclass(frozen=True)
class Router:
    """A way of routing among all models: its curve and figures. `regret` is how many points of score it loses
    in 1,000 questions against one that knows all answers, where it goes for quality alone; `saved` is how
    much less than the best single model it costs, at a share of that one's quality (None where it never gets
    there); `above` is by how much its AIQ is above others'."""

    name: str
    points: list[Point]
    aiq: Figure
    regret: Figure
    quality: Figure
    saved: dict[float, Figure]
    above: dict[str, Figure]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "router": self.name,
            "aiq": self.aiq.as_json(),
            "regret_per_1000": self.regret.as_json(),
            "best_quality": self.quality.as_json(),
            "saved": {f"{share:g}": each.as_json() for share, each in self.saved.items()},
            "above": {name: each.as_json() for name, each in self.above.items()},
            "points": [
                {"cost_usd": round(cost / 1e9, 9), "quality": round(quality, 4)}
                for cost, quality in self.points
            ],
        }


@dataclass(frozen=True)
class PoolResult:
    """All models, and each way of routing among them. `ece` is how far expected scores are from those that
    came, on average over ten groups of like expectations."""

    singles: dict[str, Point]
    best: str
    cheapest: str
    routers: dict[str, Router]
    ece: dict[str, Figure]

    def as_json(self) -> dict[str, Any]:
        """For programs."""
        return {
            "best_single": self.best,
            "cheapest": self.cheapest,
            "singles": [
                {"model": model, "cost_usd": round(cost / 1e9, 9), "quality": round(quality, 4)}
                for model, (cost, quality) in self.singles.items()
            ],
            "routers": [each.as_json() for each in self.routers.values()],
            "calibration": {name: each.as_json() for name, each in self.ece.items()},
        }


class _Choices:
    """For each step of the price of quality, scores and costs of what is chosen."""

    def __init__(
        self, data: Data, expected: Sequence[Sequence[float]], costs: Sequence[Sequence[float]]
    ) -> None:
        dearest = max(max(each) for each in costs) or 1.0
        worth = [0.0, *(FIRST * GROWTH**step for step in range(STEPS)), 1e9]
        self.steps: list[tuple[list[float], list[float]]] = []
        before: list[int] | None = None
        for each in worth:
            price = each / dearest
            chosen = [
                _best([score - price * cost for score, cost in zip(scores, row, strict=True)], row)
                for scores, row in zip(expected, costs, strict=True)
            ]
            if chosen != before:
                self.steps.append(
                    (
                        [one.scores[place] for one, place in zip(data.questions, chosen, strict=True)],
                        [one.costs[place] for one, place in zip(data.questions, chosen, strict=True)],
                    )
                )
            before = chosen

    def points(self, weights: Sequence[int], total: int) -> list[Point]:
        """Mean cost and score of each step, from the one that goes for quality alone."""
        return [
            (sum(map(mul, weights, costs)) / total, sum(map(mul, weights, scores)) / total)
            for scores, costs in self.steps
        ]


def _best(values: Sequence[float], costs: Sequence[float]) -> int:
    """The place of the highest value; of equal ones the cheapest."""
    most = max(values)
    return min((place for place, value in enumerate(values) if value == most), key=costs.__getitem__)


def hull(points: Sequence[Point]) -> list[Point]:
    """The upper edge of what mixtures of these points reach, as far as more cost gives more quality."""
    found: list[Point] = []
    for point in sorted(points, key=lambda each: (each[0], -each[1])):
        if found and point[1] <= found[-1][1]:
            continue
        while len(found) > 1 and _below(found[-2], found[-1], point):
            found.pop()
        found.append(point)
    return found


def _below(first: Point, middle: Point, last: Point) -> bool:
    return (middle[1] - first[1]) * (last[0] - first[0]) <= (last[1] - first[1]) * (middle[0] - first[0])


def _aiq(points: Sequence[Point], low: float, high: float) -> float:
    """The mean height of a hull between two costs; level beyond its ends."""
    edge = hull(points)
    if high <= low:
        return edge[-1][1]
    marks = sorted({low, high, *(cost for cost, _ in edge if low < cost < high)})
    heights = [_height(edge, mark) for mark in marks]
    area = sum(
        (b - a) * (x + y) / 2.0 for a, b, x, y in zip(marks, marks[1:], heights, heights[1:], strict=False)
    )
    return area / (high - low)


def _height(edge: Sequence[Point], cost: float) -> float:
    if cost <= edge[0][0]:
        return edge[0][1]
    for (a, low), (b, high) in pairwise(edge):
        if cost <= b:
            return low + (high - low) * (cost - a) / (b - a)
    return edge[-1][1]


def _cost_at(points: Sequence[Point], quality: float) -> float | None:
    """The least cost of so much quality, mixtures being allowed."""
    edge = hull(points)
    if edge[0][1] >= quality:
        return edge[0][0]
    for (a, low), (b, high) in pairwise(edge):
        if high >= quality:
            return a + (b - a) * (quality - low) / (high - low)
    return None


def judge_pool(data: Data, routers: dict[str, Expected], drawn: Sequence[bytes]) -> PoolResult:
    """Judge ways of routing among all models."""
    count = len(data.questions)
    singles = {model: (data.mean_cost(place), data.mean(place)) for place, model in enumerate(data.models)}
    best = max(singles, key=lambda model: (singles[model][1], -singles[model][0]))
    cheapest = min(singles, key=lambda model: (singles[model][0], -singles[model][1]))
    at_best, at_cheapest = data.models.index(best), data.models.index(cheapest)
    known = [[*each.scores] for each in data.questions]
    flat = [[*(data.mean_cost(place) for place in range(len(data.models)))]] * count
    choices = {name: _Choices(data, found.scores, found.costs) for name, found in routers.items()}
    choices["oracle"] = _Choices(data, known, flat)
    samples = [bytes([1]) * count, *drawn]
    found: dict[str, list[_Sample]] = {}
    columns = [
        ([each.costs[place] for each in data.questions], [each.scores[place] for each in data.questions])
        for place in range(len(data.models))
    ]
    for weights in samples:
        total = sum(weights)
        alone = [
            (sum(map(mul, weights, costs)) / total, sum(map(mul, weights, scores)) / total)
            for costs, scores in columns
        ]
        points = {name: each.points(weights, total) for name, each in choices.items()}
        points["random"] = [alone[at_best], alone[at_cheapest]]
        points["single models"] = sorted(alone, key=lambda each: -each[1])
        low, high = min(cost for cost, _ in alone), max(cost for cost, _ in alone)
        most = points["oracle"][0][1]
        for name, each in points.items():
            found.setdefault(name, []).append(_Sample(each, low, high, most, alone[at_best]))
    ece = {name: _calibration(data, each.scores, samples) for name, each in routers.items()}
    areas = {name: [sample.aiq for sample in each] for name, each in found.items()}
    judged = {name: _router(name, each, areas) for name, each in found.items()}
    return PoolResult(singles, best, cheapest, judged, ece)


@dataclass(frozen=True, slots=True)
class _Sample:
    """A curve in one sample of questions, with what it is measured against."""

    points: list[Point]
    low: float
    high: float
    most: float
    best: Point

    @property
    def aiq(self) -> float:
        return _aiq(self.points, self.low, self.high)

    @property
    def quality(self) -> float:
        return max(quality for _, quality in self.points)

    @property
    def regret(self) -> float:
        return PER * (self.most - self.points[0][1])

    def saved(self, share: float) -> float | None:
        cost = _cost_at(self.points, share * self.best[1])
        return None if cost is None or self.best[0] <= 0 else 1.0 - cost / self.best[0]


def _router(name: str, samples: Sequence[_Sample], areas: dict[str, list[float]]) -> Router:
    first, rest = samples[0], samples[1:]
    own = areas[name]
    above = {}
    for other, theirs in areas.items():
        if other not in (name, "oracle"):
            value, *drawn = (a - b for a, b in zip(own, theirs, strict=True))
            above[other] = figure(value, drawn)
    return Router(
        name,
        first.points,
        figure(own[0], own[1:]),
        figure(first.regret, [each.regret for each in rest]),
        figure(first.quality, [each.quality for each in rest]),
        {share: figure(first.saved(share), [each.saved(share) for each in rest]) for share in QUALITIES},
        above,
    )


def _calibration(data: Data, expected: Sequence[Sequence[float]], samples: Sequence[bytes]) -> Figure:
    """The expected calibration error, over all questions and models."""
    off = [[0.0] * len(expected) for _ in range(BINS)]
    counts = [[0] * len(expected) for _ in range(BINS)]
    for place, (row, each) in enumerate(zip(expected, data.questions, strict=True)):
        for value, score in zip(row, each.scores, strict=True):
            group = min(BINS - 1, int(value * BINS))
            off[group][place] += value - score
            counts[group][place] += 1
    found = []
    for weights in samples:
        wrong = sum(abs(sum(map(mul, weights, each))) for each in off)
        found.append(wrong / sum(sum(map(mul, weights, each)) for each in counts))
    return figure(found[0], found[1:])
