"""An assistant's turn."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import BadRequest
from pointsman.types import Citation, Extra, Media, Message, Part, Reasoning, Text, ToolCall, Unknown
from pointsman_openai.turns import citation_object, decode_citation, decode_turn, is_plain, turn_parts

PAGE = {
    "type": "url_citation",
    "url_citation": {"url": "https://x", "title": "X", "content": "q", "start_index": 0, "end_index": 1},
}
FILE = {"type": "file", "file": {"hash": "h", "name": "a.pdf"}}


def answered(**members: Any) -> Message:
    return decode_turn({"role": "assistant", **members}, "", made_id=lambda place: f"made_{place}")


def test_everything_a_host_may_answer_with() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x"}}
    found = answered(
        content="hi",
        reasoning="hm",
        refusal="no",
        annotations=[PAGE],
        images=[picture],
        tool_calls=[{"function": {"name": "f"}}],
        audio={"id": "a"},
    )
    assert [type(part).__name__ for part in found.parts] == [
        "Reasoning",
        "Text",
        "Text",
        "Media",
        "ToolCall",
    ]
    assert found.parts[3] == Media("image", url="https://x")
    call = found.parts[4]
    assert isinstance(call, ToolCall)
    assert (call.id, call.arguments) == ("made_0", "")
    assert found.extra["openai-chat"]["audio"] == {"id": "a"}


@pytest.mark.parametrize(
    "members",
    [
        {"content": 3},
        {"content": {"x": 1}},
        {"content": [1, "x", {"type": None}, {"type": "text"}]},
        {"tool_calls": "f"},
        {"tool_calls": [1, {"function": None}, {"id": 3}]},
        {"function_call": 3},
        {"function_call": {"name": 1}},
        {"annotations": [1], "content": "x"},
        {"images": [1]},
        {"images": 3},
        {"reasoning": 3, "reasoning_details": [1]},
        {"refusal": 3},
    ],
)
def test_no_answer_is_too_odd_to_be_read(members: dict[str, Any]) -> None:
    found = answered(**members)
    carried = [part.data for part in found.parts if isinstance(part, Unknown)]
    kept = found.extra.get("openai-chat", {})
    for name, value in members.items():
        if name != "content" or not isinstance(value, str):
            assert kept.get(name) == value or carried == value


def test_fillers_are_no_calls() -> None:
    found = answered(content="x", function_call={"name": "", "arguments": ""}, tool_calls=None, refusal="")
    assert found.parts == [Text("x")]


def test_citations_come_back_as_they_were() -> None:
    odd = {"type": "url_citation", "url_citation": {"url": "https://x", "title": None, "z": 1}, "index": 1}
    for data in (PAGE, FILE, odd):
        assert citation_object(decode_citation(data)) == data
    assert decode_citation(PAGE) == Citation("https://x", "X", "q", 0, 1)
    assert citation_object(Citation(quote="in a book")) is None


def test_the_last_text_has_the_citations() -> None:
    content = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    texts = answered(content=content, annotations=[PAGE]).parts
    assert [len(part.citations) for part in texts if isinstance(part, Text)] == [0, 1]


def test_a_bad_turn_of_the_history_is_refused_by_its_path() -> None:
    with pytest.raises(BadRequest) as refused:
        decode_turn({"role": "assistant", "tool_calls": [{"id": "x", "function": {}}]}, "messages[1]")
    assert refused.value.param == "messages[1].tool_calls[0].function.name"


def test_members_of_their_own() -> None:
    own: dict[str, dict[str, Any]] = {"openai-chat": {"~older": True}}
    message = Message("assistant", [Text("a"), Text("no", refusal=True), ToolCall("f", "f", "{}", own)])
    assert turn_parts(message) == {"refusal": "no", "function_call": {"name": "f", "arguments": "{}"}}


def test_ids_are_made_only_for_calls_that_have_none() -> None:
    made: list[int] = []

    def make(place: int) -> str:
        made.append(place)
        return f"made_{place}"

    calls = [{"id": given, "function": {"name": "f", "arguments": "{}"}} for given in ("c", "", None, 3)]
    found = decode_turn({"role": "assistant", "tool_calls": calls}, "", made_id=make)
    assert [part.id for part in found.parts if isinstance(part, ToolCall)] == [
        "c",
        "made_1",
        "made_2",
        "made_3",
    ]
    assert made == [1, 2, 3]


@pytest.mark.parametrize(
    ("parts", "extra", "plain"),
    [
        ([], {}, True),
        (
            [Text("x", {"other": {"a": 1}}), ToolCall("c", "f", "{}", {"other": {"a": 1}})],
            {"other": {}},
            True,
        ),
        ([Text("x")], {"openai-chat": {"~thought": {"reasoning": ""}}}, False),
        ([Text("x"), Text("no", refusal=True)], {}, False),
        ([Text("x", citations=[Citation("https://x")])], {}, False),
        ([ToolCall("f", "f", "{}", {"openai-chat": {"~older": True}})], {}, False),
        ([Reasoning("hm"), Text("x")], {}, False),
        ([Media("image", url="https://x")], {}, False),
        ([Unknown("openai-chat", {})], {}, False),
    ],
)
def test_a_plain_turn_is_texts_and_calls_and_nothing_else(
    parts: list[Part], extra: Extra, plain: bool
) -> None:
    assert is_plain(Message("assistant", parts, extra)) is plain
