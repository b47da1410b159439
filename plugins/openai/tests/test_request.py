"""Canonical chats as requests."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.losses import Losses, Missing
from pointsman.types import (
    Chat,
    Citation,
    Media,
    Message,
    Part,
    Reasoning,
    Request,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Unknown,
)
from pointsman_openai.decode import decode_chat
from pointsman_openai.request import encode_request

PLAIN = Quirks()
CACHE = {"type": "ephemeral"}


def encoded(chat: Chat, quirks: Quirks = PLAIN) -> tuple[dict[str, Any], Losses]:
    losses = Losses()
    return encode_request(chat, quirks=quirks, losses=losses), losses


def foreign(*messages: Message, quirks: Quirks = PLAIN, **fields: Any) -> tuple[list[dict[str, Any]], Losses]:
    for index, message in enumerate(messages):
        message.path = f"messages[{index}]"
    body, losses = encoded(Chat("m", list(messages), dialect="messages", **fields), quirks)
    written: list[dict[str, Any]] = body["messages"]
    return written, losses


def keeping(*names: str) -> Quirks:
    return Quirks(keeps=frozenset(names))


CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
REQUESTS: list[dict[str, Any]] = [
    {
        "messages": [{"role": "user", "content": "x", "name": None}],
        "stream": False,
        "tools": [],
        "user": None,
    },
    {"messages": [{"role": "developer", "content": "x"}, {"role": "system", "content": [], "name": "n"}]},
    {"messages": [{"role": "assistant"}, {"role": "assistant", "content": ""}, {"role": "user"}]},
    {"messages": [{"role": "assistant", "content": None, "tool_calls": [CALL], "refusal": None}]},
    {
        "messages": [
            {"role": "assistant", "tool_calls": [CALL, {"id": "h", "type": "x", "x": 1}], "audio": {"id": 1}}
        ]
    },
    {"messages": [{"role": "assistant", "content": "", "tool_calls": [CALL], "annotations": []}]},
    {
        "messages": [
            {"role": "assistant", "content": None},
            {"role": "assistant", "content": [], "refusal": "no"},
        ]
    },
    {
        "messages": [
            {
                "role": "tool",
                "tool_call_id": "orphan",
                "content": [{"type": "text", "text": "1"}],
                "name": "f",
            }
        ]
    },
    {
        "messages": [
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": "1"},
            {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
            {"role": "function", "name": "f", "content": None},
        ],
        "functions": [{"name": "f", "description": ""}],
        "function_call": {"name": "f"},
    },
    {
        "messages": [
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                    {"type": "text", "text": "x"},
                    {"type": "refusal", "refusal": "y"},
                    {"type": "image_url", "image_url": {"url": "https://x"}},
                    {"type": "odd", "id": "1"},
                ],
                "reasoning_content": "hm",
                "images": [{"type": "image_url", "image_url": {"url": "https://y"}}],
                "annotations": [{"type": "file", "file": {"hash": "h"}}],
            }
        ],
        "tool_choice": {"type": "web_search"},
        "tools": [{"type": "web_search"}],
        "models": ["a"],
        "provider": {"order": ["x"]},
        "stream_options": {"include_obfuscation": False},
        "web_search_options": {},
        "stream": True,
        "reasoning_effort": None,
    },
]


@pytest.mark.parametrize("body", REQUESTS)
def test_a_request_of_this_dialect_is_what_it_was(body: dict[str, Any]) -> None:
    body = {"model": "m", **body}
    found, losses = encoded(decode_chat(Request(json.dumps(body).encode()), model="m"))
    assert found == body
    assert losses == Losses()


def test_roles_of_other_dialects() -> None:
    messages = [Message("developer", [Text("a"), Text("b")]), Message("user", [Text("c"), Text("d")])]
    written, _ = foreign(*messages)
    assert written[0] == {"role": "system", "content": "a\n\nb"}
    assert [part["text"] for part in written[1]["content"]] == ["c", "d"]
    assert foreign(*messages, quirks=keeping("developer"))[0][0]["role"] == "developer"
    assert foreign(Message("assistant", [Text("a"), Text("b")]))[0][0]["content"] == "ab"


def test_results_stand_right_behind_their_calls_and_pictures_in_them_after_all_of_them() -> None:
    picture = Media("image", url="https://x")
    written, losses = foreign(
        Message("assistant", [Text("so"), ToolCall("c1", "f", ""), ToolCall("c2", "g", "{}")]),
        Message(
            "user",
            [
                ToolResult("c1", [Text("1"), picture, Text("2")], is_error=True),
                Text("first"),
                ToolResult("c2", []),
            ],
        ),
        Message("user", [Text("go on")]),
    )
    shown = {"type": "image_url", "image_url": {"url": "https://x"}}
    assert [call["function"]["arguments"] for call in written[0].pop("tool_calls")] == ["{}", "{}"]
    assert written == [
        {"role": "assistant", "content": "so"},
        {"role": "tool", "tool_call_id": "c1", "content": "1\n2"},
        {"role": "tool", "tool_call_id": "c2", "content": ""},
        {"role": "user", "content": [shown, {"type": "text", "text": "first"}]},
        {"role": "user", "content": "go on"},
    ]
    assert (losses.parameters, losses.content) == (["is_error"], [])


def test_results_that_come_late_are_put_behind_their_calls() -> None:
    written, losses = foreign(
        Message("assistant", [ToolCall("c1", "f", "{}")]),
        Message("user", [Text("wait")]),
        Message("tool", [ToolResult("c1", [Text("1")])]),
    )
    assert [each["role"] for each in written] == ["assistant", "tool", "user"]
    assert losses == Losses()


def test_a_picture_in_the_last_result_is_said_by_the_user() -> None:
    result = ToolResult("c1", [Media("image", url="https://x")])
    written, _ = foreign(Message("assistant", [ToolCall("c1", "f", "{}")]), Message("tool", [result]))
    assert [each["role"] for each in written] == ["assistant", "tool", "user"]
    assert written[2]["content"][0]["type"] == "image_url"


def test_a_result_without_its_call_is_lost_content() -> None:
    written, losses = foreign(Message("tool", [ToolResult("c9", [Text("1")])]))
    assert written == []
    assert losses.content == [Missing("messages[0].content[0]", "the result of a call that is not there")]


def test_long_ids_are_shortened_alike_in_call_and_result() -> None:
    long = "x" * 64
    written, _ = foreign(
        Message("assistant", [ToolCall(long, "f", "{}")]), Message("tool", [ToolResult(long, [Text("1")])])
    )
    assert written[0]["tool_calls"][0]["id"] == written[1]["tool_call_id"]
    assert len(written[1]["tool_call_id"]) <= 40


@pytest.mark.parametrize(
    ("part", "what"),
    [
        (Media("document", url="https://x"), "document by URL"),
        (Media("audio", data="A", mime="audio/flac"), "audio audio/flac"),
        (Media("video", url="https://x"), "video by URL"),
        (Unknown("messages", {"type": "container"}), "a part of type container of messages"),
        (Unknown("messages", 3), "a part of type only messages knows"),
        (ToolCall("c", "f", "{}"), "a toolcall in this place"),
    ],
)
def test_content_without_a_place_is_told_by_its_path(part: Part, what: str) -> None:
    _, losses = foreign(Message("user", [Text("x"), part]))
    assert losses.content == [Missing("messages[0].content[1]", what)]


def test_hosts_that_know_more_media_get_them() -> None:
    film, picture = Media("video", url="https://x"), Media("image", url="https://x")
    written, losses = foreign(Message("user", [film]), quirks=keeping("video_url"))
    assert written[0]["content"][0]["type"] == "video_url"
    drawn = Message("assistant", [Text("here"), picture])
    written, losses = foreign(drawn, quirks=keeping("images"))
    assert written[0]["images"][0]["image_url"] == {"url": "https://x"}
    assert not losses.content
    assert foreign(drawn)[1].content == [Missing("messages[0].content[1]", "image by URL by the assistant")]


SIGNED = Reasoning("hm", "sig", origin="anthropic-messages")


@pytest.mark.parametrize(
    ("member", "expected", "lost"),
    [
        (None, {}, ["reasoning"]),
        ("never", {}, ["reasoning"]),
        ("reasoning_content", {"reasoning_content": "hm"}, []),
        ("reasoning", {"reasoning": "hm"}, []),
    ],
)
def test_thoughts_go_where_the_host_takes_them(
    member: str | None, expected: dict[str, Any], lost: list[str]
) -> None:
    written, losses = foreign(Message("assistant", [SIGNED, Text("x")]), quirks=Quirks(reasoning=member))
    assert written == [{"role": "assistant", "content": "x", **expected}]
    assert losses.parameters == lost


def test_gateways_get_thoughts_without_the_signatures_of_others() -> None:
    quirks = Quirks(reasoning="reasoning_details")
    written, losses = foreign(Message("assistant", [SIGNED, Text("x")]), quirks=quirks)
    (detail,) = written[0]["reasoning_details"]
    assert detail["text"] == SIGNED.text
    assert "signature" not in detail
    assert losses.parameters == ["reasoning"]


def test_hidden_thoughts_have_no_text_to_tell() -> None:
    hidden = Reasoning("", redacted="d", origin="openai-responses")
    _, losses = foreign(Message("assistant", [hidden]), quirks=Quirks(reasoning="reasoning"))
    assert losses.parameters == ["reasoning"]


def test_marks_of_the_prompt_cache_go_to_hosts_that_know_them() -> None:
    fields = {"tools": [Tool("f", cache=CACHE)]}
    message = Message("user", [Text("x", cache=CACHE)])
    written, losses = foreign(message, **fields)
    assert written == [{"role": "user", "content": "x"}]
    assert losses.parameters == ["cache_control"]
    written, losses = foreign(message, quirks=keeping("cache_control"), **fields)
    assert written[0]["content"][0]["cache_control"] == CACHE
    assert losses == Losses()


def test_tools_of_other_dialects() -> None:
    tools = [Tool("f", strict=True), Unknown("messages", {"type": "bash_20250124"})]
    chat = Chat("m", [], tools=tools, tool_choice=ToolChoice("required", ("f",)), dialect="messages")
    body, losses = encoded(chat)
    function = {"name": "f", "parameters": {"type": "object", "properties": {}}, "strict": True}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "f"}}
    assert losses.content == [Missing("tools[1]", "a tool of type bash_20250124 of messages")]
    assert "tool_choice" not in encoded(Chat("m", [], tool_choice=ToolChoice("auto"), dialect="messages"))[0]


def test_citations_in_what_the_user_says_are_reported() -> None:
    written, losses = foreign(Message("user", [Text("x", citations=[Citation("https://x")])]))
    assert written == [{"role": "user", "content": "x"}]
    assert losses.parameters == ["citations"]


def test_what_other_dialects_know_is_reported() -> None:
    extra = {"messages": {"container": 1, "~note": 2, "nothing": None}}
    cited = Text("x", citations=[Citation("https://x")])
    messages = [
        Message("user", [Text("x", extra)], extra),
        Message("assistant", [cited, ToolCall("c", "f", "{}", extra)]),
    ]
    _, losses = foreign(*messages, tools=[Tool("f", extra=extra)], extra=extra)
    assert sorted(losses.parameters) == [
        "citations",
        "container",
        "messages.container",
        "messages.content.container",
        "messages.tool_calls.container",
        "tools.container",
    ]
