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
"""Answers that a model's overall quality counts as, where a task is asked for."""
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

    A task's estimate is drawn to the model's mean over all tasks, moved by how much harder the task is for
    all models, and to a prior where there is one. Evidence halves with every `half_life`; no key has more
    than `key_share` of the weight.
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
        self._harder: dict[str, float] = {}
        self._usual: float | None = None
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
        mean, _ = self._model(model, factor)
        expected = min(1 - EDGE, max(EDGE, mean + self._task(task, factor)))
        a, b = KAPPA * expected, KAPPA * (1.0 - expected)
        prior = self.priors.tasks.get((task, model))
        if prior is not None:
            a, b = a + MASS * prior, b + MASS * (1.0 - prior)
        seen = self._totals(model, task, factor)
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
        self._usual = None
        self._remembered.clear()

    def _totals(self, model: str, task: str, factor: float) -> Totals:
        cell = self._cells.get(model, {}).get(task)
        return cell.totals(factor, KAPPA + MASS, self._key_share) if cell is not None else Totals()

    def _model(self, model: str, factor: float) -> tuple[float, float]:
        """A model's mean over all tasks, and the stored weight behind it."""
        known = self._overall.get(model)
        if known is None:
            prior = self.priors.overall.get(model)
            mass = (LEAST_MASS if prior is None else MASS) * factor
            good, weight = (self._pool(factor) if prior is None else prior) * mass, mass
            for task in self._cells.get(model, ()):
                seen = self._totals(model, task, factor)
                good, weight = good + seen.good, weight + seen.weight
            known = self._overall[model] = good / weight, weight
        return known

    def _pool(self, factor: float) -> float:
        """The mean of all models: what is assumed of one that was never seen."""
        if self._usual is None:
            good, weight = UNKNOWN * LEAST_MASS * factor, LEAST_MASS * factor
            for model, tasks in self._cells.items():
                for task in tasks:
                    seen = self._totals(model, task, factor)
                    good, weight = good + seen.good, weight + seen.weight
            self._usual = good / weight
        return self._usual

    def _task(self, task: str, factor: float) -> float:
        """How much better all models do in a task than elsewhere."""
        known = self._harder.get(task)
        if known is None:
            moved = total = 0.0
            for model in self._cells:
                seen = self._totals(model, task, factor)
                moved += seen.good - seen.weight * self._model(model, factor)[0]
                total += seen.weight
            known = self._harder[task] = moved / (total + KAPPA * factor)
        return known
