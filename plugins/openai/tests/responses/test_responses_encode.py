"""Chats of other dialects as requests."""

from __future__ import annotations

from typing import Any

from pointsman.losses import Losses, Missing
from pointsman.types import (
    Chat,
    Citation,
    Media,
    Message,
    Reasoning,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)
from pointsman_openai.responses.encode import encode_request


def encode(*messages: Message, **members: Any) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    chat = Chat("gpt-5", list(messages), dialect="anthropic-messages", **members)
    return encode_request(chat, losses=losses), losses


def test_a_conversation_with_tools() -> None:
    body, losses = encode(
        Message("system", [Text("Be brief.")]),
        Message("user", [Text("Weather?"), Media("image", data="aGk=", mime="image/png")]),
        Message(
            "assistant",
            [
                Reasoning("", origin="openai-responses", redacted="gAAA", id="rs_1"),
                Text("I look."),
                ToolCall("c1", "f", "{}"),
                ToolCall("c2", "f", "{}"),
            ],
        ),
        Message("user", [ToolResult("c1", [Text("rain")]), ToolResult("c2", []), Text("And?")]),
        tools=[Tool("f", "d", {"type": "object"})],
        tool_choice=ToolChoice("required", ("f",)),
        stream=True,
    )
    assert losses == Losses()
    assert body["stream"] is True
    assert body["tool_choice"] == {"type": "function", "name": "f"}
    assert [tool["name"] for tool in body["tools"]] == ["f"]
    image = {"type": "input_image", "image_url": "data:image/png;base64,aGk=", "detail": "auto"}
    said = {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]}
    assert body["input"] == [
        {"type": "message", "role": "system", "content": [{"type": "input_text", "text": "Be brief."}]},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Weather?"}, image]},
        {"type": "reasoning", "summary": [], "id": "rs_1", "encrypted_content": "gAAA"},
        said,
        {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
        {"type": "function_call", "call_id": "c2", "name": "f", "arguments": "{}"},
        {"type": "function_call_output", "call_id": "c1", "output": "rain"},
        {"type": "function_call_output", "call_id": "c2", "output": ""},
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And?"}]},
    ]


def test_results_may_hold_pictures_and_files() -> None:
    result = ToolResult("c", [Text("see"), Media("document", data="aGk=", mime="text/plain")])
    body, _ = encode(Message("tool", [result]))
    assert body["input"][0]["output"] == [
        {"type": "input_text", "text": "see"},
        {"type": "input_file", "file_data": "data:text/plain;base64,aGk=", "filename": "document.txt"},
    ]


def test_a_thought_of_another_dialect_is_never_sent() -> None:
    for origin in ("anthropic-messages", None):
        body, losses = encode(
            Message("assistant", [Reasoning("hm", signature="s", origin=origin), Text("x")])
        )
        assert [item["type"] for item in body["input"]] == ["message"]
        assert losses.parameters == ["reasoning"]


def test_an_id_that_is_too_long_becomes_another_for_call_and_result_alike() -> None:
    ident = "toolu_" + "x" * 80
    body, _ = encode(
        Message("assistant", [ToolCall(ident, "f", "{}")]), Message("tool", [ToolResult(ident, [])])
    )
    call, result = body["input"]
    assert call["call_id"] == result["call_id"]
    assert len(call["call_id"]) <= 64


def test_content_without_a_place_is_told_with_its_path() -> None:
    audio = Media("audio", data="x", mime="audio/wav")
    _, losses = encode(
        Message("user", [Text("x"), audio, Media("video", url="u")], path="messages[0]"),
        Message("assistant", [Media("image", url="u")], path="messages[1]"),
        Message("user", [ToolResult("c", [audio])], path="messages[2]"),
        Message("user", [Unknown("gemini", {})], path="messages[3]"),
        tools=[Unknown("anthropic-messages", {"type": "computer"})],
    )
    assert losses.content == [
        Missing("messages[0].content[1]", "audio"),
        Missing("messages[0].content[2]", "video"),
        Missing("messages[1].content[0]", "image that the assistant wrote"),
        Missing("messages[2].content[0].content[0]", "audio"),
        Missing("messages[3].content[0]", "content that only gemini knows"),
        Missing("tools[0]", "a tool that only its own dialect knows"),
    ]


def test_marks_and_leftovers_are_told() -> None:
    mark = {"type": "ephemeral"}
    extra = {"anthropic-messages": {"x": 1, "~note": 1}}
    _, losses = encode(
        Message("user", [Text("x", cache=mark, extra=extra)], extra={"anthropic-messages": {"y": 1}}),
        Message("assistant", [Text("z", citations=[Citation(url="u")])]),
        Message("tool", [ToolResult("c", [], is_error=True)]),
        tools=[Tool("f", cache=mark, extra={"anthropic-messages": {"w": 1}})],
        extra={"anthropic-messages": {"top": 1}},
    )
    assert losses.parameters == [
        "messages.y",
        "cache_control",
        "messages.content.x",
        "messages.content.citations",
        "messages.content.is_error",
        "tools.w",
        "top",
    ]


def test_texts_of_nothing_are_left_out() -> None:
    body, losses = encode(Message("user", [Text("")]), Message("assistant", [Text(""), Text("x")]))
    assert body["input"] == [
        {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "x"}]}
    ]
    assert losses == Losses()
