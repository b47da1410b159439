"""Tools and calls of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Request, Tool, ToolCall, ToolChoice, Unknown
from pointsman_openai.tools import (
    call_object,
    choice_object,
    custom_names,
    decode_call,
    decode_choice,
    decode_tool,
    suited_id,
    tool_object,
    unwrapped,
    wrapped,
)

FUNCTION = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
GRAMMAR = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "x"}}


@pytest.mark.parametrize(
    "data",
    [
        {"type": "function", "function": FUNCTION},
        {"type": "function", "function": {"name": "f"}, "cache_control": {"type": "ephemeral"}},
        {"function": {"name": "f", "description": "", "parameters": {}, "strict": None}},
        {"type": None, "function": {"name": "f", "description": None, "parameters": None, "examples": [1]}},
        {"type": "function", "function": {"name": "f"}, "eager_input_streaming": True, "cache_control": None},
        {"type": "custom", "custom": {"name": "sh", "description": "runs", "format": GRAMMAR}},
        {"type": "custom", "custom": {"name": "sh"}, "more": 1},
    ],
)
def test_tools_are_read_and_written_back(data: dict[str, Any]) -> None:
    found = decode_tool(data, "tools[0]")
    assert isinstance(found, Tool)
    assert tool_object(found, cache=True) == data


def test_a_custom_tool_is_a_function_of_one_text() -> None:
    found = decode_tool({"type": "custom", "custom": {"name": "sh", "description": "runs"}}, "tools[0]")
    assert isinstance(found, Tool)
    assert (found.name, found.description) == ("sh", "runs")
    assert found.parameters["required"] == ["input"]


def test_a_tool_of_another_kind_is_carried() -> None:
    assert decode_tool({"type": "web_search"}, "tools[0]") == Unknown("openai-chat", {"type": "web_search"})


@pytest.mark.parametrize(
    ("data", "mode", "names"),
    [
        ("auto", "auto", ()),
        ("any", "required", ()),
        ({"type": "function", "function": {"name": "f"}}, "required", ("f",)),
        ({"function": {"name": "f"}}, "required", ("f",)),
        ({"type": "custom", "custom": {"name": "sh"}}, "required", ("sh",)),
        (
            {
                "type": "allowed_tools",
                "allowed_tools": {
                    "mode": "auto",
                    "tools": [{"type": "function", "function": {"name": each}} for each in "fg"],
                },
            },
            "auto",
            ("f", "g"),
        ),
    ],
)
def test_choices_are_read_and_written_back(data: Any, mode: str, names: tuple[str, ...]) -> None:
    found = decode_choice(data)
    assert found is not None
    assert (found.mode, found.names) == (mode, names)
    assert choice_object(found) == data


@pytest.mark.parametrize(
    "data",
    [None, "perhaps", 3, {"type": "web_search"}, {"type": "allowed_tools"}]
    + [{"type": "allowed_tools", "allowed_tools": {"mode": "auto", "tools": each}} for each in ([], [{}], 1)],
)
def test_a_choice_only_this_dialect_knows_is_none_of_ours(data: Any) -> None:
    assert decode_choice(data) is None


def test_choices_of_other_dialects() -> None:
    assert choice_object(ToolChoice("none", ("f",))) == "none"
    assert choice_object(ToolChoice("required", ("f",)))["function"] == {"name": "f"}
    several = choice_object(ToolChoice("required", ("f", "g")))
    assert several["allowed_tools"]["mode"] == "required"
    assert [each["function"]["name"] for each in several["allowed_tools"]["tools"]] == ["f", "g"]


def test_a_choice_that_was_changed_is_not_what_it_was() -> None:
    found = decode_choice("any")
    assert found is not None
    found.mode = "none"
    assert choice_object(found) == "none"


@pytest.mark.parametrize(
    "data",
    [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": ""}, "index": 0},
        {"id": "c", "function": {"name": "f", "arguments": "{}", "more": 1}, "extra_content": {"g": 1}},
        {"id": "c", "type": None, "function": {"name": "f"}},
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": {"a": [1]}}},
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": None}},
        {"id": "c", "type": "custom", "custom": {"name": "sh", "input": 'a "b"\n', "more": 1}},
    ],
)
def test_calls_of_the_history_are_read_and_written_back(data: dict[str, Any]) -> None:
    found = decode_call(data, "calls[0]")
    assert isinstance(found, ToolCall)
    assert call_object(found, own=True) == data


def test_sloppy_calls_are_made_whole() -> None:
    bare = decode_call({"function": {"name": "f"}}, "calls[0]", made_id=lambda: "call_1")
    given = decode_call(
        {"id": "c", "function": {"name": "f", "arguments": {"a": 1}}}, "p", made_id=lambda: "call_1"
    )
    assert [call_object(each) for each in (bare, given) if isinstance(each, ToolCall)] == [
        {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}},
    ]


def test_a_call_of_the_history_needs_its_id() -> None:
    with pytest.raises(BadRequest, match="id"):
        decode_call({"function": {"name": "f", "arguments": ""}}, "calls[0]")


def test_the_input_of_a_custom_tool_is_wrapped_and_unwrapped() -> None:
    assert unwrapped(wrapped('a "b"')) == 'a "b"'
    for other in ("not json", "[1]", '{"other": 1}', '{"input": 1}'):
        assert unwrapped(other) == other


def test_a_request_tells_its_custom_tools() -> None:
    tools = [{"type": "custom", "custom": {"name": "sh"}}, {"type": "custom"}, 1, {"type": "function"}]
    assert custom_names(Request(json.dumps({"tools": tools}).encode())) == {"sh"}
    assert custom_names(Request(b'{"tools": "custom"}')) == set()
    assert custom_names(Request(b"{}")) == set()


def test_ids_are_of_a_length_that_is_taken() -> None:
    assert suited_id("toolu_1") == "toolu_1"
    long = suited_id("x" * 41)
    assert len(long) <= 40
    assert long == suited_id("x" * 41) != suited_id("x" * 42)
    assert suited_id("")


@pytest.mark.parametrize("data", [{"type": 3}, {"id": "c", "type": []}, {"type": "x", "x": 1}])
def test_a_call_that_cannot_be_told_from_content_is_refused(data: dict[str, Any]) -> None:
    with pytest.raises(BadRequest, match="a call with an `id`"):
        decode_call(data, "calls[0]")
