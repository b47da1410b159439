"""Declarations: how a settings class and its fields are described.

A settings class is a frozen dataclass whose fields come from `setting` and whose docstring is its help. Class
attributes say more: `shorthand` (the field that a scalar or list stands for), `record` (its name for plugins
that extend it; their values arrive in a field `extra`), `names` (the field that holds entries under names of
the operator's own). A method `check` holds the rules that go over several fields: it raises ValueError,
SettingError, or an ExceptionGroup of them.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .kinds import Anything, Either, Kind, Listing, Record, Table, kind_of
from .problems import Severity

__all__ = [
    "EXTRA",
    "FieldSpec",
    "RecordSpec",
    "SettingError",
    "help_of",
    "one_line",
    "record_spec",
    "records_within",
    "setting",
]

EXTRA = "extra"
METADATA = "pointsman"
KEY = "pointsman key"


class SettingError(ValueError):
    """A rule is broken at one field: raised by a `check`.

    `field` is a key of the checked value, or several from the outside in: `("endpoints", 0, "params")`.
    With severity "warning" the configuration stays usable.
    """

    def __init__(
        self,
        field: str | tuple[str | int, ...],
        message: str,
        *,
        expected: str = "",
        hint: str = "",
        severity: Severity = "error",
    ) -> None:
        super().__init__(message)
        self.path = (field,) if isinstance(field, str) else tuple(field)
        self.message = message
        self.expected = expected
        self.hint = hint
        self.severity: Severity = severity


@dataclass(frozen=True, slots=True)
class FieldSpec:
    """One setting: `default` is `...` where a value must be given; limits include their ends.

    `attribute` is the field it becomes, where that is called otherwise than the key in the file.
    """

    name: str
    kind: Kind
    help: str
    default: Any = ...
    factory: Callable[[], Any] | None = None
    example: Any = None
    minimum: float | None = None
    maximum: float | None = None
    check: Callable[[Any], None] | None = None
    attribute: str = ""

    @property
    def required(self) -> bool:
        """Whether the file must give it."""
        return self.default is ... and self.factory is None

    def default_value(self) -> Any:
        """A fresh default; only for a setting that is not required."""
        return self.factory() if self.factory is not None else self.default


@dataclass(frozen=True, slots=True)
class RecordSpec:
    """A settings class, read."""

    type: type
    help: str
    fields: Mapping[str, FieldSpec]
    shorthand: str | None = None
    record: str | None = None
    names: str | None = None
    names_kind: Kind = field(default_factory=Anything)
    dotted: bool = False
    """Whether a key may lead into a table: `headers.x` for `x` in `headers`."""


def setting(
    *,
    help: str = "",
    default: Any = ...,
    factory: Callable[[], Any] | None = None,
    example: Any = None,
    minimum: float | None = None,
    maximum: float | None = None,
    check: Callable[[Any], None] | None = None,
    key: str | None = None,
) -> Any:
    """A field of a settings class. Without `default` and `factory` the file must give it.

    `help` is required, except where the type is a settings class: its docstring serves then.
    `minimum` and `maximum` bound a number, duration or size; `check` raises as a class's `check` does for a
    value that breaks a rule; `example` is shown in the reference. `key` is what the file calls it, where
    that is no name in Python: `key.tags`.
    """
    metadata = {METADATA: (help, example, minimum, maximum, check), KEY: key}
    if factory is not None:
        return dataclasses.field(default_factory=factory, kw_only=True, metadata=metadata)
    if default is ...:
        return dataclasses.field(kw_only=True, metadata=metadata)
    return dataclasses.field(default=default, kw_only=True, metadata=metadata)


@cache
def record_spec(type_: type) -> RecordSpec:
    """Read a settings class. Raises TypeError, in words for its author, for one that is not well formed."""
    if not (dataclasses.is_dataclass(type_) and type_.__dataclass_params__.frozen):  # type: ignore[attr-defined]
        raise TypeError(f"{type_.__qualname__} must be a frozen dataclass")
    text = type_.__doc__ or ""
    if not text.strip() or text.startswith(f"{type_.__name__}("):
        raise TypeError(f"{type_.__qualname__} needs a docstring: it is the help of its section")
    record, names = getattr(type_, "record", None), getattr(type_, "names", None)
    hints = typing.get_type_hints(type_)
    fields: dict[str, FieldSpec] = {}
    names_kind: Kind = field(default_factory=Anything)
    for each in dataclasses.fields(type_):
        if each.name == EXTRA and record is not None:
            continue
        try:
            kind = kind_of(hints[each.name])
        except TypeError as error:
            raise TypeError(f"{type_.__qualname__}.{each.name}: {error}") from None
        if each.name == names:
            if not isinstance(kind, Table):
                raise TypeError(
                    f"{type_.__qualname__}.{names} holds entries by name and must be a dict[str, …]"
                )
            names_kind = kind.value
        else:
            spec = _field_spec(type_, each, kind)
            fields[spec.name] = spec
    shorthand = getattr(type_, "shorthand", None)
    if shorthand is not None and shorthand not in fields:
        raise TypeError(f"{type_.__qualname__}.shorthand names {shorthand!r}, which is no field")
    dotted = getattr(type_, "dotted", False)
    return RecordSpec(type_, one_line(text), fields, shorthand, record, names, names_kind, dotted)


def records_within(kind: Kind, seen: dict[type, RecordSpec] | None = None) -> dict[type, RecordSpec]:
    """Every settings class that a kind leads to, itself included. Raises TypeError as `record_spec` does."""
    seen = {} if seen is None else seen
    match kind:
        case Record(type=type_) if type_ not in seen:
            seen[type_] = spec = record_spec(type_)
            for inner_spec in spec.fields.values():
                records_within(inner_spec.kind, seen)
            records_within(spec.names_kind, seen)
        case Listing(item=inner) | Table(value=inner):
            records_within(inner, seen)
        case Either(options=options):
            for option in options:
                records_within(option, seen)
        case _:
            pass
    return seen


def help_of(kind: Kind) -> str:
    """The docstring of the settings class that a kind is about; empty for others."""
    match kind:
        case Record(type=type_):
            return one_line(type_.__doc__ or "")
        case Either(options=options):
            return next(filter(None, map(help_of, options)), "")
        case Table(value=inner) | Listing(item=inner):
            return help_of(inner)
        case _:
            return ""


def one_line(text: str) -> str:
    """A docstring's text without its layout."""
    return " ".join(text.split())


def _field_spec(type_: type, field: dataclasses.Field[Any], kind: Kind) -> FieldSpec:
    if METADATA not in field.metadata:
        raise TypeError(f"{type_.__qualname__}.{field.name} must be declared by setting(…)")
    help_, example, minimum, maximum, check = field.metadata[METADATA]
    help_ = help_ or help_of(kind)
    if not help_:
        raise TypeError(f"{type_.__qualname__}.{field.name} needs a help text")
    default = ... if field.default is dataclasses.MISSING else field.default
    factory = None if field.default_factory is dataclasses.MISSING else field.default_factory
    name = field.metadata[KEY] or field.name
    return FieldSpec(name, kind, help_, default, factory, example, minimum, maximum, check, field.name)
