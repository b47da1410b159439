"""Quality: how often each model's answers are good, by task, as far as its own traffic has shown."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from pointsman_feedback.evidence import MOST_SHARE

from .beta import interval, normal_above, variance
from .cells import Cell, Totals
from .comparisons import FRESH, KEPT, Comparisons
from .pairs import Pair, Paired
from .priors import MASS, Priors
from .scale import HALF_LIFE, Scale

__all__ = ["KEPT", "Estimate", "Quality"]

KAPPA = 30.0
"""Answers that a model's quality in other tasks counts as, at most, where a task is asked for. The more tasks
are seen to differ, the fewer: down to MASS."""
BELIEF = 300.0
"""Answers that the belief in KAPPA counts as, beside those that tell how much tasks differ."""
UNKNOWN, LEAST_MASS = 0.5, 2.0
"""What is assumed of models of which none was seen, and the answers that such an assumption counts as."""
EDGE = 0.02
"""Expectations stay so far from 0 and 1: nothing is certain before it is seen."""
VERSION = 1

T = TypeVar("T")


@dataclass(frozen=True)
class Estimate:
    """A posterior Beta(a, b) of a model's share of good answers. `n` is the effective number of answers seen
    in the task, `sources` how many of them by source, `prior_share` how much of the posterior is not from
    there but from the model's other tasks and from priors."""

    a: float
    b: float
    n: float
    sources: Mapping[str, float]
    prior_share: float

    @cached_property
    def mean(self) -> float:
        """The mean."""
        return self.a / (self.a + self.b)

    @cached_property
    def variance(self) -> float:
        """The variance."""
        return variance(self.a, self.b)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Where it lies with 95 %."""
        return interval(self.a, self.b)

    def as_json(self) -> dict[str, Any]:
        """For records."""
        low, high = self.interval
        return {
            "mean": round(self.mean, 4),
            "low": round(low, 4),
            "high": round(high, 4),
            "n": round(self.n, 1),
            "sources": {name: round(count, 1) for name, count in self.sources.items()},
            "prior_share": round(self.prior_share, 3),
        }


class Quality:
    """Evidence and what follows from it. Times are seconds since 1970; outcomes are from 0, bad, to 1, good.

    A task's estimate is drawn to the model's mean over its other tasks, moved by how much harder the task is
    for other models, and to a prior where there is one; that mean is drawn to the other models', or to the
    model's own prior. So no answer counts twice, and intervals are as wide as they should be. Evidence halves
    with every `half_life`; no key has more than `key_share` of the weight.
    """

    def __init__(
        self,
        priors: Priors | None = None,
        *,
        half_life: float = HALF_LIFE,
        key_share: float = MOST_SHARE,
    ) -> None:
        self.priors = priors or Priors()
        self._scale = Scale(half_life)
        self._key_share = key_share
        self._cells: dict[str, dict[str, Cell]] = {}
        """By model, by task."""
        self._comparisons = Comparisons()
        self._versions: dict[str, str] = {}
        self._known: dict[tuple[str, str], tuple[float, Estimate]] = {}
        self._overall: dict[str, tuple[float, float]] = {}
        self._harder: dict[str, tuple[float, float]] = {}
        self._sums: dict[str, tuple[float, float]] = {}
        self._all: tuple[float, float] | None = None
        self._kappa: float | None = None
        self._remembered: dict[Hashable, tuple[float, Any]] = {}

    def observe(
        self, task: str, model: str, outcome: float, *, weight: float, at: float, source: str, key: str = ""
    ) -> None:
        """Count how an answer was. Raises ValueError for an outcome or a weight that is none."""
        if not 0.0 <= outcome <= 1.0 or not 0.0 <= weight < float("inf"):
            raise ValueError("an outcome is from 0 to 1, and a weight is not negative")
        cell = self._cells.setdefault(model, {}).setdefault(task, Cell())
        cell.add(source, key, outcome, weight * self._scale.factor(at))
        self._changed()

    def observe_pair(
        self, task: str, a: str, b: str, outcomes: tuple[float, float], *, weight: float, at: float
    ) -> None:
        """Count how the answers of two models to the same request compared: scores from 0 to 1, or 1 and 0
        for the better one, and equal ones for a tie. They are to be told in the order of their times: where
        the last ones contradict what was known of the two, little of that is kept. Raises ValueError."""
        if a == b or not all(0.0 <= each <= 1.0 for each in outcomes) or not 0.0 <= weight < float("inf"):
            raise ValueError(
                "a pair is two models, with outcomes from 0 to 1 and a weight that is not negative"
            )
        difference = outcomes[0] - outcomes[1] if a < b else outcomes[1] - outcomes[0]
        models = min(a, b), max(a, b)
        self._remembered.clear()
        self._comparisons.add(task, models, difference, weight=weight, factor=self._scale.factor(at))

    def version(self, model: str, version: str) -> bool:
        """Note which version a model is served in; whether that is another than before, of which less is
        known then."""
        before = self._versions.get(model)
        self._versions[model] = version
        if before is None or before == version:
            return False
        for cell in self._cells.get(model, {}).values():
            cell.shrink(KEPT)
        self._comparisons.shrink(model, KEPT)
        self._changed()
        return True

    def estimate(self, task: str, model: str, at: float) -> Estimate:
        """How good a model is at a task."""
        factor = self._scale.factor(at)
        known = self._known.get((task, model))
        if known is not None and known[0] <= factor <= known[0] * FRESH:
            return known[1]
        seen = self._totals(model, task, factor)
        expected, others = self._expected(task, model, seen, factor)
        kappa = min(self._drawn(factor), others)
        a, b = kappa * expected, kappa * (1.0 - expected)
        prior = self.priors.tasks.get((task, model))
        if prior is not None:
            a, b = a + MASS * prior, b + MASS * (1.0 - prior)
        good, n = seen.good / factor, seen.weight / factor
        sources = {name: weight / factor for name, weight in seen.sources.items()}
        found = Estimate(a + good, b + n - good, n, sources, (a + b) / (a + b + n))
        self._known[task, model] = factor, found
        return found

    def paired(self, task: str, a: str, b: str, at: float) -> Paired:
        """How much better one model is at a task than another, from requests that both were asked, or one of
        them and a third.

        Where there are none, it is what their single outcomes say, with little weight.
        """
        factor = self._scale.factor(at)
        return self._comparisons.paired(
            task, a, b, factor=factor, prior=lambda model: self.estimate(task, model, at).mean
        )

    def remembered(self, key: Hashable, at: float, find: Callable[[], T]) -> T:
        """What was found for a key before, until something is observed or half an hour has passed: all that
        is found here changes no faster."""
        factor = self._scale.factor(at)
        known = self._remembered.get(key)
        if known is None or not known[0] <= factor <= known[0] * FRESH:
            known = self._remembered[key] = factor, find()
        found: T = known[1]
        return found

    def non_inferior(self, task: str, model: str, best: str, loss: float, at: float) -> float:
        """The probability that a model is no worse than (1 - `loss`) of the best: P(q_m >= (1 - loss) q_b),
        from the posterior of their difference."""
        difference = self.paired(task, best, model, at)
        best_mean = self.estimate(task, best, at).mean
        return normal_above(loss * best_mean - difference.mean, difference.variance)

    def models(self) -> list[str]:
        """Of which there is evidence."""
        return sorted(self._cells.keys() | self._comparisons.models())

    def as_json(self, at: float) -> dict[str, Any]:
        """All of it as JSON data, in weights as they are now."""
        factor = self._scale.factor(at)
        return {
            "version": VERSION,
            "at": at,
            "half_life": self._scale.half_life,
            "key_share": self._key_share,
            "versions": dict(self._versions),
            "cells": [
                [task, model, source, key, good / factor, weight / factor]
                for model, tasks in self._cells.items()
                for task, cell in tasks.items()
                for source, key, good, weight in cell.entries()
            ],
            "pairs": [
                [task, *models, *(each / factor for each in (p.weight, p.total, p.square, p.wins, p.ties))]
                for task, models, p in self._comparisons.entries()
            ],
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any], priors: Priors | None = None) -> Quality:
        """What `as_json` wrote. Raises ValueError where it is something else."""
        try:
            if data["version"] != VERSION:
                raise ValueError(f"this is version {data['version']!r} of the figures, not {VERSION}")
            found = cls(priors, half_life=float(data["half_life"]), key_share=float(data["key_share"]))
            factor = found._scale.factor(float(data["at"]))
            found._versions = {str(model): str(each) for model, each in data["versions"].items()}
            for task, model, source, key, good, weight in data["cells"]:
                cell = found._cells.setdefault(model, {}).setdefault(task, Cell())
                cell.add(source, key, good / weight if weight else 0.0, weight * factor)
            for task, a, b, *sums in data["pairs"]:
                found._comparisons.put(task, (a, b), Pair(*(float(each) * factor for each in sums)))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"these are no figures of quality: {error}") from None
        return found

    def _changed(self) -> None:
        self._known.clear()
        self._overall.clear()
        self._harder.clear()
        self._sums.clear()
        self._all = None
        self._kappa = None
        self._remembered.clear()

    def _totals(self, model: str, task: str, factor: float) -> Totals:
        cell = self._cells.get(model, {}).get(task)
        return cell.totals(factor, MASS, self._key_share) if cell is not None else Totals()

    def _expected(self, task: str, model: str, seen: Totals, factor: float) -> tuple[float, float]:
        """What is expected of a model at a task without what was seen of it there, and from how many
        answers."""
        mean, weight = self._model(model, factor)
        rest = max(weight - seen.weight, MASS * factor / FRESH)
        good = min(rest, max(0.0, mean * weight - seen.good))
        expected = good / rest + self._task(task, model, seen, factor)
        return min(1 - EDGE, max(EDGE, expected)), rest / factor

    def _drawn(self, factor: float) -> float:
        """How many answers other tasks count as: as many as fits how far tasks were from what was expected of
        them, beyond chance."""
        if self._kappa is None:
            apart, granted = BELIEF / (KAPPA + 1.0), BELIEF
            for model, tasks in self._cells.items():
                for task in tasks if len(tasks) > 1 else ():
                    seen = self._totals(model, task, factor)
                    if seen.weight > 0:
                        expected, _ = self._expected(task, model, seen, factor)
                        n, chance = seen.weight / factor, expected * (1.0 - expected)
                        apart += n * (seen.good / seen.weight - expected) ** 2 / chance - 1.0
                        granted += n
            share = apart / granted
            self._kappa = min(KAPPA, max(MASS, 1.0 / share - 1.0)) if share > 0 else KAPPA
        return self._kappa

    def _model(self, model: str, factor: float) -> tuple[float, float]:
        """A model's mean over all tasks, and the stored weight behind it."""
        known = self._overall.get(model)
        if known is None:
            prior, mass = self.priors.overall.get(model), MASS * factor
            good, weight = self._of_model(model, factor)
            good += (self._others(model, factor) if prior is None else prior) * mass
            known = self._overall[model] = good / (weight + mass), weight + mass
        return known

    def _of_model(self, model: str, factor: float) -> tuple[float, float]:
        """What was seen of a model in all tasks: good, and all."""
        known = self._sums.get(model)
        if known is None:
            found = [self._totals(model, task, factor) for task in self._cells.get(model, ())]
            known = self._sums[model] = (sum(each.good for each in found), sum(each.weight for each in found))
        return known

    def _others(self, model: str, factor: float) -> float:
        """The mean of the other models: what is assumed of one that was never seen."""
        if self._all is None:
            found = [self._of_model(each, factor) for each in self._cells]
            self._all = sum(good for good, _ in found), sum(weight for _, weight in found)
        good, weight = self._of_model(model, factor)
        mass = LEAST_MASS * factor
        return (self._all[0] - good + UNKNOWN * mass) / (self._all[1] - weight + mass)

    def _task(self, task: str, model: str, seen: Totals, factor: float) -> float:
        """How much better other models do in a task than elsewhere."""
        known = self._harder.get(task)
        if known is None:
            found = [(self._totals(each, task, factor), self._model(each, factor)[0]) for each in self._cells]
            moved = sum(totals.good - totals.weight * mean for totals, mean in found)
            known = self._harder[task] = moved, sum(totals.weight for totals, _ in found)
        moved, total = known
        moved -= seen.good - seen.weight * self._model(model, factor)[0]
        return moved / (total - seen.weight + KAPPA * factor)
