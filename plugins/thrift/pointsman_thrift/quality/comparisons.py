"""Comparisons: what pairs of models say of each of them, directly and by way of others.

Each model has a strength, and the difference of two strengths is how much better the one's answers are. The
strengths that fit all labels best follow from linear equations, and so does how sure they are. Those of a
task are drawn to those of all other tasks, and those to what the models' single outcomes say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from pointsman_thrift.equations import solve

from .drift import Watch
from .pairs import LEAST_SPREAD, SEEN, SPREAD, Pair, Paired

__all__ = ["Comparisons"]

KAPPA = 30.0
"""Labels that a model's strength in other tasks counts as, at most."""
MASS = 10.0
"""Labels that single outcomes count as: requests that went to one model were others than those that went to
another."""
KEPT = 0.3
FRESH = 1.001
"""How much the scale may grow until strengths are found anew."""

_NOTHING = Pair()

Models = tuple[str, str]
"""In alphabetical order."""
Prior = Callable[[str], float]
"""What single outcomes say of a model."""


@dataclass(frozen=True, slots=True)
class _Strengths:
    """Of a task: the variance of one difference, and by a model's place the strength, the covariances, the
    variance before any label of the task, and its labels there."""

    factor: float
    spread: float
    places: dict[str, int]
    values: list[float]
    covariance: list[list[float]]
    before: list[float]
    labels: list[float]


class Comparisons:
    """Pairs by task. Weights are as they are stored; `factor` is the scale now."""

    def __init__(self) -> None:
        self._pairs: dict[Models, dict[str, Pair]] = {}
        self._watches: dict[Models, Watch] = {}
        self._strengths: dict[str, _Strengths] = {}
        self._within = self._weight = 0.0
        """Squared distances from the means of pairs, and weights, of all pairs."""

    def add(self, task: str, models: Models, difference: float, *, weight: float, factor: float) -> None:
        """Count how much better the first model's answer was; of what was known of the two little is kept
        where the last labels contradict it."""
        tasks = self._pairs.setdefault(models, {})
        pair = tasks.setdefault(task, Pair())
        watch = self._watches.setdefault(models, Watch())
        surprise, n = difference - pair.mean, pair.weight / factor
        if watch.changed(surprise, weight, spread=self._spread(factor), n=n):
            for each in tasks.values():
                each.shrink(KEPT)
            self._count()
        before = pair.within
        pair.add(difference, weight * factor)
        self._within += pair.within - before
        self._weight += weight * factor
        self._strengths.clear()

    def shrink(self, model: str, share: float) -> None:
        """Keep this share of what is known of a model."""
        for models, tasks in self._pairs.items():
            if model in models:
                for pair in tasks.values():
                    pair.shrink(share)
        self._count()

    def models(self) -> set[str]:
        """Those that were compared."""
        return {model for models in self._pairs for model in models}

    def entries(self) -> Iterator[tuple[str, Models, Pair]]:
        """Task, models and sums, as they are stored."""
        for models, tasks in self._pairs.items():
            for task, pair in tasks.items():
                yield task, models, pair

    def put(self, task: str, models: Models, pair: Pair) -> None:
        """Set the sums of a pair."""
        self._pairs.setdefault(models, {})[task] = pair
        self._count()

    def paired(self, task: str, a: str, b: str, *, factor: float, prior: Prior) -> Paired:
        """How much better the first model is."""
        found = self._strengths.get(task)
        if found is None or not found.factor <= factor <= found.factor * FRESH:
            found = self._strengths[task] = self._found(task, factor, prior)
        i, j = found.places.get(a), found.places.get(b)
        mean = _at(found.values, i, prior(a)) - _at(found.values, j, prior(b))
        alone = found.spread / (2.0 * MASS)
        variance = sum(alone if each is None else found.covariance[each][each] for each in (i, j))
        if i is not None and j is not None:
            variance -= 2.0 * found.covariance[i][j]
        before = _at(found.before, i, alone) + _at(found.before, j, alone)
        labels = min(_at(found.labels, i, 0.0), _at(found.labels, j, 0.0))
        pair = self._pairs.get((min(a, b), max(a, b)), {}).get(task, _NOTHING)
        n, wins, ties = (each / factor for each in (pair.weight, pair.wins, pair.ties))
        losses = max(0.0, n - wins - ties)
        if a > b:
            wins, losses = losses, wins
        return Paired(mean, variance, labels, n, wins, ties, losses, min(1.0, variance / before))

    def _count(self) -> None:
        """Add up again what `_spread` goes by."""
        self._within = sum(pair.within for _, _, pair in self.entries())
        self._weight = sum(pair.weight for _, _, pair in self.entries())
        self._strengths.clear()

    def _spread(self, factor: float) -> float:
        """The variance of one difference within a pair and task, as far as it has been seen."""
        seen, n = max(0.0, self._within) / factor, self._weight / factor
        return max(LEAST_SPREAD, (seen + SEEN * SPREAD) / (n + SEEN))

    def _found(self, task: str, factor: float, prior: Prior) -> _Strengths:
        names = sorted(self.models())
        places = {name: place for place, name in enumerate(names)}
        here, elsewhere = _Sums(len(names)), _Sums(len(names))
        for about, (a, b), pair in self.entries():
            sums = here if about == task else elsewhere
            sums.add(places[a], places[b], pair.weight / factor, pair.total / factor)
        drawn = [2.0 * MASS] * len(names)
        others, _ = elsewhere.solved(drawn, [prior(name) for name in names])
        kappa = [2.0 * min(KAPPA, MASS + n) for n in elsewhere.labels]
        values, inverse = here.solved(kappa, others)
        spread = self._spread(factor)
        covariance = [[spread * each for each in row] for row in inverse]
        return _Strengths(
            factor, spread, places, values, covariance, [spread / each for each in kappa], here.labels
        )


class _Sums:
    """The equations of strengths: for each model how often it was compared, and how it did."""

    def __init__(self, size: int) -> None:
        self.labels = [0.0] * size
        self._matrix = [[0.0] * size for _ in range(size)]
        self._right = [0.0] * size

    def add(self, i: int, j: int, n: float, total: float) -> None:
        """Count `n` comparisons, in which the first was so much better in total."""
        self.labels[i] += n
        self.labels[j] += n
        for one, other, sign in ((i, j, 1.0), (j, i, -1.0)):
            self._matrix[one][one] += n
            self._matrix[one][other] -= n
            self._right[one] += sign * total

    def solved(self, mass: list[float], prior: list[float]) -> tuple[list[float], list[list[float]]]:
        """The strengths, drawn to prior ones with a mass, and the inverse of the equations."""
        size = len(mass)
        matrix = [
            [each + (mass[i] if i == j else 0.0) for j, each in enumerate(row)]
            for i, row in enumerate(self._matrix)
        ]
        right = [
            [self._right[i] + mass[i] * prior[i], *(1.0 if i == j else 0.0 for j in range(size))]
            for i in range(size)
        ]
        found = solve(matrix, right)
        return [row[0] for row in found], [row[1:] for row in found]


def _at(values: list[float], place: int | None, otherwise: float) -> float:
    return otherwise if place is None else values[place]
