"""Data: questions that several models were asked, with a score of each answer and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pointsman_thrift.difficulty import Features, features

__all__ = ["Data", "DataError", "Question", "question"]


class DataError(ValueError):
    """Data that cannot be used, with the file, row and column where that shows."""

    def __init__(self, path: Path | str, message: str, *, row: int | None = None, column: str | None = None):
        place = [str(path)]
        if row is not None:
            place.append(f"row {row}")
        if column is not None:
            place.append(f"column {column!r}")
        super().__init__(f"{', '.join(place)}: {message}")


@dataclass(frozen=True)
class Question:
    """A prompt, what it is about ('' where nothing says), and for each model the score of its answer, from 0
    to 1, and what it cost in nano-USD."""

    id: str
    prompt: str
    task: str
    scores: tuple[float, ...]
    costs: tuple[float, ...]
    features: Features

    @property
    def group(self) -> str:
        """Questions that are one: they have the same prompt, if any."""
        return self.prompt or f"id {self.id}"


@dataclass
class Data:
    """Questions and the models that all of them were asked. `costs` says where costs come from, `notes` what
    was left out or assumed."""

    models: tuple[str, ...]
    questions: list[Question]
    costs: str
    notes: list[str] = field(default_factory=list)

    def mean(self, model: int) -> float:
        """The mean score of a model."""
        return sum(each.scores[model] for each in self.questions) / len(self.questions)

    def mean_cost(self, model: int) -> float:
        """The mean cost of a model's answer in nano-USD."""
        return sum(each.costs[model] for each in self.questions) / len(self.questions)

    @property
    def tasks(self) -> list[str]:
        """The tasks that occur."""
        return sorted({each.task for each in self.questions})

    def ranked(self) -> list[int]:
        """The places of models, the worst first."""
        return sorted(range(len(self.models)), key=lambda place: (self.mean(place), self.models[place]))


def question(id: str, prompt: str, task: str, scores: Sequence[float], costs: Sequence[float]) -> Question:
    """A question, with its features."""
    return Question(id, prompt, task, tuple(scores), tuple(costs), features(prompt, task))
