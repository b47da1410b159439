"""Requests as canonical content."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.testing import Recording
from pointsman.types import Request, Text, Tool, ToolCall, ToolChoice, ToolResult, Unknown
from pointsman_anthropic.decode import decode_chat
from pointsman_anthropic.names import DIALECT

Make = Callable[[dict[str, Any]], Request]
Again = Callable[[Request], dict[str, Any]]


def test_the_system_prompt_leads(request_of: Make) -> None:
    chat = decode_chat(request_of({"system": "Be brief", "stream": True}), model="m")
    assert [(each.role, each.text, each.path) for each in chat.messages] == [
        ("system", "Be brief", "system"),
        ("user", "Hi", "messages[0]"),
    ]
    assert (chat.model, chat.stream, chat.dialect) == ("m", True, DIALECT)


def test_calls_and_results_are_parts(request_of: Make) -> None:
    messages = [
        {"role": "user", "content": "Weather?"},
        {"role": "assistant", "content": [{"type": "tool_use", "id": "t1", "name": "f", "input": {"a": 1}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "Sun"}]},
        {"role": "system", "content": [{"type": "tool_addition", "tool": {}}]},
    ]
    chat = decode_chat(request_of({"messages": messages}), model="m")
    assert chat.messages[1].parts == [ToolCall("t1", "f", '{"a":1}')]
    result = chat.messages[2].parts[0]
    assert isinstance(result, ToolResult)
    assert (result.call_id, result.parts) == ("t1", [Text("Sun")])
    assert chat.messages[3].role == "system"
    assert isinstance(chat.messages[3].parts[0], Unknown)


def test_tools_are_functions_or_known_to_this_dialect_alone(request_of: Make) -> None:
    mark = {"type": "ephemeral"}
    tools = [
        {
            "name": "f",
            "description": "d",
            "input_schema": {"type": "object"},
            "strict": True,
            "cache_control": mark,
        },
        {"type": "custom", "name": "g", "input_schema": {}, "defer_loading": True},
        {"type": "web_search_20250305", "name": "web_search"},
        {"name": "h"},
    ]
    chat = decode_chat(request_of({"tools": tools}), model="m")
    assert chat.tools == [
        Tool("f", "d", {"type": "object"}, strict=True, cache=mark),
        Tool("g", extra={DIALECT: {"defer_loading": True, "~type": "custom"}}),
        Unknown(DIALECT, tools[2]),
        Unknown(DIALECT, tools[3]),
    ]


@pytest.mark.parametrize(
    ("given", "choice"),
    [
        ({"type": "auto"}, ToolChoice("auto")),
        ({"type": "any"}, ToolChoice("required")),
        ({"type": "none"}, ToolChoice("none")),
        ({"type": "tool", "name": "f"}, ToolChoice("required", ("f",))),
        (None, None),
    ],
)
def test_the_choice_of_tools(request_of: Make, given: Any, choice: ToolChoice | None) -> None:
    assert decode_chat(request_of({"tool_choice": given}), model="m").tool_choice == choice


def test_one_call_at_a_time_is_a_parameter(request_of: Make) -> None:
    choice = {"type": "auto", "disable_parallel_tool_use": True}
    chat = decode_chat(request_of({"tool_choice": choice}), model="m")
    assert chat.params["parallel_tool_calls"] is False
    assert chat.called("parallel_tool_calls") == "tool_choice.disable_parallel_tool_use"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": ["Hi"]}, "messages[0]"),
        ({"messages": [{"role": "tool", "content": ""}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": 3}]}, "messages[0].content"),
        ({"messages": [{"role": "user", "content": ["Hi"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0]"),
        ({"system": 3}, "system"),
        ({"tools": {}}, "tools"),
        ({"tools": ["f"]}, "tools[0]"),
        ({"tool_choice": "auto"}, "tool_choice"),
        ({"tool_choice": {"type": "maybe"}}, "tool_choice"),
        ({"tool_choice": {"type": ["auto"]}}, "tool_choice"),
        ({"tool_choice": {"type": "tool"}}, "tool_choice.name"),
    ],
)
def test_a_fault_is_named_by_its_path(request_of: Make, body: dict[str, Any], param: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_chat(request_of(body), model="m")
    assert caught.value.param == param


@pytest.mark.parametrize(
    "body",
    [
        {"system": ""},
        {"system": None},
        {"system": []},
        {"system": [{"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}}]},
        {"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": None}]},
        {"messages": [{"role": "user", "content": [], "name": "Ann", "id": None}]},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "a"}]},
                {"role": "system", "content": "b"},
            ]
        },
        {"tools": None},
        {"tools": []},
        {
            "tools": [
                {"name": "f", "description": "", "input_schema": {}, "strict": None, "cache_control": None}
            ]
        },
        {"tools": [{"type": None, "name": "f", "input_schema": {}, "strict": False, "defer_loading": False}]},
        {"tool_choice": {"type": "tool", "name": "f", "new": 1}},
        {"tool_choice": None, "stream": None},
        {"stream": False},
        {
            "stream": True,
            "mcp_servers": [{"name": "x"}],
            "container": "c",
            "cache_control": {"type": "ephemeral"},
        },
        {"context_management": {"edits": []}, "speed": "fast", "new": None},
    ],
    ids=str,
)
def test_a_request_written_back_is_what_it_was(request_of: Make, again: Again, body: dict[str, Any]) -> None:
    request = request_of(body)
    assert again(request) == request.body


def test_members_for_the_gateway_go_no_further(request_of: Make, again: Again) -> None:
    heeded = {"models": ["a"], "provider": {"order": ["x"]}, "session_id": "s"}
    assert again(request_of(heeded)) == request_of({}).body
    request = request_of({"preset": "p", "trace": {"trace_name": "t"}})
    assert again(request) == request.body, "what nobody has read yet is not lost on the way"


def test_every_recorded_request_written_back_is_what_it_was(recorded: list[Recording], again: Again) -> None:
    for each in recorded:
        assert again(Request.of(each.request)) == each.request, each.id
