"""Arguments that fit a schema."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman_echo.arguments import arguments_for


def test_of_an_object_its_required_members_are_made() -> None:
    schema = {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"enum": ["C", "F"]}, "days": {"type": "integer"}},
        "required": ["city", "unit"],
    }
    assert arguments_for(schema) == {"city": "city", "unit": "C"}


def test_all_members_are_made_where_none_is_required() -> None:
    properties = {"on": {"type": "boolean"}, "inner": {"type": "object", "properties": {"x": {}}}}
    assert arguments_for({"type": "object", "properties": properties}) == {"on": True, "inner": {}}


def test_no_schema_means_no_arguments() -> None:
    assert arguments_for({}) == {}


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"const": 7}, 7),
        ({"enum": ["a", "b"]}, "a"),
        ({"examples": ["x"]}, "x"),
        ({"type": "string", "default": "d"}, "d"),
        ({"type": "string", "format": "date"}, "2026-01-02"),
        ({"type": "string", "minLength": 8}, "memberxx"),
        ({"type": "string", "maxLength": 3}, "mem"),
        ({"type": "integer", "minimum": 3}, 3),
        ({"type": "integer", "exclusiveMinimum": 3}, 4),
        ({"type": "integer", "maximum": -2}, -2),
        ({"type": "integer", "exclusiveMaximum": 1}, 0),
        ({"type": "integer", "minimum": 3, "multipleOf": 5}, 5),
        ({"type": "number"}, 1),
        ({"type": "null"}, None),
        ({"type": ["boolean", "null"]}, True),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, [1, 1]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        ({"oneOf": [{"type": "boolean"}]}, True),
        ({"$ref": "#/$defs/unit"}, "C"),
        ({"$ref": "#/nowhere"}, None),
        ({"allOf": [{"$ref": "#/$defs/point"}, {"required": ["y"]}]}, {"x": 1, "y": "y"}),
    ],
)
def test_a_member_is_what_its_schema_says(schema: dict[str, Any], value: Any) -> None:
    root = {
        "type": "object",
        "properties": {"member": schema},
        "required": ["member"],
        "$defs": {
            "unit": {"enum": ["C"]},
            "point": {"properties": {"x": {"type": "integer"}}, "required": ["x"]},
        },
    }
    assert arguments_for(root) == {"member": value}


def test_a_schema_that_contains_itself_ends() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    value = arguments_for(schema)
    depth = 0
    while isinstance(value, dict) and "next" in value:
        value, depth = value["next"], depth + 1
    assert 1 < depth < 20


def test_a_schema_that_asks_for_millions_of_values_gets_few() -> None:
    items: dict[str, Any] = {"type": "integer"}
    for _ in range(4):
        items = {"type": "array", "minItems": 1000, "items": items}
    assert str(arguments_for(items)).count("1") <= 1000
