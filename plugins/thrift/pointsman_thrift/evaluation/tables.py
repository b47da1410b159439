"""Tables: files of cells, with one row a question and one column of scores a model.

Columns are known by their names; what is left and holds numbers or truth values is a model. A model's cost
and tokens stand in columns whose name has the model's in it: `gpt-4|total_cost`, `gpt-4_cost`, `cost:gpt-4`.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .data import DataError
from .files import text_of
from .rows import MISSING, NAMES, Answer, Rows, number, role_of, score

__all__ = ["read_cells", "read_lines"]

LARGEST = 1 << 27
"""Bytes of one cell."""
BETWEEN = ",;\t"
"""What may stand between cells."""
SEPARATORS = "|_:/.- "
OTHER = "other"
ABOUT = {
    "cost": ("total_cost", "cost_usd", "cost", "usd"),
    "input": NAMES["input"],
    "output": NAMES["output"],
    "score": ("score", "correct", "accuracy", "performance"),
    OTHER: ("response", "answer", "completion", "latency", "seconds", "time", "length", "rank"),
}
"""What a column may say of a model, beside its name: a score, what else is wanted, and what is not."""


def read_lines(path: Path) -> list[list[str]]:
    """The lines of a file, of which the first are headings; between cells is what makes most of these.
    Raises DataError."""
    csv.field_size_limit(LARGEST)
    text = text_of(path)

    def cells(between: str) -> Iterable[list[str]]:
        return csv.reader(io.StringIO(text, newline=""), delimiter=between)

    try:
        return [*cells(max(BETWEEN, key=lambda between: len(next(iter(cells(between)), []))))]
    except csv.Error as error:
        raise DataError(path, f"cannot be read: {error}") from None


def read_cells(
    path: Path, lines: Sequence[Sequence[str]], *, prompt: str | None = None, task: str | None = None
) -> Rows:
    """What lines of cells say, of which the first are headings; `prompt` and `task` name columns where their
    names are unusual. Raises DataError."""
    if len(lines) < 2:
        raise DataError(path, "there are no rows under a heading")
    heading, cells = lines[0], [line for line in lines[1:] if any(cell.strip() for cell in line)]
    columns = _columns(path, heading, cells, {"prompt": prompt, "task": task})
    return _rows(path, heading, lines, columns)


class _Columns:
    """Which column is what."""

    def __init__(self) -> None:
        self.of: dict[str, int] = {}
        self.models: dict[str, dict[str, int]] = {}
        """By model: `score`, `cost`, `input`, `output`."""


def _columns(
    path: Path, heading: Sequence[str], cells: Sequence[Sequence[str]], wanted: Mapping[str, str | None]
) -> _Columns:
    found = _Columns()
    for role, name in wanted.items():
        if name is not None:
            if name not in heading:
                raise DataError(path, "there is no such column", row=1, column=name)
            found.of[role] = heading.index(name)
    for role in ("prompt", "task", "id"):
        names = [name.strip().lower() for name in heading]
        place = next((names.index(each) for each in NAMES[role] if each in names), None)
        if place is not None:
            found.of.setdefault(role, place)
    if "prompt" not in found.of:
        found.of["prompt"] = _longest(path, heading, cells)
    taken = {*found.of.values()}
    rest = [place for place, name in enumerate(heading) if place not in taken and role_of(name) is None]
    twice = [name for name, n in Counter(heading[place].strip() for place in rest).items() if n > 1 and name]
    if twice:
        raise DataError(path, "there are two columns of this name", row=1, column=twice[0])
    _models(found, heading, cells, rest)
    if not found.models:
        message = f"no column holds scores of a model; there are {', '.join(heading)[:200]}"
        raise DataError(path, message, row=1)
    return found


def _longest(path: Path, heading: Sequence[str], cells: Sequence[Sequence[str]]) -> int:
    """The column that has most text: prompts, where no name says it."""
    sample = cells[:200]
    lengths = [
        sum(len(line[place]) for line in sample if place < len(line) and number(line[place]) is None)
        for place in range(len(heading))
    ]
    if max(lengths, default=0) < 10 * len(sample):
        raise DataError(path, "no column holds prompts; name one with --prompt-column", row=1)
    return lengths.index(max(lengths))


def _models(
    found: _Columns, heading: Sequence[str], cells: Sequence[Sequence[str]], rest: Sequence[int]
) -> None:
    """First the columns that are just called like a model, and those that say they are its scores; then what
    others say of these models."""
    names = {place: heading[place].strip() for place in rest}
    said = {place: about for place, name in names.items() if (about := _about(name)) is not None}
    for place, name in names.items():
        if place not in said and _is_numeric(line[place : place + 1] for line in cells):
            found.models[name] = {"score": place}
    for kinds in (("score",), ("cost", "input", "output")):
        for place, (model, kind) in said.items():
            if kind in kinds and (kind == "score" or model in found.models):
                found.models.setdefault(model, {}).setdefault(kind, place)


def _about(name: str) -> tuple[str, str] | None:
    """The model and what a column says of it, by the column's name."""
    plain = name.lower()
    for kind, words in ABOUT.items():
        for word in words:
            if plain.endswith(word) and plain[: -len(word)][-1:] and plain[: -len(word)][-1:] in SEPARATORS:
                return name[: -len(word) - 1], kind
            if plain.startswith(word) and plain[len(word) :][:1] and plain[len(word) :][:1] in SEPARATORS:
                return name[len(word) + 1 :], kind
    return None


def _is_numeric(cells: Iterable[Sequence[str]]) -> bool:
    """Whether all that stands in a column is numbers or truth values, and there is any."""
    found = False
    for cell in cells:
        text = cell[0].strip() if cell else ""
        if text.lower() in MISSING:
            continue
        if number(text) is None:
            return False
        found = True
    return found


def _rows(path: Path, heading: Sequence[str], lines: Sequence[Sequence[str]], columns: _Columns) -> Rows:
    rows = Rows(path)
    for place, line in enumerate(lines[1:], 2):
        if not any(cell.strip() for cell in line):
            continue
        if len(line) != len(heading):
            message = f"{len(line)} cells under {len(heading)} headings"
            raise DataError(path, message, row=place)
        at = columns.of
        id = line[at["id"]] if "id" in at else str(place - 1)
        task = line[at["task"]].strip() if "task" in at else ""
        row = rows.add(id, line[at["prompt"]], task, place=place)
        for model, cells in columns.models.items():
            found = score(line[cells["score"]], path, row=place, column=heading[cells["score"]])
            if found is None:
                continue
            cost, given, written = (
                number(line[cells[kind]]) if kind in cells else None for kind in ("cost", "input", "output")
            )
            row.answers[model] = Answer(
                found, cost, None if given is None else int(given), None if written is None else int(written)
            )
    return rows
