"""Objects: files of questions in JSON or JSON lines, a row for each answer or for each question."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .data import DataError
from .files import text_of
from .rows import NAMES, Answer, Row, Rows, number, role_of, score
from .tables import read_cells, read_lines

__all__ = ["read_json", "read_jsonl", "read_table"]

SCORES = ("scores", "score", "models", "results")
COSTS = ("costs", "cost")

Object = Mapping[str, Any]


def read_jsonl(path: Path, *, prompt: str | None = None, task: str | None = None) -> Rows:
    """Read JSON lines; `prompt` and `task` name keys where their names are unusual. Raises DataError."""

    lines = enumerate(text_of(path).split("\n"), 1)
    objects = ((place, _parsed(path, line, place)) for place, line in lines if line.strip())
    return _rows(path, objects, prompt, task)


def read_json(path: Path, *, prompt: str | None = None, task: str | None = None) -> Rows:
    """Read a JSON file: a list of objects, an object that holds one, or an object of columns. Raises
    DataError."""
    try:
        data = json.loads(text_of(path))
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"cannot be read: {error}") from None
    if isinstance(data, dict):
        data = _turned(data) or data
    if isinstance(data, dict):
        data = next((each for each in data.values() if isinstance(each, list)), None)
    if not isinstance(data, list):
        raise DataError(path, "this is no list of questions")
    return _rows(path, enumerate(data, 1), prompt, task)


def _turned(columns: Object) -> list[Object] | None:
    """The rows of an object that has a list, or values by row, under the name of each column; None where it
    is none."""
    known = {
        name: [*(values.values() if isinstance(values, dict) else values)]
        for name, values in columns.items()
        if isinstance(values, dict | list)
    }
    length = next((len(values) for name, values in known.items() if role_of(name) == "prompt"), None)
    if length is None:
        return None
    known = {name: values for name, values in known.items() if len(values) == length}
    return [dict(zip(known, row, strict=True)) for row in zip(*known.values(), strict=True)]


def read_table(path: Path, *, prompt: str | None = None, task: str | None = None) -> Rows:
    """Read comma-separated values, with a row for each question or for each answer. Raises DataError."""
    lines = read_lines(path)
    roles = {role_of(name) for name in lines[0]} if lines else set()
    if not {"model", "score"} <= roles:
        return read_cells(path, lines, prompt=prompt, task=task)
    heading = [name.strip() for name in lines[0]]
    cells = [(place, line) for place, line in enumerate(lines[1:], 2) if any(each.strip() for each in line)]
    for place, line in cells:
        if len(line) != len(heading):
            raise DataError(path, f"{len(line)} cells under {len(heading)} headings", row=place)
    objects = ((place, dict(zip(map(str.lower, heading), line, strict=True))) for place, line in cells)
    return _rows(path, objects, prompt, task)


def _parsed(path: Path, line: str, place: int) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(path, f"this is no JSON: {error}", row=place) from None


def _rows(path: Path, objects: Iterable[tuple[int, Any]], prompt: str | None, task: str | None) -> Rows:
    found = [*objects]
    for place, each in found:
        if not isinstance(each, dict):
            raise DataError(path, "this is no object", row=place)
    if not found:
        raise DataError(path, "there are no questions")
    if all(_is_flat(each) for _, each in found):
        headings = [*dict.fromkeys(name for _, each in found for name in each)]
        cells = [[_text(each.get(name)) for name in headings] for _, each in found]
        return read_cells(path, [headings, *cells], prompt=prompt, task=task)
    rows = Rows(path)
    known: dict[str, Row] = {}
    models: dict[str, None] = {}
    for place, each in found:
        row = _question(rows, known, each, place, prompt=prompt, task=task)
        for model, answer in _answers(path, each, place):
            if model in row.answers:
                message = f"{model} has answered {row.id[:40]!r} before"
                raise DataError(path, message, row=place, column="model")
            row.answers[model] = answer
            models[model] = None
    if not models:
        raise DataError(path, "there is no score of a model", row=rows.rows[0].place)
    return rows


def _is_flat(each: Object) -> bool:
    """Whether it has a key for each model, as a table has columns."""
    nested = any(isinstance(each.get(name), dict) for name in SCORES)
    return not nested and not isinstance(_said(each, "model"), str)


def _text(value: Any) -> str:
    if isinstance(value, list):
        asked = [_content(each) for each in value if isinstance(each, dict) and each.get("role") == "user"]
        if asked:
            return asked[-1]
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _content(message: Object) -> str:
    """The text of a message in a conversation."""
    said = message.get("content")
    parts = said if isinstance(said, list) else [{"text": said}]
    return "\n".join(str(each["text"]) for each in parts if isinstance(each, dict) and each.get("text"))


def _question(
    rows: Rows, known: dict[str, Row], each: Object, place: int, *, prompt: str | None, task: str | None
) -> Row:
    """The question that an object is about: of several objects with one id it is the same."""
    asked = _said(each, "prompt") if prompt is None else each.get(prompt)
    asked = _text(asked) if isinstance(asked, list) else asked
    if not isinstance(asked, str):
        names = ", ".join(NAMES["prompt"]) if prompt is None else prompt
        raise DataError(rows.path, f"there is no prompt: a text in one of {names}", row=place)
    said = _said(each, "id")
    id = asked if said is None else str(said)
    row = known.get(id)
    if row is None:
        about = each.get(task) if task is not None else _said(each, "task")
        row = known[id] = rows.add(id, asked, "" if about is None else str(about), place=place)
    elif row.prompt != asked:
        message = f"the id {id[:40]!r} has another prompt in row {row.place}"
        raise DataError(rows.path, message, row=place, column="id")
    return row


def _answers(path: Path, each: Object, place: int) -> Iterator[tuple[str, Answer]]:
    """Of one model, or of several in a mapping of scores, or of objects with a score."""
    model = _said(each, "model")
    nested = next((each[name] for name in SCORES if isinstance(each.get(name), dict)), None)
    if nested is None:
        found = score(_said(each, "score"), path, row=place, column="score")
        if found is not None:
            yield str(model), _answer(found, each)
        return
    costs: Object = next((each[name] for name in COSTS if isinstance(each.get(name), dict)), {})
    for name, value in nested.items():
        said = value if isinstance(value, dict) else {"score": value, "cost": costs.get(name)}
        found = score(_said(said, "score"), path, row=place, column=name)
        if found is not None:
            yield name, _answer(found, said)


def _answer(found: float, each: Object) -> Answer:
    given, written = number(_said(each, "input")), number(_said(each, "output"))
    return Answer(
        found,
        number(_said(each, "cost")),
        None if given is None else int(given),
        None if written is None else int(written),
    )


def _said(each: Object, role: str) -> Any:
    """What an object says under one of the names of a role."""
    for name in NAMES[role]:
        if each.get(name) is not None:
            return each[name]
    return None
