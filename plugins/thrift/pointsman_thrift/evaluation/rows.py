"""Rows: what a file says of questions, models, scores and costs, before anything is assumed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from math import isfinite
from pathlib import Path

from .data import DataError

__all__ = ["MISSING", "NAMES", "Answer", "Row", "Rows", "number", "role_of", "score"]

NAMES = {
    "prompt": ("prompt", "question", "query", "input", "instruction", "text", "user_prompt", "messages"),
    "task": ("task", "category", "subject", "domain", "topic", "eval_name", "dataset", "benchmark"),
    "id": ("id", "sample_id", "question_id", "prompt_id", "uid", "idx", "index", "", "unnamed: 0"),
    "model": ("model", "model_name", "llm"),
    "score": ("score", "correct", "is_correct", "accuracy", "performance", "quality", "outcome"),
    "cost": ("cost", "cost_usd", "total_cost", "usd", "price"),
    "input": ("in_tok", "input_tokens", "prompt_tokens", "tokens_in", "in_tokens"),
    "output": ("out_tok", "output_tokens", "completion_tokens", "tokens_out", "out_tokens", "num_tokens"),
}
"""How files call what is wanted, in small letters."""
OTHERS = frozenset(
    {
        "answer",
        "answers",
        "target",
        "gold",
        "label",
        "ground_truth",
        "reference",
        "solution",
        "choices",
        "options",
        "split",
        "fold",
        "cluster_id",
        "difficulty",
        "level",
        "year",
        "latency",
        "time",
        "oracle_model_to_route_to",
        "source",
        "metric",
        "winner",
        "winner_model_a",
        "winner_model_b",
        "winner_tie",
        "tie",
        "turn",
        "turns",
        "rank",
        "seed",
        "length",
        "prompt_length",
        "n_tokens",
        "tokens",
    }
)
"""Columns that are about the question and not about a model."""
TRUE = frozenset({"true", "t", "yes", "y", "correct", "right", "pass", "passed"})
FALSE = frozenset({"false", "f", "no", "n", "incorrect", "wrong", "fail", "failed"})
MISSING = frozenset({"", "-", "na", "n/a", "<na>", "nan", "null", "none"})
"""What stands where there is no value, in small letters."""
SCALES = (1.0, 5.0, 10.0, 100.0)
"""What scores are counted to."""
COMMA = re.compile(r"[+-]?\d+,(?!\d{3}$)\d+")
"""A number with a decimal comma; with three digits behind it might be thousands."""


@dataclass(slots=True)
class Answer:
    """One model's answer to one question; `cost` in USD, tokens where they are known."""

    score: float
    cost: float | None = None
    input: int | None = None
    output: int | None = None


@dataclass(slots=True)
class Row:
    """A question, and the answers by model."""

    id: str
    prompt: str
    task: str
    answers: dict[str, Answer]
    place: int
    """Its row in the file, as it is counted there."""


@dataclass
class Rows:
    """What was read from a file."""

    path: Path
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, id: str, prompt: str, task: str, *, place: int) -> Row:
        """Begin a question."""
        row = Row(id, prompt, task, {}, place)
        self.rows.append(row)
        return row

    def scale(self, models: Iterable[str]) -> None:
        """Bring each model's scores to 0 to 1, where a file counts to 5, 10 or 100. Raises DataError."""
        named = [*models]
        values = [row.answers[model].score for row in self.rows for model in named if model in row.answers]
        top, least = max(values, default=0.0), min(values, default=0.0)
        if least < 0.0 or top > 100.0:
            self._refuse(named)
        most = next(scale for scale in SCALES if top <= scale)
        if most == 1.0:
            return
        self.notes.append(f"{self.path.name}: scores were divided by {most:g}")
        for row in self.rows:
            for answer in row.answers.values():
                answer.score /= most

    def _refuse(self, models: list[str]) -> None:
        for row in self.rows:
            for model in models:
                answer = row.answers.get(model)
                if answer is not None and not 0.0 <= answer.score <= 100.0:
                    message = (
                        f"{answer.score:g} is no score (0 to 1, 5, 10 or 100); --models says which to read"
                    )
                    raise DataError(self.path, message, row=row.place, column=model)


def role_of(name: str) -> str | None:
    """What a column is by its name; None where it might be a model's. 'other' is about the question."""
    plain = name.strip().lower()
    if plain in OTHERS:
        return "other"
    return next((role for role, names in NAMES.items() if plain in names), None)


def number(value: object) -> float | None:
    """A number as it stands in a file: a number, a truth value, or a text, such as `0.5`, `0,5`, `50%`,
    `$0.02`, `yes`; None where it is none."""
    if isinstance(value, bool):
        return float(value)
    if isinstance(value, int | float):
        return float(value) if isfinite(value) else None
    if not isinstance(value, str):
        return None
    plain = value.strip().lower()
    if plain in TRUE or plain in FALSE:
        return float(plain in TRUE)
    percent = plain.endswith("%")
    digits = plain.removeprefix("$").removesuffix("%").strip()
    try:
        found = float(digits.replace(",", ".") if COMMA.fullmatch(digits) else digits)
    except ValueError:
        return None
    return (found / 100.0 if percent else found) if isfinite(found) else None


def score(value: object, path: Path, *, row: int, column: str) -> float | None:
    """A score; None where the cell is empty. Raises DataError where it is something else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in MISSING):
        return None
    found = number(value)
    if found is None:
        raise DataError(path, f"{str(value)[:40]!r} is no score", row=row, column=column)
    return found
