"""JSON Schema: what may stand in a configuration, for editors."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from pointsman.secrets import Secret

from .declare import FieldSpec, RecordSpec, record_spec
from .kinds import (
    NULL,
    Anything,
    Basic,
    Choice,
    Either,
    Kind,
    Listing,
    Record,
    Table,
    Value,
    is_null,
    is_secret,
)
from .plugins import ORDER, SECTION, OrderSettings
from .render import render
from .schema import Schema

__all__ = ["json_schema"]

DRAFT = "https://json-schema.org/draft/2020-12/schema"
INTERPOLATION = "interpolation"
FREE_KEYS: dict[str, Any] = {"^x-": {}}
PLUGIN_FILE = r"^(\.{0,2}/.*|.*\.py)$"
BASIC: dict[Any, dict[str, Any]] = {
    NULL: {"type": "null"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    str: {"type": "string"},
    Secret: {"type": ["string", "number"]},
    Decimal: {"type": ["number", "string"]},
    Path: {"type": "string", "minLength": 1},
}


def json_schema(schema: Schema) -> dict[str, Any]:
    """The schema of the whole file, draft 2020-12. Raises StartupError for claims that contradict."""
    schema.verify()
    writer = _Writer(schema)
    properties = {name: writer.field(claim.spec) for name, claim in schema.sections.items()}
    properties[SECTION] = writer.plugins()
    return {
        "$schema": DRAFT,
        "title": "pointsman configuration",
        **_object(properties, [name for name, claim in schema.sections.items() if _must_stand(claim.spec)]),
        "$defs": dict(sorted(writer.definitions.items())),
    }


class _Writer:
    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.names: dict[type, str] = {}
        self.definitions: dict[str, Any] = {
            INTERPOLATION: {
                "type": "string",
                "pattern": r"^\$\{.+\}$",
                "description": "Expanded when the file is read.",
            }
        }

    def field(self, spec: FieldSpec) -> dict[str, Any]:
        """One key: its kind, help, default and example."""
        written = {**self.kind(spec.kind, spec), "description": spec.help}
        default = ... if spec.required or is_secret(spec.kind) else spec.default_value()
        if default is not ... and not dataclasses.is_dataclass(default):
            written["default"] = _plain(default)
        if spec.example is not None:
            written["examples"] = [_plain(spec.example)]
        return written

    def kind(self, kind: Kind, spec: FieldSpec | None = None) -> dict[str, Any]:
        """A kind's schema; the limits of `spec` go to its numbers."""
        options = self._options(kind, spec)
        return options[0] if len(options) == 1 else {"anyOf": options}

    def plugins(self) -> dict[str, Any]:
        """The section `plugins:`: settings by name or by file, false for one that is off."""
        order = {**self.kind(Record(OrderSettings)), "description": "The plugin's place among the others."}
        properties: dict[str, Any] = {}
        for name, claim in sorted(self.schema.plugins.items()):
            settings = (
                self._record(claim.spec, {ORDER: order}) if claim.spec else [_object({ORDER: order}, [])]
            )
            properties[name] = {"anyOf": [*settings, {"const": False}]}
        return {
            "type": ["object", "null"],
            "description": "Settings by plugin; false turns one off.",
            "properties": properties,
            "patternProperties": {**FREE_KEYS, PLUGIN_FILE: {}},
            "additionalProperties": {"const": False},
        }

    def _options(self, kind: Kind, spec: FieldSpec | None) -> list[dict[str, Any]]:
        match kind:
            case Either(options=options):
                written = [each for option in options for each in self._options(option, spec)]
                return [each for index, each in enumerate(written) if each not in written[:index]]
            case Record(type=type_):
                return [self._reference(type_)]
            case Listing(item=item):
                return [{"type": ["array", "null"], "items": self.kind(item)}]
            case Table(value=value):
                return [{"type": ["object", "null"], "additionalProperties": self.kind(value)}]
            case Anything():
                return [{}]
            case _:
                return self._scalar(kind, spec)

    def _scalar(self, kind: Basic | Choice | Value, spec: FieldSpec | None) -> list[dict[str, Any]]:
        interpolation = [{"$ref": f"#/$defs/{INTERPOLATION}"}]
        match kind:
            case Basic(type=type_):
                limits = _limits(spec) if spec is not None and type_ in (int, float) else {}
                text = "string" in BASIC[type_]["type"] or type_ is NULL
                return [{**BASIC[type_], **limits}, *([] if text else interpolation)]
            case Choice(values=values):
                return [{"enum": list(values)}, *interpolation]
            case Value(type=type_):
                own = getattr(type_, "json_schema", {"type": ["string", "number"]})
                return [{**own, "description": type_.expected}, *interpolation]

    def _reference(self, type_: type) -> dict[str, Any]:
        if type_ not in self.names:
            name = type_.__name__
            if name in self.definitions:
                name = f"{type_.__module__}.{type_.__qualname__}"
            self.names[type_] = name
            self.definitions[name] = {}
            options = self._record(record_spec(type_), {})
            self.definitions[name].update(options[0] if len(options) == 1 else {"anyOf": options})
        return {"$ref": f"#/$defs/{self.names[type_]}"}

    def _record(self, spec: RecordSpec, beside: Mapping[str, Any]) -> list[dict[str, Any]]:
        """A settings class: its mapping, then what its shorthand takes."""
        added = {name: claim.spec for name, claim in self.schema.fields(spec.record).items()}
        properties = {name: self.field(each) for name, each in {**spec.fields, **added}.items()}
        required = [name for name, each in spec.fields.items() if each.required]
        written = {**_object({**properties, **beside}, required), "description": spec.help}
        if spec.dotted:
            written["patternProperties"] = {**FREE_KEYS, **self._into_tables({**spec.fields, **added})}
        if spec.names is not None:
            written |= {"patternProperties": {}, "additionalProperties": self.kind(spec.names_kind)}
        if spec.shorthand is None:
            return [written]
        return [written, *self._options(spec.fields[spec.shorthand].kind, None)]

    def _into_tables(self, fields: Mapping[str, FieldSpec]) -> dict[str, Any]:
        """Keys that lead into a table."""
        found = {}
        for name, spec in fields.items():
            options = spec.kind.options if isinstance(spec.kind, Either) else (spec.kind,)
            for table in options:
                if isinstance(table, Table):
                    found[f"^{re.escape(name)}\\..+$"] = self.kind(table.value)
        return found


def _object(properties: Mapping[str, Any], required: list[str]) -> dict[str, Any]:
    """An object; null is an empty one, if nothing in it is required."""
    return {
        "type": "object" if required else ["object", "null"],
        "properties": dict(properties),
        "patternProperties": FREE_KEYS,
        "additionalProperties": False,
        **({"required": required} if required else {}),
    }


def _must_stand(spec: FieldSpec) -> bool:
    """Whether a section cannot be left out."""
    if not spec.required or is_null(spec.kind):
        return False
    options = spec.kind.options if isinstance(spec.kind, Either) else (spec.kind,)
    empty = [option for option in options if isinstance(option, Record | Table | Listing)]
    if empty and isinstance(empty[0], Record):
        return any(field.required for field in record_spec(empty[0].type).fields.values())
    return not empty


def _limits(spec: FieldSpec) -> dict[str, Any]:
    limits = {"minimum": spec.minimum, "maximum": spec.maximum}
    return {name: limit for name, limit in limits.items() if limit is not None}


def _plain(value: Any) -> Any:
    """A value as JSON data."""
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items()}
    return value if value is None or type(value) in (bool, int, float, str) else render(value)
