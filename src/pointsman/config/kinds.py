"""Kinds: the types that a setting can have, read from type hints."""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from pointsman.secrets import Secret

from .scalars import ValueType

__all__ = [
    "Anything",
    "Basic",
    "Choice",
    "Either",
    "Kind",
    "Listing",
    "Record",
    "Table",
    "Value",
    "is_null",
    "is_secret",
    "kind_of",
    "words",
]

NULL = type(None)
BASIC: dict[Any, str] = {
    NULL: "null",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    str: "a string",
    Secret: "a secret text",
    Decimal: "a decimal number",
    Path: "a path",
}


@dataclass(frozen=True, slots=True)
class Basic:
    """One of the plain scalar types, or None."""

    type: type


@dataclass(frozen=True, slots=True)
class Choice:
    """One of some literal values."""

    values: tuple[str | int | bool, ...]


@dataclass(frozen=True, slots=True)
class Value:
    """A value type."""

    type: type[ValueType]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list of one kind, kept as `container`."""

    item: Kind
    container: type[list[Any]] | type[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Table:
    """A mapping from names of the operator's own to one kind."""

    value: Kind


@dataclass(frozen=True, slots=True)
class Record:
    """A nested settings class."""

    type: type


@dataclass(frozen=True, slots=True)
class Anything:
    """Plain data."""


@dataclass(frozen=True, slots=True)
class Either:
    """One of several kinds; at most one of them is a list and at most one a mapping."""

    options: tuple[Kind, ...]


Kind = Basic | Choice | Value | Listing | Table | Record | Anything | Either

RANK: dict[Any, int] = {NULL: 0, bool: 1, int: 2, float: 3, Decimal: 4, Secret: 6, Path: 7, str: 8}
VALUE_RANK = 5


def kind_of(hint: Any) -> Kind:
    """The kind of a resolved type hint. Raises TypeError for a hint that no setting can have."""
    if hint is Any:
        return Anything()
    if hint is None:
        return Basic(NULL)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return Choice(arguments)
    if origin in (typing.Union, types.UnionType):
        return _either(tuple(kind_of(argument) for argument in arguments))
    if origin is list:
        return Listing(kind_of(arguments[0]), list)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        return Listing(kind_of(arguments[0]), tuple)
    if origin in (dict, Mapping) and arguments[0] is str:
        return Table(kind_of(arguments[1]))
    if isinstance(hint, type) and origin is None:
        if hint in BASIC:
            return Basic(hint)
        if is_dataclass(hint):
            return Record(hint)
        if callable(getattr(hint, "parse", None)) and isinstance(getattr(hint, "expected", None), str):
            return Value(hint)
    raise TypeError(f"{hint!r} is not a type that a setting can have")


def _either(options: tuple[Kind, ...]) -> Kind:
    for shape in ((Listing, Anything), (Table, Record, Anything)):
        if sum(isinstance(option, shape) for option in options) > 1:
            raise TypeError("a union can have one list and one mapping at most: a node's shape decides")
    return Either(tuple(sorted(options, key=_rank)))


def _rank(kind: Kind) -> int:
    """The order in which a union's options are tried: narrow ones first, strings last of the scalars."""
    match kind:
        case Basic(type=type_):
            return RANK[type_]
        case Choice():
            return 0
        case Value():
            return VALUE_RANK
        case _:
            return max(RANK.values()) + 1


def is_null(kind: Kind) -> bool:
    """Whether null is among the values."""
    return kind == Basic(NULL) or (isinstance(kind, Either) and any(map(is_null, kind.options)))


def is_secret(kind: Kind) -> bool:
    """Whether what stands in that place is a secret as a whole."""
    match kind:
        case Basic(type=type_):
            return type_ is Secret
        case Listing(item=inner) | Table(value=inner):
            return is_secret(inner)
        case Either(options=options):
            return any(map(is_secret, options))
        case _:
            return False


def words(kind: Kind) -> str:
    """What is expected, for a problem and for the reference."""
    match kind:
        case Basic(type=type_):
            return BASIC[type_]
        case Choice(values=values):
            return ("one of " if len(values) > 1 else "") + ", ".join(_literal(value) for value in values)
        case Value(type=type_):
            return type_.expected
        case Listing(item=item):
            return f"a list ({words(item)} each)"
        case Table(value=value):
            return f"a mapping of names ({words(value)} each)"
        case Record(type=type_):
            shorthand = getattr(type_, "shorthand", None)
            return f"a mapping or its `{shorthand}` alone" if shorthand else "a mapping"
        case Either(options=options):
            return " or ".join(words(option) for option in options if not is_null(option))
        case Anything():
            return "any data"


def _literal(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
