"""JSON Schema, as far as answers are held to it: draft 2020-12 without what other files or patterns decide.

Schemas come from clients, so that nothing here fetches anything or runs a pattern of theirs, and the work is
bounded. `format` and `pattern` are taken as met, but a `pattern` that would decide against a value by being
met (under `not`, `oneOf`, `if`, `contains`) leaves it undecided, as do keywords that are not looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any, TypeVar

__all__ = ["Undecided", "is_valid"]

STEPS = 30_000
"""Schemas, keywords, names and values looked at, at most: all that a schema can make large is counted."""
DEEPEST = 64
LETTERS = 1024
"""Letters of texts compared, or of a reference, that are one step."""
DIVISION = 50
"""Steps of a division of fractions."""
UNDECIDABLE = frozenset(
    {
        *("patternProperties", "unevaluatedProperties", "unevaluatedItems", "dependencies"),
        *("additionalItems", "$dynamicRef", "$recursiveRef"),
    }
)

TYPES: Mapping[str, type] = {
    "string": str,
    "boolean": bool,
    "null": type(None),
    "array": list,
    "object": dict,
}

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
        self._exact = 0

    def meets(self, schema: Any, value: Any, depth: int) -> bool:
        """Whether a value meets each keyword of a schema."""
        self.spend()
        if isinstance(schema, bool):
            return schema
        if not isinstance(schema, dict) or depth > DEEPEST:
            raise Undecided("no schema stands there, or it is too deep")
        self.spend(len(schema))
        if not UNDECIDABLE.isdisjoint(schema):
            raise Undecided(f"{', '.join(sorted(UNDECIDABLE & schema.keys()))} is not looked at")
        if value is None and schema.get("nullable") is True:
            return True
        return all(
            KEYWORDS[name](self, said, value, schema, depth + 1)
            for name, said in schema.items()
            if name in KEYWORDS
        )

    def meets_exactly(self, schema: Any, value: Any, depth: int) -> bool:
        """The same where it counts against the value, too, so that nothing may be taken as met."""
        self._exact += 1
        found = self.meets(schema, value, depth)
        self._exact -= 1
        return found

    def meets_pattern(self, value: Any) -> bool:
        """Whether a value may be taken to meet a pattern. Raises Undecided."""
        if self._exact and isinstance(value, str):
            raise Undecided("a pattern decides, and none is run")
        return True

    def same(self, one: Any, other: Any) -> bool:
        """Equality of JSON: true is not 1, 1.0 is."""
        self.spend()
        if isinstance(one, bool) or isinstance(other, bool):
            return one is other
        if isinstance(one, list) and isinstance(other, list):
            return len(one) == len(other) and all(map(self.same, one, other))
        if isinstance(one, dict) and isinstance(other, dict):
            self.spend(len(one))
            return one.keys() == other.keys() and all(self.same(one[name], other[name]) for name in one)
        if isinstance(one, str):
            self.spend(len(one) // LETTERS)
        return bool(one == other)

    def spend(self, steps: int = 1) -> None:
        """Count steps. Raises Undecided where there were too many."""
        self._left -= steps
        if self._left < 0:
            raise Undecided("the schema takes too long")

    def found(self, reference: Any) -> Any:
        """What a reference within the schema leads to."""
        if not isinstance(reference, str) or not reference.startswith("#"):
            raise Undecided("references to other schemas are not followed")
        self.spend(1 + len(reference) // LETTERS)
        anchor, *parts = reference[1:].split("/")
        if anchor:
            raise Undecided("references by the names of schemas are not followed")
        place = self.root
        for part in parts:
            self.spend()
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
    if name not in TYPES:
        raise Undecided(f"the type {name!r} is unknown")
    return isinstance(value, TYPES[name])


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _type(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    names = _counted(judge, said) if isinstance(said, list) else [said]
    return any(_is(name, value) for name in names)


def _enum(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return any(judge.same(each, value) for each in said)


def _all(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return all(judge.meets(each, value, depth) for each in said)


def _any(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return any(judge.meets(each, value, depth) for each in said)


def _one(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return sum(judge.meets_exactly(each, value, depth) for each in said) == 1


def _if(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    branch = "then" if judge.meets_exactly(said, value, depth) else "else"
    return judge.meets(schema.get(branch, True), value, depth)


def _properties(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    judge.spend(len(said))
    return all(judge.meets(each, value[name], depth) for name, each in said.items() if name in value)


def _additional(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    judge.spend(len(value))
    known = schema.get("properties", {})
    return all(judge.meets(said, each, depth) for name, each in value.items() if name not in known)


def _items(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, list):
        return True
    if isinstance(said, list):  # as drafts before 2020 say prefixItems
        return _prefix(judge, said, value, schema, depth)
    rest = islice(value, len(schema.get("prefixItems", [])), None)
    return all(judge.meets(said, each, depth) for each in rest)


def _prefix(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    pairs = zip(said, value, strict=False) if isinstance(value, list) else ()
    return all(judge.meets(each, item, depth) for each, item in pairs)


def _contains(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, list):
        return True
    count = sum(judge.meets_exactly(said, each, depth) for each in value)
    return bool(schema.get("minContains", 1) <= count <= schema.get("maxContains", len(value)))


def _unique(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not said or not isinstance(value, list):
        return True
    return not any(judge.same(each, other) for n, each in enumerate(value) for other in islice(value, n))


def _names(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return not isinstance(value, dict) or all(judge.meets(said, name, depth) for name in value)


def _required(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    return not isinstance(value, dict) or all(name in value for name in _counted(judge, said))


def _dependent(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    wanted = (others for name, others in _counted(judge, said.items()) if name in value)
    return all(other in value for others in wanted for other in _counted(judge, others))


def _dependent_schemas(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not isinstance(value, dict):
        return True
    found = (each for name, each in _counted(judge, said.items()) if name in value)
    return all(judge.meets(each, value, depth) for each in found)


def _multiple(judge: _Judge, said: Any, value: Any, schema: Mapping[str, Any], depth: int) -> bool:
    if not _is_number(said):
        raise Undecided("multipleOf is no number")  # as a text it might have a million digits
    if not _is_number(value):
        return True
    judge.spend(DIVISION)
    return (Fraction(str(value)) / Fraction(str(said))).denominator == 1


T = TypeVar("T")


def _counted(judge: _Judge, several: Iterable[T]) -> Iterator[T]:
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
    "const": lambda judge, said, value, schema, depth: judge.same(said, value),
    "allOf": _all,
    "anyOf": _any,
    "oneOf": _one,
    "not": lambda judge, said, value, schema, depth: not judge.meets_exactly(said, value, depth),
    "if": _if,
    "properties": _properties,
    "additionalProperties": _additional,
    "propertyNames": _names,
    "required": _required,
    "dependentRequired": _dependent,
    "dependentSchemas": _dependent_schemas,
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
    "multipleOf": _multiple,
    "pattern": lambda judge, said, value, schema, depth: judge.meets_pattern(value),
}
"""Those that are not here change nothing: they describe, or are taken as met."""
