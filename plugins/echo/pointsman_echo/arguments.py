"""Arguments: a sensible value that a tool's JSON Schema describes, always the same one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

__all__ = ["arguments_for"]

DEEPEST = 12
MOST_VALUES = 1000
"""A schema comes from the client: no schema makes more than so many values."""
FORMATS = {
    "date": "2026-01-02",
    "date-time": "2026-01-02T03:04:05Z",
    "time": "03:04:05Z",
    "email": "someone@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}


def arguments_for(schema: Mapping[str, Any]) -> Any:
    """A value for a schema: of an object its required members, or all where it requires none.

    Knows types, enumerations, examples, defaults, unions, references within the schema and the bounds of
    numbers, texts and lists; patterns and conditions it does not.
    """
    return _Example(schema).value(schema, "value", 0) if schema else {}


class _Example:
    """Makes one value of a schema and of what it refers to."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = MOST_VALUES

    def value(self, schema: Any, name: str, depth: int) -> Any:
        """A value; `name` is what a text says where nothing else is asked of it."""
        self._left -= 1
        if not isinstance(schema, Mapping) or depth > DEEPEST or self._left < 0:
            return None
        if "const" in schema:
            return schema["const"]
        for key in ("enum", "examples"):
            if isinstance(schema.get(key), list) and schema[key]:
                return schema[key][0]
        if "default" in schema:
            return schema["default"]
        if "$ref" in schema:
            return self.value(self._resolved(schema["$ref"]), name, depth + 1)
        if isinstance(schema.get("allOf"), list):
            return self.value(self._merged(schema), name, depth + 1)
        for key in ("anyOf", "oneOf"):
            if isinstance(schema.get(key), list) and schema[key]:
                return self.value(schema[key][0], name, depth + 1)
        return self._typed(schema, name, depth)

    def _typed(self, schema: Mapping[str, Any], name: str, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else "string")
        if isinstance(kind, list):
            kind = kind[0] if kind else "string"
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                number = max(1, _length(schema.get("minItems")))
                items = (self.value(schema.get("items", {}), name, depth + 1) for _ in range(number))
                return [item for item in items if self._left >= 0]
            case "integer":
                return math.ceil(_number(schema))
            case "number":
                return _number(schema)
            case "boolean":
                return True
            case "null":
                return None
            case _:
                return _text(schema, name)

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = _properties(schema)
        names = _required(schema) or (list(properties) if depth == 0 else [])
        return {
            name: self.value(properties.get(name, {}), name, depth + 1) for name in names if self._left > 0
        }

    def _resolved(self, reference: Any) -> Any:
        """What `#/$defs/name` points at; None where it points nowhere."""
        found: Any = self._root
        for step in str(reference).removeprefix("#").split("/")[1:]:
            found = found.get(step) if isinstance(found, Mapping) else None
        return found

    def _merged(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """A schema with the members of its `allOf` in it."""
        merged = {key: value for key, value in schema.items() if key != "allOf"}
        for part in schema["allOf"]:
            inner = self._resolved(part["$ref"]) if isinstance(part, Mapping) and "$ref" in part else part
            if isinstance(inner, Mapping):
                properties = {**_properties(merged), **_properties(inner)}
                required = [*_required(merged), *_required(inner)]
                merged = {**merged, **inner, "properties": properties, "required": required}
        return merged


def _properties(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    properties = schema.get("properties")
    return properties if isinstance(properties, Mapping) else {}


def _required(schema: Mapping[str, Any]) -> list[str]:
    required = schema.get("required")
    return [name for name in required if isinstance(name, str)] if isinstance(required, list) else []


def _number(schema: Mapping[str, Any]) -> int | float:
    """The number nearest to 1 within the bounds."""
    number: int | float = 1
    for bound, beyond in (("minimum", 0), ("exclusiveMinimum", 1)):
        if _is_number(schema.get(bound)):
            number = max(number, schema[bound] + beyond)
    for bound, beyond in (("maximum", 0), ("exclusiveMaximum", 1)):
        if _is_number(schema.get(bound)):
            number = min(number, schema[bound] - beyond)
    step = schema.get("multipleOf")
    return number + -number % step if type(step) is int and step > 0 else number


def _text(schema: Mapping[str, Any], name: str) -> str:
    """A text of the format asked for, or the member's name, in the length asked for."""
    text = FORMATS.get(str(schema.get("format")), name).ljust(_length(schema.get("minLength")), "x")
    longest = schema.get("maxLength")
    return text if longest is None else text[: _length(longest)]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _length(value: Any) -> int:
    """A length that a schema asks for, within reason."""
    return max(0, min(value, MOST_VALUES)) if type(value) is int else 0
