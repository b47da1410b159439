"""Messages from another dialect."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.losses import Losses
from pointsman.types import Citation, Media, Message, Part, Reasoning, Text, ToolCall, ToolResult, Unknown
from pointsman_anthropic.names import DIALECT, tool_id
from pointsman_anthropic.turns import Turns

PDF = "JVBERi0xLjQ="


def gathered(*messages: Message) -> tuple[Turns, Losses]:
    losses = Losses()
    turns = Turns(losses)
    for index, message in enumerate(messages):
        message.path = message.path or f"messages[{index}]"
        turns.take(message)
    turns.finish()
    return turns, losses


def user(*parts: Part) -> Message:
    return Message("user", list(parts))


def assistant(*parts: Part) -> Message:
    return Message("assistant", list(parts))


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def test_leading_instructions_are_the_system_prompt() -> None:
    turns, losses = gathered(
        Message("system", [Text("a")]), Message("developer", [Text("b")]), user(Text("c"))
    )
    assert turns.system == [text("a"), text("b")]
    assert turns.turns == [{"role": "user", "content": [text("c")]}]
    assert losses.parameters == []


def test_later_instructions_move_there_and_it_is_told() -> None:
    turns, losses = gathered(user(Text("a")), Message("system", [Text("b")]), user(Text("c")))
    assert turns.system == [text("b")]
    assert turns.turns == [{"role": "user", "content": [text("a"), text("c")]}]
    assert losses.parameters == ["messages.role"]


def test_instructions_alone_become_the_users() -> None:
    turns, losses = gathered(Message("system", [Text("a")]))
    assert (turns.system, turns.turns) == ([], [{"role": "user", "content": [text("a")]}])
    assert losses.parameters == ["messages.role"]


def test_results_of_a_turn_come_first_in_one_message() -> None:
    turns, losses = gathered(
        user(Text("go")),
        assistant(Text("calling"), ToolCall("c1", "f", '{"a":1}'), ToolCall("c2", "g", "")),
        Message("tool", [ToolResult("c1", [Text("one")])]),
        user(Text("hurry")),
        Message("tool", [ToolResult("c2", [Text("two")], is_error=True)]),
    )
    assert losses == Losses()
    assert turns.turns[1]["content"] == [
        text("calling"),
        {"type": "tool_use", "id": "c1", "name": "f", "input": {"a": 1}},
        {"type": "tool_use", "id": "c2", "name": "g", "input": {}},
    ]
    assert turns.turns[2] == {
        "role": "user",
        "content": [
            {"type": "tool_result", "tool_use_id": "c1", "content": [text("one")]},
            {"type": "tool_result", "tool_use_id": "c2", "content": [text("two")], "is_error": True},
            text("hurry"),
        ],
    }
    assert len(turns.turns) == 3


def test_messages_of_one_side_are_one_turn() -> None:
    turns, _ = gathered(user(Text("a")), user(Text("b")), assistant(Text("c")), assistant(Text("d ")))
    assert [(each["role"], len(each["content"])) for each in turns.turns] == [("user", 2), ("assistant", 2)]


def test_ids_are_mapped_alike_for_call_and_result() -> None:
    turns, _ = gathered(
        user(Text("go")),
        assistant(ToolCall("functions.f:0", "f", "{}")),
        Message("tool", [ToolResult("functions.f:0", [Text("x")])]),
    )
    call, result = turns.turns[1]["content"][0], turns.turns[2]["content"][0]
    assert call["id"] == result["tool_use_id"] == tool_id("functions.f:0") != "functions.f:0"


def test_what_says_nothing_is_left_out() -> None:
    turns, losses = gathered(user(Text("a")), assistant(Text("")), user(Text(" \n"), Text("b")))
    assert turns.turns == [{"role": "user", "content": [text("a"), text("b")]}]
    assert losses == Losses()


def test_a_last_answer_begun_does_not_end_in_space() -> None:
    turns, _ = gathered(user(Text("a")), assistant(Text("The answer is ")))
    assert turns.turns[-1]["content"] == [text("The answer is")]


def test_an_empty_result_has_no_content() -> None:
    turns, _ = gathered(assistant(ToolCall("c", "f", "")), Message("tool", [ToolResult("c", [Text("")])]))
    assert turns.turns[1]["content"] == [{"type": "tool_result", "tool_use_id": "c"}]


def test_thoughts_go_where_they_came_from_and_nowhere_else() -> None:
    own = Reasoning("Hm", signature="s", origin=DIALECT)
    hidden = Reasoning("", redacted="r", origin=DIALECT)
    turns, losses = gathered(user(Text("a")), assistant(own, hidden, Text("b")))
    assert turns.turns[1]["content"][:2] == [
        {"type": "thinking", "thinking": "Hm", "signature": "s"},
        {"type": "redacted_thinking", "data": "r"},
    ]
    assert losses == Losses()
    for part in (
        Reasoning("Hm"),
        Reasoning("Hm", signature="s", origin="gemini"),
        Reasoning("Hm", origin=DIALECT),
    ):
        turns, losses = gathered(user(Text("a")), assistant(part))
        assert (len(turns.turns), losses.parameters, losses.content) == (1, ["reasoning"], [])


@pytest.mark.parametrize(
    ("part", "source"),
    [
        (Media("image", url="https://x/y"), {"type": "url", "url": "https://x/y"}),
        (
            Media("image", data="AAAA", mime="image/png", detail="auto"),
            {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        ),
        (Media("image", data="/9j/4"), {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4"}),
        (
            Media("image", data="AAAA", mime="image/jpg"),
            {"type": "base64", "media_type": "image/jpeg", "data": "AAAA"},
        ),
        (Media("document", url="https://x/y.pdf"), {"type": "url", "url": "https://x/y.pdf"}),
        (Media("document", data=PDF), {"type": "base64", "media_type": "application/pdf", "data": PDF}),
        (
            Media("document", data="R3LDvMOfZQ==", mime="text/markdown"),
            {"type": "text", "media_type": "text/plain", "data": "Grüße"},
        ),
    ],
)
def test_media_that_have_a_place(part: Media, source: dict[str, Any]) -> None:
    turns, losses = gathered(user(part))
    assert turns.turns[0]["content"] == [{"type": part.kind, "source": source}]
    assert losses == Losses()


@pytest.mark.parametrize(
    "part",
    [
        Media("image", data="AAAA", mime="image/svg+xml"),
        Media("image", data="AAAA"),
        Media("image"),
        Media("image", url="gs://bucket/x"),
        Media("audio", data="AAAA", mime="audio/wav"),
        Media("video", url="https://x/y.mp4"),
        Media("document", data="AAAA", mime="application/msword"),
        Media("document", data="!", mime="text/plain"),
        Unknown("other", {"type": "x"}),
        ToolResult("c", [Media("audio", data="A")]),
        ToolResult("c", [Reasoning("x")]),
        ToolCall("c", "bad name", "{}"),
    ],
    ids=str,
)
def test_content_without_a_place_is_told_by_its_path(part: Part) -> None:
    _, losses = gathered(user(Text("a")), user(Text("b"), part))
    assert [each.path for each in losses.content] == ["messages[1].content[1]"]


def test_names_and_marks_are_kept() -> None:
    mark = {"type": "ephemeral"}
    turns, _ = gathered(
        user(Media("document", data=PDF, name="T", cache=mark), Text("a", cache=mark)),
        assistant(ToolCall("c", "f", "{}", cache=mark)),
        Message("tool", [ToolResult("c", [], cache=mark)]),
    )
    blocks = [block for turn in turns.turns for block in turn["content"]]
    assert all(block["cache_control"] == mark for block in blocks)
    assert blocks[0]["title"] == "T"


def test_blocks_of_this_dialect_are_written_as_they_were() -> None:
    turns, losses = gathered(user(Unknown(DIALECT, {"type": "container_upload"}), Text("a")))
    assert turns.turns[0]["content"][0] == {"type": "container_upload"}
    assert losses == Losses()


def test_small_losses_are_told_by_name() -> None:
    message = user(
        Text("a", {"other": {"tone": "warm", "~note": 1}}, citations=[Citation(url="x")]),
        Media("image", url="https://x", detail="high"),
    )
    message.extra = {"other": {"name": "Ann"}}
    _, losses = gathered(message)
    assert losses.parameters == [
        "messages.name",
        "messages.content.tone",
        "annotations",
        "messages.content.detail",
    ]
    assert losses.content == []


def test_ids_that_repeat_are_told_apart_with_their_results() -> None:
    messages = []
    for city in ("Rome", "Oslo"):
        messages += [
            user(Text(city)),
            assistant(ToolCall("call_0", "weather", f'{{"city": "{city}"}}')),
            Message("tool", [ToolResult("call_0", [Text(f"fine in {city}")])]),
        ]
    turns, losses = gathered(*messages)
    blocks = [block for turn in turns.turns for block in turn["content"]]
    calls = [block["id"] for block in blocks if block["type"] == "tool_use"]
    results = {block["tool_use_id"]: block["content"] for block in blocks if block["type"] == "tool_result"}
    assert calls[0] == "call_0"
    assert len(set(calls)) == 2
    assert results == {calls[0]: [text("fine in Rome")], calls[1]: [text("fine in Oslo")]}
    assert losses == Losses()
