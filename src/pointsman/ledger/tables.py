"""Tables as data: what a plugin declares, and how a row of it becomes stored values."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

__all__ = ["Column", "ColumnType", "StoredValue", "Table", "encode_row"]

ColumnType = Literal["text", "integer", "real", "boolean", "json"]
StoredValue = str | int | float | None

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")  # the longest name every engine takes
RESERVED_PREFIXES = ("sqlite_", "pointsman_", "pg_")
INTEGER_LIMIT = 2**63


@dataclass(frozen=True)
class Column:
    """One column. `required` means that a row without it is refused; `help` is for the documentation."""

    type: ColumnType
    help: str
    required: bool = False


class Layout(NamedTuple):
    """The columns of a table by their places: texts, all others with their encoders, all of them so, and
    those that a row must have."""

    names: tuple[str, ...]
    texts: tuple[int, ...]
    others: tuple[tuple[int, Callable[[object], StoredValue]], ...]
    all: tuple[tuple[int, Callable[[object], StoredValue]], ...]
    required: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """One table. `primary_key` names a column, each of `indexes` the columns indexed together.

    Raises ValueError where names, types or references are wrong.
    """

    name: str
    columns: Mapping[str, Column]
    primary_key: str
    indexes: tuple[tuple[str, ...], ...] = ()

    @cached_property
    def layout(self) -> Layout:
        """Where in a row what stands."""
        names = tuple(self.columns)
        kinds = [column.type for column in self.columns.values()]
        encoders = tuple((place, ENCODERS[kind]) for place, kind in enumerate(kinds))
        return Layout(
            names,
            tuple(place for place, kind in enumerate(kinds) if kind == "text"),
            tuple(each for each in encoders if kinds[each[0]] != "text"),
            encoders,
            tuple(
                place
                for place, (name, column) in enumerate(self.columns.items())
                if column.required or name == self.primary_key
            ),
        )

    def __post_init__(self) -> None:
        for name in (self.name, *self.columns):
            if NAME.fullmatch(name) is None:
                raise ValueError(
                    f"table {self.name!r}: the name {name!r} must be lower-case letters, digits and "
                    "underscores, begin with a letter and have at most 63 characters"
                )
        if self.name.startswith(RESERVED_PREFIXES):
            raise ValueError(f"table {self.name!r}: names must not begin with {', '.join(RESERVED_PREFIXES)}")
        for name, column in self.columns.items():
            if column.type not in get_args(ColumnType):
                raise ValueError(
                    f"table {self.name!r}: column {name!r} has the type {column.type!r}; "
                    f"expected one of {', '.join(get_args(ColumnType))}"
                )
        for name in (self.primary_key, *(name for index in self.indexes for name in index)):
            if name not in self.columns:
                raise ValueError(f"table {self.name!r}: key or index on {name!r}, which is not a column")


def encode_row(table: Table, row: Mapping[str, object]) -> tuple[StoredValue, ...]:
    """The stored values of a row, in the order of the table's columns; a column left out is null.

    Text that is not Unicode (lone surrogates) is stored with `?` in those places. Raises ValueError
    for an unknown column, for one that is required and missing, and for a value of another type.
    """
    if not row.keys() <= table.columns.keys():
        unknown = ", ".join(sorted(row.keys() - table.columns.keys()))
        raise ValueError(f"table {table.name!r} has no column {unknown}; it has {', '.join(table.columns)}")
    values: list[Any] = [*map(row.get, table.columns)]
    layout = table.layout
    for place in layout.required:
        if values[place] is None:
            raise ValueError(f"table {table.name!r}: column {layout.names[place]!r} is required")
    plain = _are_plain([values[place] for place in layout.texts if values[place] is not None])
    for place, encode in layout.others if plain else layout.all:
        value = values[place]
        if value is not None:
            try:
                values[place] = encode(value)
            except (TypeError, ValueError) as error:
                raise ValueError(f"table {table.name!r}: column {layout.names[place]!r}: {error}") from error
    return tuple(values)


def _are_plain(texts: list[Any]) -> bool:
    """Whether these are texts, and ASCII all: most rows, and most of their columns."""
    try:
        return "".join(texts).isascii()
    except TypeError:
        return False


def _encode_text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected text, got {type(value).__name__}")
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def _encode_integer(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError(f"expected an integer, got {type(value).__name__}")
    if not -INTEGER_LIMIT <= value < INTEGER_LIMIT:
        raise ValueError("the integer does not fit 64 bits")
    return value


def _encode_real(value: object) -> float:
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise TypeError(f"expected a number, got {type(value).__name__}")
    if not math.isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def _encode_boolean(value: object) -> int:
    if not isinstance(value, bool):
        raise TypeError(f"expected true or false, got {type(value).__name__}")
    return int(value)


def _encode_json(value: object) -> str:
    if not isinstance(value, dict | list):
        raise TypeError(f"expected a dict or a list, got {type(value).__name__}")
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


ENCODERS: Mapping[ColumnType, Callable[[object], StoredValue]] = {
    "text": _encode_text,
    "integer": _encode_integer,
    "real": _encode_real,
    "boolean": _encode_boolean,
    "json": _encode_json,
}
