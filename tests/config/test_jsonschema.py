from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import pytest

from pointsman.config import Config, ConfigError, Schema, json_schema, setting
from pointsman.errors import StartupError

Load = Callable[..., Config]
TYPES: dict[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
NOTES = {"$schema", "title", "description", "default", "examples", "$defs"}
KNOWN = NOTES | {
    *("$ref", "anyOf", "enum", "const", "type", "minimum", "maximum", "pattern", "minLength", "items"),
    *("properties", "patternProperties", "additionalProperties", "required"),
}


def accepts(schema: Any, value: Any, root: Mapping[str, Any]) -> bool:
    """As much of JSON Schema as ours uses, written down once more."""
    if isinstance(schema, bool):
        return schema
    assert set(schema) <= KNOWN, set(schema) - KNOWN
    if "$ref" in schema and not accepts(root["$defs"][schema["$ref"].removeprefix("#/$defs/")], value, root):
        return False
    if "anyOf" in schema and not any(accepts(each, value, root) for each in schema["anyOf"]):
        return False
    if "enum" in schema and not any(value == each and type(value) is type(each) for each in schema["enum"]):
        return False
    if "const" in schema and not (value == schema["const"] and type(value) is type(schema["const"])):
        return False
    if "type" in schema:
        types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
        if not any(TYPES[name](value) for name in types):
            return False
    if isinstance(value, str):
        if not re.search(schema.get("pattern", ""), value) or len(value) < schema.get("minLength", 0):
            return False
    elif TYPES["number"](value):
        return bool(schema.get("minimum", value) <= value <= schema.get("maximum", value))
    elif isinstance(value, list):
        return all(accepts(schema.get("items", True), each, root) for each in value)
    elif isinstance(value, dict):
        return accepts_object(schema, value, root)
    return True


def accepts_object(schema: Any, value: dict[str, Any], root: Mapping[str, Any]) -> bool:
    for key, each in value.items():
        found = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        found += [
            inner for pattern, inner in schema.get("patternProperties", {}).items() if re.search(pattern, key)
        ]
        if not all(
            accepts(inner, each, root) for inner in found or [schema.get("additionalProperties", True)]
        ):
            return False
    return set(schema.get("required", ())) <= set(value)


def builds(load: Load, value: Any) -> bool:
    try:
        load(json.dumps(value))
    except ConfigError:
        return False
    return True


VALID: list[Any] = [
    {},
    {
        "server": {"port": 0, "tls": {"cert": "a", "key": "b"}, "max_body": "1MB", "drain": 5, "x-a": [1]},
        "x-b": {},
    },
    {"server": None, "keys": None, "models": None, "providers": None, "plugins": None, "include": None},
    {"ledger": "sqlite:///x", "state": {"url": "memory"}, "auth": "none", "admin_key": 1234},
    {"include": "a*.yaml", "attempts": 10, "hook_timeout": "250ms"},
    {"include": ["a*.yaml"], "log": {"level": "debug", "access": True}},
    {
        "providers": {
            "from_env": True,
            "x-lab": {"api_key": "k", "headers": {"x-a": "b"}, "price": 1.5},
            "b": None,
        }
    },
    {
        "models": {
            "m": {
                "aliases": ["a"],
                "endpoints": ["a/b", {"endpoint": "a/b", "params": {"t": [1]}, "weight": 2}],
            }
        }
    },
    {
        "keys": [
            {"name": "a", "budget": 20},
            {"name": "b", "budget": {"usd": "0.5", "per": "day"}},
            {"name": "c"},
        ]
    },
    {
        "plugins": {
            "cache": {
                "ttl": "never",
                "share": "5%",
                "mode": 1,
                "ratio": 0.2,
                "exact": "1.5",
                "data": [{}, None],
            }
        }
    },
    {
        "plugins": {
            "cache": False,
            "plain": {"order": {"before": ["cache"]}},
            "./my_provider.py": {},
            "x-a": 1,
            "no": False,
        }
    },
    {"plugins": {"cache": {"either": "a"}}},
    {"plugins": {"cache": {"either": [1]}}},
    {"plugins": {"cache": {"either": {"a": True}, "seeds": ["a", "b"], "folder": "x"}}},
    {"tree": {"children": [{"children": [{"name": "a"}]}, None]}},
]
INVALID: list[Any] = [
    [],
    {"sever": {}},
    {"server": {"prot": 1}},
    {"server": {"port": 70000}},
    {"server": {"port": "4141"}},
    {"server": {"tls": {"cert": "a"}}},
    {"server": {"host": 5}},
    {"server": {"max_body": "lots"}},
    {"log": {"access": "yes"}},
    {"auth": "key"},
    {"auth": None},
    {"attempts": 0},
    {"attempts": 1.5},
    {"hook_timeout": True},
    {"providers": {"from_env": 1}},
    {"providers": {"lab": "key"}},
    {"models": {"m": {"endpoints": [{"params": {}}]}}},
    {"models": {"m": {"endpoints": [{"endpoint": "a/b", "weight": -1}]}}},
    {"keys": [{}]},
    {"keys": [None]},
    {"keys": [{"name": "a", "budget": {}}]},
    {"plugins": {"cache": {"share": "5"}}},
    {"plugins": {"cache": {"mode": "x"}}},
    {"plugins": {"cache": {"either": ["a"]}}},
    {"plugins": {"cache": {"ratio": 2}}},
    {"plugins": {"cache": True}},
    {"plugins": {"plain": {"a": 1}}},
    {"plugins": {"unknown": {}}},
    {"plugins": {"plain": {"order": {"before": "a"}}}},
    {"tree": {"children": [{"nam": "a"}]}},
]


@pytest.mark.parametrize("value", VALID)
def test_what_builds_is_accepted(load: Load, schema: Schema, value: Any) -> None:
    written = json_schema(schema)
    assert builds(load, value)
    assert accepts(written, value, written)


@pytest.mark.parametrize("value", INVALID)
def test_what_does_not_build_is_refused(load: Load, schema: Schema, value: Any) -> None:
    written = json_schema(schema)
    assert not builds(load, value)
    assert not accepts(written, value, written)


def test_an_interpolation_may_stand_for_any_scalar(schema: Schema) -> None:
    written = json_schema(schema)
    text = "${A:-1}"
    value = {
        "server": {"port": text, "host": text, "max_body": text, "socket": text},
        "log": {"level": text, "access": text},
        "admin_key": text,
        "plugins": {"cache": {"ratio": text, "share": text, "exact": text, "either": {"a": text}}},
        "keys": [{"name": text, "budget": text}],
    }
    assert accepts(written, value, written)
    assert not accepts(written, {"log": {"access": "x ${A}"}}, written)


def test_it_says_what_it_is_and_explains_every_key(schema: Schema) -> None:
    written = json_schema(schema)
    assert written["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert written["additionalProperties"] is False
    assert written["patternProperties"] == {"^x-": {}}
    port = written["$defs"]["ServerSettings"]["properties"]["port"]
    assert port["description"] == "Port; 0 takes any free one."
    assert port["default"] == 4141
    assert written["properties"]["hook_timeout"]["default"] == "10s"
    assert written["$defs"]["EndpointSettings"]["anyOf"][0]["properties"]["params"]["examples"] == [
        {"temperature": 0.2}
    ]
    for definition in written["$defs"].values():
        for option in definition.get("anyOf", [definition]):
            assert all("description" in each for each in option.get("properties", {}).values())
    json.dumps(written)


def test_secrets_have_no_default_in_it(schema: Schema) -> None:
    assert "default" not in json_schema(schema)["properties"]["admin_key"]


@dataclass(frozen=True)
class TreeSettings:
    """Another class of the same name."""

    leaf: int = setting(default=0, help="A leaf.")


def test_classes_of_one_name_are_told_apart(schema: Schema) -> None:
    schema.section("other", TreeSettings, owner="other")
    written = json_schema(schema)
    assert accepts(written, {"tree": {"name": "a"}, "other": {"leaf": 1}}, written)
    assert not accepts(written, {"other": {"name": "a"}}, written)


def test_sections_that_must_stand_are_required(schema: Schema) -> None:
    schema.section("name", str, owner="a", help="A name.")
    schema.section("strict", dict[str, int], owner="a", help="May be empty.")
    written = json_schema(schema)
    assert written["required"] == ["name"]
    assert not accepts(written, {}, written)


def test_claims_that_contradict_are_told(schema: Schema) -> None:
    schema.field("endpont", "a", str, owner="me", help="A.")
    with pytest.raises(StartupError):
        json_schema(schema)


@dataclass(frozen=True)
class DottedSettings:
    """Keys may lead into its tables."""

    dotted: ClassVar[bool] = True
    headers: dict[str, str] | None = setting(default=None, help="By name.")
    plain: int = setting(default=0, help="A number.")


def test_a_key_may_lead_into_a_table() -> None:
    schema = Schema()
    schema.section("rule", DottedSettings, owner="rules", help="A rule.")
    written = json_schema(schema)
    for value, fits in (
        ({"headers": {"a": "b"}, "headers.x": "y", "plain": 1}, True),
        ({"headers.x": 1}, False),
        ({"headers.": "y"}, False),
        ({"plain.x": 1}, False),
    ):
        assert accepts(written, {"rule": value}, written) is fits
