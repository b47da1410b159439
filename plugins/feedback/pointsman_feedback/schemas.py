"""JSON Schema, as far as answers are held to it: draft 2020-12 without what other files or patterns decide.

Schemas come from clients, so that nothing here fetches anything or runs a pattern of theirs, and the work is
bounded. `format` and `pattern` are taken as met; a schema that cannot be decided without them says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any

__all__ = ["Undecided", "is_valid"]

STEPS = 20_000
"""Schemas and values compared, at most."""
DEEPEST = 64
UNDECIDABLE = ("patternProperties", "$dynamicRef", "unevaluatedProperties", "unevaluatedItems")

Check = Callable[["_Judge", Any, Any, Mapping[str, Any], int], bool]
"""Whether a value meets a keyword, by what the keyword says and the schema that it stands in."""


class Undecided(Exception):
    """Whether a value is valid cannot be told here."""


def is_valid(schema: Any, value: Any) -> bool:
    """Whether a value is valid under a schema, both as JSON data. Raises Undecided."""
    try:
        return _Judge(schema).meets(schema, value, 0)
    except (
        TypeError,
        ValueError,
        AttributeError,
        ArithmeticError,
    ) as error:  # what stands there is no schema
        raise Undecided(f"the schema is none: {error}") from None


class _Judge:
    def __init__(self, root: Any) -> None:
        self.root = root
        self._left = STEPS

    def meets(self, schema: Any, value: Any, depth: int) -> bool:
        """Whether a value meets each keyword of a schema."""
        self.spend()
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict) or depth > DEEPEST:
            raise Undecided("no schema stands there, or it is too deep")
        undecidable = next((name for name in UNDECIDABLE if name in schema), None)
        if undecidable is not None:
            raise Undecided(f"{undecidable} is not looked at")
        if value is None and schema.get("nullable") is True:
            return True
        return all(
            KEYWORDS[name](self, said, value, schema, depth + 1)
            for name, said in schema.items()
            if name in KEYWORDS
        )

    def spend(self) -> None:
        """Count a step. Raises Undecided where there were too many."""
        self._left -= 1
        if self._left < 0:
            raise Undecided("the schema takes too long")

    def found(self, reference: Any) -> Any:
        """What a reference within the schema leads to."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Undecided("references to other schemas are not followed")
        place = self.root
        for part in reference[1:].split("/")[1:]:
            name = part.replace("~1", "/").replace("~0", "~")
            try:
                place = place[int(name)] if isinstance(place, list) else place[name]
            except (LookupError, TypeError, ValueError):
                raise Undecided(f"the reference {reference!r} leads nowhere") from None
        return place


def _is(name: Any, value: Any) -> bool:
    if name == "integer":
        return _is_number(value) and (isinstance(value, int) or value.is_integer())
    if name == "number":
        return _is_number(value)
    types: Mapping[str, type | tuple[type, ...]] = {
        "string": str,
        "boolean": bool,
        "null": type(None),
        "array": list,
        "object": dict,
    }
    if name not in types:
        raise Undecided(f"the type {name!r} is unknown")
    return isinstance(value, types[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _same(one: Any, other: Any) -> bool:
    """Equality of JSON: true is not 1, 1.0 is."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)
    return bool(one == other)


def _type(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return any(_is(name, value) for name in (said if isinstance(said, list) else [said]))


def _enum(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return any(_same(each, value) for each in _counted(judge, said))


def _all(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return all(judge.meets(each, value, depth) for each in said)


def _any(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return any(judge.meets(each, value, depth) for each in said)


def _one(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return sum(judge.meets(each, value, depth) for each in said) == 1


def _if(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    branch = "then" if judge.meets(said, value, depth) else "else"
    return judge.meets(schema.get(branch, True), value, depth)


def _properties(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    return all(judge.meets(each, value[name], depth) for name, each in said.items() if name in value)


def _additional(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    known = schema.get("properties", {})
    return all(judge.meets(said, each, depth) for name, each in value.items() if name not in known)


def _items(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, list):
        return True
    if isinstance(said, list):  # as drafts before 2020 say prefixItems
        return _prefix(judge, said, value, schema, depth)
    return all(judge.meets(said, each, depth) for each in value[len(schema.get("prefixItems", [])) :])


def _prefix(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    pairs = zip(said, value, strict=False) if isinstance(value, list) else ()
    return all(judge.meets(each, item, depth) for each, item in pairs)


def _contains(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, list):
        return True
    count = sum(judge.meets(said, each, depth) for each in value)
    return bool(schema.get("minContains", 1) <= count <= schema.get("maxContains", len(value)))


def _unique(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not said or not isinstance(value, list):
        return True
    return not any(_same(each, other) for n, each in enumerate(value) for other in _counted(judge, value[:n]))


def _counted(judge: _Judge, several: Sequence[Any]) -> Iterator[Any]:
    for each in several:
        judge.spend()
        yield each


def _of(type_: type | tuple[type, ...], test: Callable[[Any, Any], bool]) -> Check:
    """A keyword that concerns values of one type only."""

    def check(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
        if not isinstance(value, type_) or (isinstance(value, bool) and type_ is not bool):
            return True
        return test(said, value)

    return check


NUMBER = (int, float)
KEYWORDS: Mapping[str, Check] = {
    "$ref": lambda judge, said, value, schema, depth: judge.meets(judge.found(said), value, depth),
    "type": _type,
    "enum": _enum,
    "const": lambda judge, said, value, schema, depth: _same(said, value),
    "allOf": _all,
    "anyOf": _any,
    "oneOf": _one,
    "not": lambda judge, said, value, schema, depth: not judge.meets(said, value, depth),
    "if": _if,
    "properties": _properties,
    "additionalProperties": _additional,
    "required": _of(dict, lambda said, value: all(name in value for name in said)),
    "dependentRequired": _of(
        dict,
        lambda said, value: all(
            other in value for name, others in said.items() if name in value for other in others
        ),
    ),
    "minProperties": _of(dict, lambda said, value: len(value) >= said),
    "maxProperties": _of(dict, lambda said, value: len(value) <= said),
    "items": _items,
    "prefixItems": _prefix,
    "contains": _contains,
    "uniqueItems": _unique,
    "minItems": _of(list, lambda said, value: len(value) >= said),
    "maxItems": _of(list, lambda said, value: len(value) <= said),
    "minLength": _of(str, lambda said, value: len(value) >= said),
    "maxLength": _of(str, lambda said, value: len(value) <= said),
    "minimum": _of(NUMBER, lambda said, value: bool(value >= said)),
    "maximum": _of(NUMBER, lambda said, value: bool(value <= said)),
    "exclusiveMinimum": _of(NUMBER, lambda said, value: bool(value > said)),
    "exclusiveMaximum": _of(NUMBER, lambda said, value: bool(value < said)),
    "multipleOf": _of(
        NUMBER, lambda said, value: (Fraction(str(value)) / Fraction(str(said))).denominator == 1
    ),
}
"""Those that are not here change nothing: they describe, or are taken as met."""
