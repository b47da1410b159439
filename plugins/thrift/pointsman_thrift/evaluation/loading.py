"""Loading: files of any kind that is known, as one set of data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from .data import Data, DataError, question
from .files import kind_of
from .objects import read_json, read_jsonl, read_table
from .prices import Price, costed
from .rows import Row, Rows

__all__ = ["Wanted", "gathered", "load", "read"]

HALF = 0.5
FEWEST = 10
"""Questions: with fewer there is nothing to learn from and nothing to tell."""
Classify = Callable[[str], str]


class Reader(Protocol):
    """Reads a file, or raises DataError."""

    def __call__(self, path: Path, *, prompt: str | None, task: str | None) -> Rows: ...


@dataclass(frozen=True)
class Wanted:
    """What a command line says of the data: models to look at, unusual names, prices, and whether tasks are
    told by the classifier even where the data names some."""

    models: tuple[str, ...] = ()
    prompt: str | None = None
    task: str | None = None
    prices: Mapping[str, Price] = field(default_factory=dict)
    classify: Classify | None = None


def load(paths: Sequence[Path], wanted: Wanted) -> Data:
    """Read files, or all that a folder holds. Raises DataError."""
    found = [file for path in paths for file in _files(path)]
    return gathered([read(path, wanted) for path in found], wanted)


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(each for each in path.iterdir() if kind_of(each) in READERS)
    if not found:
        raise DataError(path, f"there is no file of {', '.join(READERS)} in this folder")
    return found


READERS: dict[str, Reader] = {
    ".csv": read_table,
    ".tsv": read_table,
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
}


def read(path: Path, wanted: Wanted) -> Rows:
    """Read one file. Raises DataError."""
    reader = READERS.get(kind_of(path))
    if reader is None:
        known = ", ".join(READERS)
        raise DataError(path, f"which kind of file is this? Known are {known}, also compressed (.gz)")
    return reader(path, prompt=wanted.prompt, task=wanted.task)


def gathered(files: Sequence[Rows], wanted: Wanted) -> Data:
    """All rows as one: models that answered most questions, and questions that all of them answered. Of
    several files without tasks each is a task. Raises DataError."""
    name = files[0].path if files else Path()
    rows = [row for each in files for row in each.rows]
    notes: list[str] = []
    models = _models(name, rows, wanted.models, notes)
    for each in files:
        each.scale(models)
        notes += each.notes
    complete = [row for row in rows if all(model in row.answers for model in models)]
    if len(complete) < len(rows):
        notes.append(f"{len(rows) - len(complete)} of {len(rows)} questions lack a score and were left out")
    if len(complete) < FEWEST:
        raise DataError(name, f"{len(complete)} questions have a score of each model; {FEWEST} are needed")
    tasks = _tasks(files, complete, wanted, notes)
    totals = {model: sum(row.answers[model].score for row in complete) for model in models}
    ranked = sorted(models, key=lambda model: (totals[model], model))
    unpriced = wanted.prices.keys() - {*models}
    if unpriced:
        known = ", ".join(models)
        raise DataError(name, f"a price is given for {sorted(unpriced)[0]}, but models are {known}")
    costs, told = costed(complete, models, wanted.prices, ranked)
    questions = [
        question(row.id, row.prompt, task, [row.answers[model].score for model in models], cost)
        for row, task, cost in zip(complete, tasks, costs, strict=True)
    ]
    return Data(tuple(models), questions, told, notes)


def _models(path: Path, rows: Sequence[Row], named: Sequence[str], notes: list[str]) -> list[str]:
    counts = Counter(model for row in rows for model in row.answers)
    for model in named:
        if model not in counts:
            raise DataError(path, f"there is no model {model!r}, but {', '.join(sorted(counts))}")
    found = [*dict.fromkeys(named)] or [model for model, n in counts.items() if n >= HALF * len(rows)]
    rare = sorted(counts.keys() - {*found})
    if rare and not named:
        notes.append(f"left out, for they answered fewer than half of the questions: {', '.join(rare)}")
    if len(found) < 2:
        raise DataError(path, f"there is nothing to choose from: {', '.join(found) or 'no model'}")
    return found


def _tasks(files: Sequence[Rows], rows: Sequence[Row], wanted: Wanted, notes: list[str]) -> list[str]:
    """What each row is about: as the data says, else by file, else by the classifier."""
    if any(row.task for row in rows):
        return [row.task for row in rows]
    if len(files) > 1:
        notes.append("each file is taken as a task")
        by_row = {id(row): each.path.stem for each in files for row in each.rows}
        return [by_row[id(row)] for row in rows]
    if wanted.classify is not None:
        notes.append("tasks are those of the classifier")
        return [wanted.classify(row.prompt) for row in rows]
    return ["" for _ in rows]
