"""Requests as canonical content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import (
    Chat,
    Message,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)
from pointsman_openai.decode import decode_chat, decode_inputs


def chat(**body: Any) -> Chat:
    return decode_chat(Request(json.dumps(body).encode()), model="m")


def message(**members: Any) -> Message:
    return chat(messages=[members]).messages[0]


def inputs(member: str, value: Any, **body: Any) -> Chat:
    return decode_inputs(Request(json.dumps({member: value, **body}).encode()), model="m", member=member)


def own(**members: Any) -> dict[str, dict[str, Any]]:
    return {"openai-chat": members}


@pytest.mark.parametrize("role", ["system", "developer", "user", "assistant"])
def test_text_of_every_role(role: str) -> None:
    assert message(role=role, content="hello") == Message(role, [Text("hello")], path="messages[0]")


def test_content_may_be_absent_null_or_empty() -> None:
    shapes: list[dict[str, Any]] = [{}, {"content": None}, {"content": ""}, {"content": []}]
    for shape in shapes:
        assert message(role="assistant", **shape).parts == []


def test_an_assistants_turn_keeps_its_order() -> None:
    call = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
    custom = {"id": "call_2", "type": "custom", "custom": {"name": "g", "input": "x"}}
    found = message(
        role="assistant",
        content="so",
        reasoning_content="hm",
        tool_calls=[call, custom],
        refusal=None,
        annotations=[1],
    )
    assert found.parts == [
        Reasoning("hm"),
        Text("so"),
        ToolCall("call_1", "f", '{"a": 1}'),
        ToolCall("call_2", "g", '{"input":"x"}', own(**{"~custom": True})),
    ]
    assert found.extra == own(annotations=[1], refusal=None)


def test_a_tools_answer() -> None:
    found = message(role="tool", tool_call_id="call_1", content=[{"type": "text", "text": "42"}])
    assert found.parts == [ToolResult("call_1", [Text("42")])]
    assert (found.role, found.path) == ("tool", "messages[0]")


def test_older_function_calls_get_ids_that_their_answers_share() -> None:
    asked = {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}}
    answered = {"role": "function", "name": "f", "content": "42"}
    found = chat(messages=[asked, answered, asked, answered]).messages
    calls = [part for each in found for part in each.parts if isinstance(part, ToolCall)]
    results = [part for each in found for part in each.parts if isinstance(part, ToolResult)]
    assert [call.id for call in calls] == ["f", "f_2"] == [result.call_id for result in results]
    assert {call.name for call in calls} == {"f"}
    assert [each.role for each in found] == ["assistant", "tool"] * 2


def test_unknown_members_of_a_message_are_carried() -> None:
    assert message(role="user", content="x", name="bob").extra == own(name="bob")


def test_tools_and_their_choice() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    search = {"type": "web_search"}
    tools = [
        {"type": "function", "function": function, "cache_control": {"type": "ephemeral"}},
        search,
        {"type": "function", "function": {"name": "g"}},
    ]
    found = chat(messages=[], tools=tools, tool_choice="required")
    assert found.tools == [
        Tool("f", "d", {"type": "object"}, strict=True, cache={"type": "ephemeral"}),
        Unknown("openai-chat", search),
        Tool("g"),
    ]
    assert found.tool_choice == ToolChoice("required")


def test_older_functions_and_their_choice() -> None:
    found = chat(messages=[], functions=[{"name": "f"}], function_call={"name": "f"})
    assert [tool.name for tool in found.tools if isinstance(tool, Tool)] == ["f"]
    assert found.tool_choice is not None
    assert (found.tool_choice.mode, found.tool_choice.names) == ("required", ("f",))
    assert found.called("tool_choice") == "function_call"
    none = chat(messages=[], function_call="none").tool_choice
    assert none is not None
    assert none.mode == "none"


def test_what_is_meant_for_the_gateway_is_no_loss_elsewhere() -> None:
    found = chat(
        model="asked",
        messages=[],
        stream=True,
        stream_options={},
        models=["x"],
        usage={"include": True},
        temperature=0.5,
        prediction={"type": "content"},
        modalities=[],
    )
    assert found.params == {"temperature": 0.5}
    assert found.stream
    assert (found.model, found.dialect) == ("m", "openai-chat")
    assert [name for name in found.extra["openai-chat"] if not name.startswith("~")] == ["prediction"]


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"messages": "x"}, "messages"),
        ({"messages": ["x"]}, "messages[0]"),
        ({"messages": [{"role": 1}]}, "messages[0].role"),
        ({"messages": [{"role": "robot"}]}, "messages[0].role"),
        ({"messages": [{"role": "user"}, {"role": "user", "content": 3}]}, "messages[1].content"),
        ({"messages": [{"role": "user", "content": ["x"]}]}, "messages[0].content[0]"),
        ({"messages": [{"role": "user", "content": [{}]}]}, "messages[0].content[0].type"),
        ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages[0].content[0].text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]},
            "messages[0].content[0].image_url.url",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "messages[0].content[0].input_audio",
        ),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].tool_call_id"),
        ({"messages": [{"role": "assistant", "tool_calls": {}}]}, "messages[0].tool_calls"),
        (
            {"messages": [{"role": "assistant", "tool_calls": [{"id": "x"}]}]},
            "messages[0].tool_calls[0].function",
        ),
        ({"messages": [{"role": "assistant", "function_call": "f"}]}, "messages[0].function_call"),
        ({"tools": {}}, "tools"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"function": {"name": None}}]}, "tools[0].function.name"),
        ({"tools": [{"function": {"name": "f", "description": 1}}]}, "tools[0].function.description"),
        ({"functions": [{"name": "f", "parameters": []}]}, "functions[0].parameters"),
    ],
)
def test_a_bad_shape_is_refused_by_its_path(body: dict[str, Any], path: str) -> None:
    with pytest.raises(BadRequest) as refused:
        chat(**body)
    assert refused.value.param == path
    assert f"`{path}`" in refused.value.message


def test_one_input_is_one_message() -> None:
    found = inputs("prompt", "once", max_tokens=5, stream=True, model="asked")
    assert found.messages == [Message("user", [Text("once")], path="prompt")]
    assert (found.params, found.stream, found.extra) == ({"max_tokens": 5}, True, {})


def test_each_input_of_a_list_is_a_message() -> None:
    assert [each.text for each in inputs("input", ["a", "b"]).messages] == ["a", "b"]


def test_token_numbers_are_carried() -> None:
    assert inputs("input", [1, 2]).messages[0].parts == [Unknown("openai-chat", [1, 2])]
    assert len(inputs("input", [[1, 2], [3]]).messages) == 2


@pytest.mark.parametrize(
    ("value", "path"), [(None, "input"), (3, "input"), (["a", 3], "input[1]"), ([[]], "input[0]")]
)
def test_a_bad_input_is_refused_by_its_path(value: Any, path: str) -> None:
    with pytest.raises(BadRequest) as refused:
        inputs("input", value)
    assert refused.value.param == path


def test_recorded_requests_decode(recordings: list[dict[str, Any]]) -> None:
    decoded = 0
    for record in recordings:
        body = record["request"]
        if "messages" in body:
            found = decode_chat(Request(json.dumps(body).encode()), model="m")
            assert len(found.messages) == len(body["messages"]), record["id"]
            offered = [*(body.get("tools") or []), *(body.get("functions") or [])]
            assert len(found.tools) == len(offered), record["id"]
            decoded += 1
    assert decoded > 100
