"""Values and schemas; a library of others agrees."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pointsman_feedback.schemas import Undecided, is_valid

PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "minLength": 1}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name"],
    "additionalProperties": False,
}
TREE = {
    "$ref": "#/$defs/node",
    "$defs": {
        "node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}, "required": ["v"]}
    },
}


@pytest.mark.parametrize(
    ("schema", "value", "valid"),
    [
        (PERSON, {"name": "Ada", "age": 3}, True),
        (PERSON, {"name": "Ada", "age": 3.0}, True),
        (PERSON, {"name": "", "age": 3}, False),
        (PERSON, {"age": 3}, False),
        (PERSON, {"name": "Ada", "colour": "red"}, False),
        (PERSON, {"name": "Ada", "age": True}, False),
        (PERSON, [], False),
        (TREE, {"v": 1, "next": {"v": 2}}, True),
        (TREE, {"v": 1, "next": {}}, False),
        ({"enum": [1, "a", None]}, None, True),
        ({"enum": [1]}, True, False),
        ({"const": {"a": [1.0]}}, {"a": [1]}, True),
        ({"type": ["string", "null"]}, None, True),
        ({"type": "string", "nullable": True}, None, True),
        ({"multipleOf": 0.1}, 0.3, True),
        ({"multipleOf": 2}, 3, False),
        ({"items": {"type": "integer"}, "uniqueItems": True}, [1, 2], True),
        ({"uniqueItems": True}, [1, 1.0], False),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a"], True),
        ({"prefixItems": [{"type": "string"}], "items": False}, ["a", 1], False),
        ({"contains": {"const": 1}, "maxContains": 1}, [1, 2], True),
        ({"contains": {"const": 1}}, [2], False),
        ({"if": {"required": ["a"]}, "then": {"required": ["b"]}}, {"a": 1}, False),
        ({"oneOf": [{"type": "integer"}, {"minimum": 2}]}, 3, False),
        ({"not": {"type": "null"}}, None, False),
        ({"dependentRequired": {"a": ["b"]}}, {"a": 1}, False),
        ({"pattern": "(a+)+$", "format": "email"}, "anything", True),
        ({"not": {"pattern": "^x"}}, 1, False),
        ({"propertyNames": {"maxLength": 1}}, {"ab": 1}, False),
        ({"propertyNames": {"maxLength": 1}}, {"a": 1}, True),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"a": 1}, False),
        ({"dependentSchemas": {"a": {"required": ["b"]}}}, {"c": 1}, True),
        (True, 1, True),
        (False, 1, False),
    ],
)
def test_a_value_is_valid_or_not(schema: Any, value: Any, valid: bool) -> None:
    assert is_valid(schema, value) == valid


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "https://elsewhere.example/schema"},
        {"$ref": "#/$defs/none"},
        {"$ref": "#"},
        {"$ref": "#anchor"},
        {"patternProperties": {"^a": {}}},
        {"dependencies": {"a": ["b"]}},
        {"multipleOf": "1e999999999"},
        {"multipleOf": True},
        {"type": "colour"},
        {"properties": []},
        {"minimum": "1"},
        {"multipleOf": 0},
        "no schema",
    ],
)
def test_what_cannot_be_told_is_not_decided(schema: Any) -> None:
    value = {"a": 1} if isinstance(schema, dict) and "properties" in schema else 1
    with pytest.raises(Undecided):
        is_valid(schema, value)


def test_work_is_bounded() -> None:
    doubling: dict[str, Any] = {"$defs": {"d0": {"type": "integer"}}, "$ref": "#/$defs/d40"}
    for number in range(1, 41):
        doubling["$defs"][f"d{number}"] = {"allOf": [{"$ref": f"#/$defs/d{number - 1}"}] * 2}
    with pytest.raises(Undecided):
        is_valid(doubling, 1)


@pytest.mark.parametrize(
    "schema",
    [
        {"not": {"pattern": "^x"}},
        {"oneOf": [{"pattern": "^x"}, {"pattern": "^y"}]},
        {"if": {"pattern": "^x"}, "then": False},
    ],
)
def test_a_pattern_that_would_decide_against_a_value_leaves_it_undecided(schema: Any) -> None:
    with pytest.raises(Undecided, match="pattern"):
        is_valid(schema, "y")


def often(definition: Any, times: int = 3000) -> dict[str, Any]:
    """A schema that asks the same so often."""
    return {"$defs": {"it": definition}, "allOf": [{"$ref": "#/$defs/it"}] * times}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (often({"const": [0] * 10_000}), [0] * 10_000),
        (often({"enum": [{str(n): n for n in range(5_000)}]}), {str(n): n for n in range(5_000)}),
        ({"uniqueItems": True}, [[0] * 1_000 + [n] for n in range(100)]),
        (often({f"x-{n}": 0 for n in range(5_000)}), 1),
        (often({"required": ["a"] * 5_000}), {"a": 1}),
        (often({"type": [*["string"] * 5_000, "integer"]}), 1),
        (often({"properties": {str(n): {} for n in range(5_000)}}), {}),
        (often({"propertyNames": True}), {str(n): n for n in range(5_000)}),
        (often({"dependentRequired": {"a": ["a"] * 5_000}}), {"a": 1}),
        (often({"dependentSchemas": {str(n): {} for n in range(5_000)}}), {"a": 1}),
        (
            often({"properties": {str(n): True for n in range(5_000)}, "additionalProperties": False}),
            {"1": 1},
        ),
        (often({"$ref": "#" + "/$defs" * 50_000}), 1),
        (often({"multipleOf": 1e-300}), 1e300),
    ],
)
def test_nothing_that_a_schema_can_make_large_goes_uncounted(schema: Any, value: Any) -> None:
    """Whoever writes the schema, and by it the answer, must not keep the gateway busy."""
    with pytest.raises(Undecided):
        is_valid(schema, value)


SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.5, 1.0, -2.0, "", "a", "ab"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
TYPES = st.sampled_from(["string", "integer", "number", "boolean", "null", "array", "object"])
SIZES = st.integers(0, 3)
LEAVES = st.one_of(
    st.booleans(),
    st.fixed_dictionaries(
        {},
        optional={
            "type": TYPES | st.lists(TYPES, min_size=1, max_size=2, unique=True),
            "enum": st.lists(VALUES, min_size=1, max_size=3),
            "const": VALUES,
            "minimum": st.integers(-3, 3),
            "exclusiveMaximum": st.integers(-3, 3),
            "multipleOf": st.sampled_from([1, 2, 0.5]),
            "minLength": SIZES,
            "maxLength": SIZES,
            "minItems": SIZES,
            "maxItems": SIZES,
            "uniqueItems": st.booleans(),
            "minProperties": SIZES,
            "maxProperties": SIZES,
            "required": st.lists(st.sampled_from("abc"), max_size=2, unique=True),
        },
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "additionalProperties": inner,
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "contains": inner,
            "propertyNames": inner,
            "dependentSchemas": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
            "anyOf": st.lists(inner, min_size=1, max_size=2),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "not": inner,
            "if": inner,
            "then": inner,
            "else": inner,
        },
    ),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(SCHEMAS, VALUES)
def test_a_library_of_others_says_the_same(schema: Any, value: Any) -> None:
    assert is_valid(schema, value) == Draft202012Validator(schema).is_valid(value)
