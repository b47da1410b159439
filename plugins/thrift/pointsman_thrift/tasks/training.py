"""Training: a linear model of the tasks, by gradient descent in pure Python, the same for each seed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from random import Random
from typing import NamedTuple

from .features import Features, features_of
from .generate import Example
from .names import TASKS
from .weights import BEFORE, SHAPE, WORDS, Model

__all__ = ["Training", "temperature_of", "trained"]

FIRST = 1.0
"""Where sums of squared gradients begin."""
SLIGHT = 0.004
"""An error so small changes nothing."""
LAST_RATE = 0.02


@dataclass(frozen=True, slots=True)
class Training:
    """How to train.

    `dropout` is the share of words that each step hides, so that no word decides alone; `smoothing` the
    chance left to all other tasks; `rare` how often a feature must be seen; `most` how many are kept.
    """

    epochs: int = 4
    rate: float = 0.9
    dropout: float = 0.4
    smoothing: float = 0.0
    rare: int = 2
    most: int = 23_500
    seed: int = 1


class _Part(NamedTuple):
    """Buckets that count alike."""

    value: float
    buckets: tuple[int, ...]
    whole: bool


_Row = tuple[int, tuple[_Part, ...]]


def _parts(features: Features) -> tuple[_Part, ...]:
    """A prompt as it is weighed: each part of it counts the same, whatever its size."""
    found = [_Part(SHAPE, features.shape, True)]
    for scale, part in ((WORDS, features.words), (BEFORE, features.before)):
        if part:
            found.append(_Part(scale / sqrt(len(part)), tuple(sorted(part)), False))
    return tuple(found)


def trained(
    examples: Sequence[Example], training: Training, progress: Callable[[int], None] = lambda epoch: None
) -> Model:
    """The model of these examples. `progress` is told of each epoch."""
    draw = Random(training.seed)  # noqa: S311 - an order, not a secret
    rows: list[_Row] = [(TASKS.index(each.task), _parts(features_of(each.prompt))) for each in examples]
    seen = Counter(bucket for _, parts in rows for part in parts for bucket in part.buckets)
    weights = {bucket: [0.0] * len(TASKS) for bucket, count in seen.items() if count >= training.rare}
    descent = _Descent(weights, training, draw.random)
    done, total = 0, training.epochs * len(rows)
    for epoch in range(training.epochs):
        draw.shuffle(rows)
        for row in rows:
            descent.step(row, training.rate * (1 - done / total) + LAST_RATE)
            done += 1
        progress(epoch + 1)
    return Model.of(weights, most=training.most)


class _Descent:
    """Steps down the error, each as large as a feature's steps so far allow (AdaGrad)."""

    def __init__(
        self, weights: dict[int, list[float]], training: Training, random: Callable[[], float]
    ) -> None:
        self._weights = weights
        self._squares = dict.fromkeys(weights, FIRST)
        self._dropout, self._random = training.dropout, random
        self._rest = training.smoothing / len(TASKS)
        self._right = 1 - training.smoothing + self._rest

    def step(self, row: _Row, rate: float) -> None:
        """Learn from one example."""
        task, parts = row
        seen = [(part.value, self._shown(part)) for part in parts]
        logits = [0.0] * len(TASKS)
        for value, buckets in seen:
            if buckets:
                sums = map(sum, zip(*map(self._weights.__getitem__, buckets), strict=True))
                logits = [logit + value * each for logit, each in zip(logits, sums, strict=True)]
        top = max(logits)
        powers = [exp(each - top) for each in logits]
        norm = 1 / sum(powers)
        wrong = [
            (place, error)
            for place, power in enumerate(powers)
            if abs(error := power * norm - (self._right if place == task else self._rest)) > SLIGHT
        ]
        if wrong:
            self._learn(seen, wrong, rate)

    def _shown(self, part: _Part) -> list[int]:
        """What of a part is not hidden, and known."""
        weights, random, dropout = self._weights, self._random, self._dropout
        if part.whole:
            return [bucket for bucket in part.buckets if bucket in weights]
        return [bucket for bucket in part.buckets if bucket in weights and random() >= dropout]

    def _learn(
        self, seen: Sequence[tuple[float, list[int]]], wrong: Sequence[tuple[int, float]], rate: float
    ) -> None:
        size = sum(error * error for _, error in wrong)
        for value, buckets in seen:
            square, step = size * value * value, rate * value
            for bucket in buckets:
                self._squares[bucket] = squares = self._squares[bucket] + square
                far, row = step / sqrt(squares), self._weights[bucket]
                for place, error in wrong:
                    row[place] -= far * error


def temperature_of(model: Model, examples: Sequence[Example]) -> float:
    """By what to divide the model's logits so that it is as sure of these examples as it is right."""
    rows = [(TASKS.index(each.task), model.logits(features_of(each.prompt))) for each in examples]
    return min((2 ** (step / 8) for step in range(-16, 25)), key=lambda each: _loss(rows, each))


def _loss(rows: Sequence[tuple[int, list[float]]], temperature: float) -> float:
    loss = 0.0
    for task, logits in rows:
        top = max(logits)
        loss += log(sum(exp((each - top) / temperature) for each in logits))
        loss -= (logits[task] - top) / temperature
    return loss
