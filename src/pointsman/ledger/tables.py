"""Tables as data: what a plugin declares, and how a row of it becomes stored values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from operator import itemgetter
from sys import float_info
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import ValidationError, convert
from msgspec.structs import astuple

__all__ = ["Column", "ColumnType", "Derive", "Row", "StoredValue", "Table", "encode_row"]

ColumnType = Literal["text", "integer", "real", "boolean", "json"]
StoredValue = str | int | float | None
Row = Mapping[str, object] | tuple[object, ...]
"""A row by the names of its columns, those left out null, or the values of all columns in their order."""

Derive = Callable[[Sequence[tuple[Any, ...]]], Mapping[str, Sequence[tuple[Any, ...]]]]
"""Makes rows of other tables, by table, out of stored rows."""

Pick = Callable[[Sequence[Any]], Sequence[Any]]

NAME = re.compile(r"[a-z][a-z0-9_]{0,62}")  # the longest name every engine takes
RESERVED_PREFIXES = ("sqlite_", "pointsman_", "pg_")
TYPES: Mapping[ColumnType, Any] = {
    "text": str,
    "integer": Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)],
    "real": float,
    "boolean": bool,
    "json": dict | list,
}

FINITE = Annotated[float, msgspec.Meta(ge=-float_info.max, le=float_info.max)]
"""What a `real` may be: no infinity, and no NaN, which is in no range."""


@dataclass(frozen=True)
class Column:
    """One column. `required` means that a row without it is refused; `help` is for the documentation."""

    type: ColumnType
    help: str
    required: bool = False


class Layout(NamedTuple):
    """The columns of a table by their places: `row` says the type of each, `texts` picks the texts out of a
    row, `json` are the places of what is not stored as it is."""

    row: type[msgspec.Struct]
    texts: Pick
    json: tuple[int, ...]


@dataclass(frozen=True)
class Table:
    """One table. `primary_key` names a column, each of `indexes` the columns indexed together.

    A second row of a primary key is ignored; where there are `sums`, which name columns of numbers, it is
    added up in those, what is null adding nothing, and in the others the first row counts. Tables only
    grow; `Ledger.execute` may update those that are `mutable`, and delete what is old from all. What
    `derive` makes of the rows of one commit is written in that commit; it runs on the writer's thread.

    Raises ValueError where names, types or references are wrong.
    """

    name: str
    columns: Mapping[str, Column]
    primary_key: str
    indexes: tuple[tuple[str, ...], ...] = ()
    sums: tuple[str, ...] = ()
    mutable: bool = False
    derive: Derive | None = None

    @cached_property
    def layout(self) -> Layout:
        """Where in a row what stands."""
        places: dict[str, list[int]] = {kind: [] for kind in TYPES}
        fields = []
        for place, (name, column) in enumerate(self.columns.items()):
            places[column.type].append(place)
            type_ = FINITE if column.type == "real" else TYPES[column.type]
            fields.append((f"c{place}", type_ if self.requires(name) else type_ | None))
        row = msgspec.defstruct(self.name, fields, array_like=True, forbid_unknown_fields=True)
        return Layout(row, _picker(places["text"]), tuple(places["json"]))

    def requires(self, name: str) -> bool:
        """Whether a row must have a value in this column."""
        return self.columns[name].required or name == self.primary_key

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
        for name in self.sums:
            if name == self.primary_key or name not in self.columns:
                raise ValueError(f"table {self.name!r}: sums of {name!r}, which is no column besides the key")
            if self.columns[name].type not in ("integer", "real"):
                raise ValueError(f"table {self.name!r}: sums of {name!r}, which holds no numbers")


def encode_row(table: Table, row: Row) -> tuple[StoredValue, ...]:
    """The stored values of a row, in the order of the table's columns; a column left out is null.

    Text that is not Unicode (lone surrogates) is stored with `?` in those places. Raises ValueError
    for an unknown column, for one that is required and missing, and for a value of another type.
    """
    layout = table.layout
    given = row if isinstance(row, tuple) else _in_order(table, row)
    try:
        values = astuple(convert(given, layout.row))
    except ValidationError:
        raise _refusal(table, given) from None
    if not "".join(filter(None, layout.texts(values))).isascii():
        values = tuple(map(_encodable, values))
    return _with_json(table, values) if layout.json else values


def _in_order(table: Table, row: Mapping[str, object]) -> tuple[object, ...]:
    if not row.keys() <= table.columns.keys():
        unknown = ", ".join(sorted(row.keys() - table.columns.keys()))
        raise ValueError(f"table {table.name!r} has no column {unknown}; it has {', '.join(table.columns)}")
    return tuple(map(row.get, table.columns))


def _refusal(table: Table, values: tuple[object, ...]) -> ValueError:
    """What is wrong with a row that does not fit."""
    if len(values) != len(table.columns):
        return ValueError(f"table {table.name!r} has {len(table.columns)} columns, and the row {len(values)}")
    wrong = []
    for (name, column), value in zip(table.columns.items(), values, strict=True):
        if value is None:
            wrong += [f"column {name!r} is required"] if table.requires(name) else []
            continue
        try:
            stored = convert(value, TYPES[column.type])
            if column.type == "real" and not isfinite(stored):
                wrong.append(f"column {name!r}: expected a finite number")
        except ValidationError as error:
            wrong.append(f"column {name!r}: {error}")
    return ValueError(f"table {table.name!r}: {'; '.join(wrong)}")


def _encodable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else value


def _with_json(table: Table, values: Sequence[Any]) -> tuple[StoredValue, ...]:
    """The values with those of `json` columns as the texts that are stored."""
    encoded = [*values]
    for place in table.layout.json:
        if encoded[place] is not None:
            try:
                encoded[place] = json.dumps(encoded[place], separators=(",", ":"), allow_nan=False)
            except (TypeError, ValueError) as error:
                name = [*table.columns][place]
                raise ValueError(f"table {table.name!r}: column {name!r}: {error}") from error
    return tuple(encoded)


def _picker(places: Sequence[int]) -> Pick:
    return itemgetter(*places) if len(places) > 1 else lambda values: [values[place] for place in places]
