"""Blend: how much better or worse than usual each model will answer a prompt, by its task, look and words.

Learned from prompts that several models were asked (paired labels). What is learned is each model's distance
from the mean of all at a prompt, so that what makes a prompt hard for all cancels out, and that mean itself.
Three learners are added up: by length, by look and task, and by words. How much each counts is measured on
prompts that it was not shown, and held back by a belief in equal parts, so that few rows do no harm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from .features import LENGTH, Features
from .ridge import Standard, ridge
from .words import Words

__all__ = ["Blend", "Example"]

PENALTY = 10.0
SEED = 7
MANY = 1200
"""Rows from which on parts are held out twice, not five times."""
BELIEF = 150.0
"""Rows that the belief in the learners' parts counts as."""
PARTS = (0.2, 0.5, 0.5)
ROUNDS = 100
CAUTION = 20.0
LEAST = 0.1
VERSION = 1

Example = tuple[Features, Sequence[float]]
"""A prompt, and the outcome of each model."""
Matrix = list[list[float]]


class _Learners:
    """The three, fitted to the same rows."""

    def __init__(
        self, standard: Standard, tasks: Sequence[str], length: Matrix, look: Matrix, words: Words
    ) -> None:
        self.standard, self.tasks = standard, [*tasks]
        self.length, self.look, self.words = length, look, words
        self._places = {task: place for place, task in enumerate(self.tasks)}

    @classmethod
    def fit(cls, prompts: Sequence[Features], targets: Matrix) -> _Learners:
        standard = Standard.of([each.shape for each in prompts])
        tasks = sorted({each.task for each in prompts if each.task})
        found = cls(standard, tasks if len(tasks) > 1 else [], [], [], Words({}, []))
        shapes = [standard(each.shape) for each in prompts]
        found.length = ridge([[1.0, *each[:LENGTH]] for each in shapes], targets, PENALTY)
        found.look = ridge(
            [found._row(shape, each.task) for shape, each in zip(shapes, prompts, strict=True)],
            targets,
            PENALTY,
        )
        found.words = Words.fit([each.tokens for each in prompts], targets, SEED)
        return found

    def predict(self, prompt: Features) -> tuple[list[float], list[float], list[float]]:
        """What each learner says of each target."""
        shape = self.standard(prompt.shape)
        short, row = [1.0, *shape[:LENGTH]], self._row(shape, prompt.task)
        return (
            [_dot(head, short) for head in self.length],
            [_dot(head, row) for head in self.look],
            self.words.predict(prompt.tokens),
        )

    def _row(self, shape: list[float], task: str) -> list[float]:
        row = [1.0, *shape, *([0.0] * len(self.tasks))]
        place = self._places.get(task)
        if place is not None:
            row[1 + len(shape) + place] = 1.0
        return row


