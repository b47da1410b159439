"""Requests as canonical content."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import (
    Chat,
    Media,
    Message,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
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
    assert message(role=role, content="hello") == Message(role, [Text("hello")])


def test_content_may_be_absent_null_or_empty() -> None:
    shapes: list[dict[str, Any]] = [{}, {"content": None}, {"content": ""}, {"content": []}]
    for shape in shapes:
        assert message(role="assistant", **shape).parts == []


def test_parts_of_every_kind() -> None:
    parts = [
        {"type": "text", "text": "look", "cache_control": {"type": "ephemeral"}},
        {"type": "image_url", "image_url": {"url": "https://x/y.png", "detail": "low"}},
        {"type": "image_url", "image_url": "data:image/png;base64,AAAA"},
        {"type": "video_url", "video_url": {"url": "https://x/y.mp4"}},
        {"type": "input_audio", "input_audio": {"data": "BBBB", "format": "wav"}},
        {"type": "file", "file": {"file_data": "data:application/pdf;base64,CCCC", "filename": "a.pdf"}},
        {"type": "file", "file": {"file_id": "file-1"}},
        {"type": "hologram", "x": 1},
    ]
    assert message(role="user", content=parts).parts == [
        Text("look", own(cache_control={"type": "ephemeral"})),
        Media("image", url="https://x/y.png", extra=own(detail="low")),
        Media("image", data="AAAA", mime="image/png"),
        Media("video", url="https://x/y.mp4"),
        Media("audio", data="BBBB", mime="audio/wav"),
        Media("document", data="CCCC", mime="application/pdf", extra=own(filename="a.pdf")),
        Unknown("openai-chat", parts[6]),
        Unknown("openai-chat", parts[7]),
    ]


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
        Unknown("openai-chat", custom),
    ]
    assert found.extra == own(annotations=[1])


def test_a_tools_answer() -> None:
    found = message(role="tool", tool_call_id="call_1", content=[{"type": "text", "text": "42"}])
    assert found == Message("tool", [ToolResult("call_1", [Text("42")])])


def test_older_function_calls_and_answers() -> None:
    asked = message(role="assistant", content=None, function_call={"name": "f", "arguments": "{}"})
    assert asked.parts == [ToolCall("f", "f", "{}")]
    answered = message(role="function", name="f", content="42")
    assert answered == Message("tool", [ToolResult("f", [Text("42")])], own(role="function"))


def test_unknown_members_of_a_message_are_carried() -> None:
    assert message(role="user", content="x", name="bob").extra == own(name="bob")


def test_tools_and_their_choice() -> None:
    function = {"name": "f", "description": "d", "parameters": {"type": "object"}, "strict": True}
    search = {"type": "web_search"}
    found = chat(
        messages=[],
        tools=[
            {"type": "function", "function": function},
            search,
            {"type": "function", "function": {"name": "g"}},
        ],
        tool_choice="required",
    )
    assert found.tools == [Tool("f", "d", {"type": "object"}, own(strict=True)), Tool("g")]
    assert found.tool_choice == "required"
    assert found.extra == own(tools=[search])


def test_older_functions_and_their_choice() -> None:
    found = chat(messages=[], functions=[{"name": "f"}], function_call={"name": "f"})
    assert found.tools == [Tool("f")]
    assert found.tool_choice == {"type": "function", "function": {"name": "f"}}
    assert chat(messages=[], function_call="none").tool_choice == "none"


def test_all_other_members_are_parameters() -> None:
    found = chat(
        model="asked",
        messages=[],
        stream=True,
        stream_options={},
        models=["x"],
        usage={"include": True},
        temperature=0.5,
        response_format={"type": "json_object"},
    )
    assert found.params == {"temperature": 0.5, "response_format": {"type": "json_object"}}
    assert found.stream
    assert found.model == "m"


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
    assert found == Chat("m", [Message("user", [Text("once")])], params={"max_tokens": 5}, stream=True)


def test_each_input_of_a_list_is_a_message() -> None:
    assert [each.text for each in inputs("input", ["a", "b"]).messages] == ["a", "b"]


def test_token_numbers_are_carried() -> None:
    assert inputs("input", [1, 2]).messages == [Message("user", [Unknown("openai-chat", [1, 2])])]
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
            others = found.extra.get("openai-chat", {}).get("tools", [])
            assert len(found.tools) + len(others) == len(offered), record["id"]
            decoded += 1
    assert decoded > 100
