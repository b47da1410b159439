"""Folds: what each way of routing expects of questions that it was not shown."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from pointsman_thrift.difficulty import Blend
from pointsman_thrift.difficulty.features import LENGTH
from pointsman_thrift.difficulty.ridge import Standard, ridge

from .data import Data, DataError, Question

__all__ = ["FOLDS", "ROUTERS", "Expected", "expected", "folds_of"]

FOLDS = 5
PENALTY = 10.0
KAPPA = 30.0
"""Questions that the overall mean counts as, in the estimate of a task."""

Matrix = list[list[float]]


@dataclass(frozen=True)
class Expected:
    """For each question and model: `gains` order them, `scores` are what is expected, from 0 to 1. `costs`
    are the mean costs of models as far as they were shown."""

    gains: Matrix
    scores: Matrix
    costs: Matrix


def folds_of(data: Data, seed: int, count: int = FOLDS) -> list[list[int]]:
    """Places of questions in parts of about equal size; questions with the same prompt stay together. Raises
    DataError where too few differ."""
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(data.questions):
        groups.setdefault(each.group, []).append(place)
    members = [*groups.values()]
    if len(members) < count:
        raise DataError(
            "data", f"only {len(members)} prompts differ: {count} are needed to learn from some of them"
        )
    Random(seed).shuffle(members)  # noqa: S311 - parts of questions
    folds: list[list[int]] = [[] for _ in range(count)]
    for group in members:
        min(folds, key=len).extend(group)
    return [sorted(fold) for fold in folds]


def expected(
    data: Data, folds: Sequence[Sequence[int]], router: str, progress: Callable[[str], None]
) -> Expected:
    """What a way of routing expects of the questions of each fold, learned from the others."""
    count = len(data.questions)
    found = Expected([[]] * count, [[]] * count, [[]] * count)
    learn = ROUTERS[router]
    for number, fold in enumerate(folds, 1):
        progress(f"{router}: part {number} of {len(folds)}")
        held = {*fold}
        shown = [each for place, each in enumerate(data.questions) if place not in held]
        costs = _means([each.costs for each in shown])
        predict = learn(data.models, shown)
        for place in fold:
            gains, scores = predict(data.questions[place])
            found.gains[place], found.scores[place], found.costs[place] = gains, scores, costs
    return found


Predict = Callable[[Question], tuple[list[float], list[float]]]


def _thrift(models: Sequence[str], shown: Sequence[Question]) -> Predict:
    blend = Blend.fit(models, [(each.features, each.scores) for each in shown])

    def predict(question: Question) -> tuple[list[float], list[float]]:
        said = question.features
        return blend.deviations(said)[:-1], blend.predict(said)

    return predict


def _length(models: Sequence[str], shown: Sequence[Question]) -> Predict:
    """Longer prompts are harder, or the other way round: whichever the questions show."""
    standard = Standard.of([each.features.shape for each in shown])
    means = _means([each.scores for each in shown])

    def row(question: Question) -> list[float]:
        return [1.0, *standard(question.features.shape)[:LENGTH]]

    targets = [[score - mean for score, mean in zip(each.scores, means, strict=True)] for each in shown]
    heads = ridge([row(each) for each in shown], targets, PENALTY)

    def predict(question: Question) -> tuple[list[float], list[float]]:
        at = row(question)
        gains = [sum(a * b for a, b in zip(head, at, strict=True)) for head in heads]
        return gains, _bounded(means, gains)

    return predict


def _task(models: Sequence[str], shown: Sequence[Question]) -> Predict:
    """Each task's mean, drawn to that of all."""
    means = _means([each.scores for each in shown])
    sums: dict[str, list[float]] = {}
    counts: dict[str, int] = {}
    for each in shown:
        total = sums.setdefault(each.task, [0.0] * len(models))
        for place, (score, mean) in enumerate(zip(each.scores, means, strict=True)):
            total[place] += score - mean
        counts[each.task] = counts.get(each.task, 0) + 1
    known = {task: [each / (counts[task] + KAPPA) for each in total] for task, total in sums.items()}
    if len(known) < 2:
        known = {}

    def predict(question: Question) -> tuple[list[float], list[float]]:
        gains = known.get(question.task, [0.0] * len(models))
        return gains, _bounded(means, gains)

    return predict


ROUTERS: dict[str, Callable[[Sequence[str], Sequence[Question]], Predict]] = {
    "thrift": _thrift,
    "task only": _task,
    "prompt length": _length,
}


def _means(rows: Sequence[Sequence[float]]) -> list[float]:
    return [sum(column) / len(rows) for column in zip(*rows, strict=True)]


def _bounded(means: Sequence[float], gains: Sequence[float]) -> list[float]:
    return [min(1.0, max(0.0, mean + gain)) for mean, gain in zip(means, gains, strict=True)]