class Blend:
    """Predicts outcomes of `models`, in their order."""

    def __init__(
        self, models: Sequence[str], means: Sequence[float], parts: Matrix, slope: float, learners: _Learners
    ) -> None:
        self.models, self.means, self.parts, self.slope = [*models], [*means], parts, slope
        self._learners = learners

    @classmethod
    def fit(cls, models: Sequence[str], examples: Sequence[Example], seed: int = SEED) -> Blend:
        """Learn from examples, of which each has an outcome of every model. Raises ValueError without any."""
        if not examples or any(len(outcomes) != len(models) for _, outcomes in examples):
            raise ValueError("a blend learns from examples that have an outcome of each model")
        prompts = [prompt for prompt, _ in examples]
        targets = [_targets(outcomes) for _, outcomes in examples]
        means, centred = _centred(targets)
        guesses = _held_out(prompts, targets, seed)
        parts = [_parts([guess[head] for guess in guesses], head, centred) for head in range(len(means))]
        slope = _slope(guesses, parts, centred)
        return cls(models, means, parts, slope, _Learners.fit(prompts, centred))

    def deviations(self, prompt: Features) -> list[float]:
        """How far from its own mean, and from that of all models, each model's outcome is expected to be; the
        last is how far the mean of all is from usual. Not yet scaled by `slope`."""
        said = self._learners.predict(prompt)
        return [
            sum(part * each[head] for part, each in zip(parts, said, strict=True))
            for head, parts in enumerate(self.parts)
        ]

    def predict(self, prompt: Features) -> list[float]:
        """The expected outcome of each model, from 0 to 1."""
        *heads, level = self.deviations(prompt)
        *means, usual = self.means
        base = usual + self.slope * level
        return [
            min(1.0, max(0.0, base + mean + self.slope * head))
            for mean, head in zip(means, heads, strict=True)
        ]

    def gains(self, prompt: Features) -> dict[str, float]:
        """How much better than usual, beside the others, each model is expected to do: for `policy.Ask`."""
        return dict(zip(self.models, (self.slope * each for each in self.deviations(prompt)), strict=False))

    def as_json(self) -> dict[str, Any]:
        """As JSON data."""
        learners = self._learners
        return {
            "version": VERSION,
            "models": self.models,
            "means": self.means,
            "parts": self.parts,
            "slope": self.slope,
            "tasks": learners.tasks,
            "shape": [learners.standard.means, learners.standard.scales],
            "length": learners.length,
            "look": learners.look,
            "words": learners.words.as_json(),
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Blend:
        """What `as_json` wrote. Raises ValueError where it is something else."""
        try:
            if data["version"] != VERSION:
                raise ValueError(f"this is version {data['version']!r} of a blend, not {VERSION}")
            standard = Standard(*data["shape"])
            words = Words.of_json(data["words"])
            learners = _Learners(standard, data["tasks"], data["length"], data["look"], words)
            return cls(data["models"], data["means"], data["parts"], float(data["slope"]), learners)
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no blend: {error}") from None


def _targets(outcomes: Sequence[float]) -> list[float]:
    """Each model's distance from the mean of all, and that mean."""
    mean = sum(outcomes) / len(outcomes)
    return [*(each - mean for each in outcomes), mean]


def _centred(targets: Matrix) -> tuple[list[float], Matrix]:
    means = [sum(column) / len(targets) for column in zip(*targets, strict=True)]
    return means, [[each - mean for each, mean in zip(row, means, strict=True)] for row in targets]


def _held_out(prompts: Sequence[Features], targets: Matrix, seed: int) -> list[list[tuple[float, ...]]]:
    """What the learners say of rows that they were not shown: by row, by target."""
    count = len(prompts)
    parts = min(count, 2 if count > MANY else 5)
    if parts < 2:
        return [[(0.0, 0.0, 0.0)] * len(targets[0])] * count
    order = [*range(count)]
    Random(seed).shuffle(order)  # noqa: S311 - parts of rows
    found: list[list[tuple[float, ...]]] = [[]] * count
    for part in range(parts):
        held = {*order[part::parts]}
        shown = [place for place in range(count) if place not in held]
        _, centred = _centred([targets[place] for place in shown])
        learners = _Learners.fit([prompts[place] for place in shown], centred)
        for place in held:
            found[place] = [*zip(*learners.predict(prompts[place]), strict=True)]
    return found


def _parts(guesses: Sequence[tuple[float, ...]], head: int, centred: Matrix) -> list[float]:
    """How much each learner counts: least squares without negative parts, drawn to PARTS."""
    columns = [*zip(*guesses, strict=True)]
    goal = [row[head] for row in centred]
    products = [[_dot(a, b) for b in columns] for a in columns]
    right = [_dot(column, goal) for column in columns]
    belief = BELIEF * sum(products[i][i] for i in range(len(columns))) / len(columns) / len(goal)
    for i, part in enumerate(PARTS):
        products[i][i] += belief
        right[i] += belief * part
    found = [*PARTS]
    if belief <= 0:
        return found
    for _ in range(ROUNDS):
        for i, row in enumerate(products):
            others = _dot(row, found) - row[i] * found[i]
            found[i] = max(0.0, (right[i] - others) / row[i])
    return found


def _slope(guesses: Sequence[Sequence[tuple[float, ...]]], parts: Matrix, centred: Matrix) -> float:
    """How far predictions may be believed: what they explain of rows that they were not learned from."""
    both = own = 0.0
    for guess, row in zip(guesses, centred, strict=True):
        for said, part, goal in zip(guess, parts, row, strict=True):
            value = _dot(said, part)
            both += value * goal
            own += value * value
    if own <= 0:
        return LEAST
    return min(1.2, max(LEAST, both / (own * (1.0 + CAUTION / len(centred)))))


def _dot(a: Sequence[float], b: Sequence[float]) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))
