"""One choice of a stream."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, accumulate
from pointsman.types import Choice, Citation, Media, Reasoning, Text, ToolCall, Unknown
from pointsman_openai.growth import Growth

PAGE = {"type": "url_citation", "url_citation": {"url": "https://x"}}
CLAUDE = {"type": "reasoning.text", "format": "anthropic-claude-v1", "index": 0}


def events_of(*deltas: dict[str, Any], finish: str = "stop", **last: Any) -> list[Event]:
    growth, events = Growth(0, "seed"), list[Event]()
    for delta in deltas:
        growth.take({"index": 0, "delta": delta}, events)
    growth.take({"delta": {}, "finish_reason": finish, **last}, events)
    growth.finish({"finish_reason": finish, **last}, events)
    growth.finish({}, events)
    assert sum(isinstance(event, Finished) for event in events) == 1
    return events


def grown(*deltas: dict[str, Any], **last: Any) -> Choice:
    return accumulate([Started("x", "m", 0), *events_of(*deltas, **last)]).choices[0]


def test_a_part_ends_where_another_begins() -> None:
    call = {"index": 0, "id": "c", "function": {"name": "f", "arguments": "{}"}}
    events = events_of({"role": "assistant", "reasoning": "hm"}, {"content": "a"}, {"tool_calls": [call]})
    order = [
        (type(event).__name__, event.index)
        for event in events
        if isinstance(event, PartStart | PartDelta | PartEnd)
    ]
    whole = ["PartStart", "PartDelta", "PartEnd"]
    assert order == [(name, index) for index in range(3) for name in whole]


def test_all_kinds_of_parts_are_read() -> None:
    picture = {"type": "image_url", "image_url": {"url": "https://x"}}
    choice = grown(
        {"reasoning_content": "h"},
        {"reasoning_content": "m"},
        {"content": "a"},
        {"content": ""},
        {"content": "b"},
        {"images": [picture]},
        {"refusal": "no"},
    )
    assert choice.message.parts == [
        Reasoning("hm"),
        Text("ab"),
        Media("image", url="https://x"),
        Text("no", refusal=True),
    ]


def test_content_may_be_a_list_with_thoughts_in_it() -> None:
    thinking = [{"content": [{"type": "thinking", "thinking": [{"text": each}]}]} for each in "hm"]
    reference = {"type": "reference", "reference_ids": [1]}
    choice = grown(*thinking, {"content": [{"type": "text", "text": "a"}, reference, 3]})
    assert choice.message.parts == [
        Reasoning("hm"),
        Text("a"),
        Unknown("openai-chat", reference),
        Unknown("openai-chat", 3),
    ]


def test_details_repeat_the_text_and_sign_it_at_the_end() -> None:
    choice = grown(
        {"reasoning": None, "reasoning_details": [{**CLAUDE, "text": "", "signature": ""}]},
        {"reasoning": "h", "reasoning_details": [{**CLAUDE, "text": "h"}]},
        {"reasoning": "m", "reasoning_details": [{**CLAUDE, "text": "m"}]},
        {"content": "", "reasoning_details": [{**CLAUDE, "signature": "sig"}]},
        {"content": "a"},
    )
    assert choice.message.parts == [Reasoning("hm", "sig", origin="anthropic-messages"), Text("a")]


def test_details_alone_are_thoughts_too() -> None:
    summary = {"type": "reasoning.summary", "summary": "s", "format": "openai-responses-v1", "index": 0}
    hidden = {"type": "reasoning.encrypted", "data": "d", "format": "openai-responses-v1", "index": 0}
    merged = Reasoning("s", origin="openai-responses", redacted="d", summary=True)
    assert grown({"reasoning_details": [summary]}, {"reasoning_details": [hidden]}).message.parts == [merged]
    alone = grown(
        {"reasoning_details": [{**hidden, "id": "rs"}]}, {"reasoning_details": [{**CLAUDE, "text": "b"}]}
    )
    assert alone.message.parts == [
        Reasoning("", origin="openai-responses", redacted="d", id="rs"),
        Reasoning("b", origin="anthropic-messages"),
    ]


def test_details_of_another_index_are_another_thought() -> None:
    pieces = [{**CLAUDE, "text": text, "index": index} for text, index in (("a", 0), ("b", 0), ("c", 1))]
    found = grown(*({"reasoning_details": [piece]} for piece in pieces)).message.parts
    assert [part.text for part in found if isinstance(part, Reasoning)] == ["ab", "c"]


@pytest.mark.parametrize("early", [True, False])
def test_annotations_cite_the_text_they_come_with(early: bool) -> None:
    deltas = [{"annotations": [PAGE], "content": ""}, {"content": "a"}]
    parts = grown(*(deltas if early else reversed(deltas))).message.parts
    assert parts == [Text("a", citations=[Citation("https://x")])]


def test_annotations_without_a_text_stay_with_the_message() -> None:
    assert grown({"annotations": [PAGE]}).message.extra == {"openai-chat": {"annotations": [PAGE]}}


def test_log_probabilities_wait_for_their_text() -> None:
    growth, events = Growth(0, "seed"), list[Event]()
    growth.take({"delta": {"role": "assistant"}, "logprobs": {"content": [1], "refusal": None}}, events)
    growth.take({"delta": {"content": "a"}, "logprobs": {"content": [2]}}, events)
    delta = next(event for event in events if isinstance(event, PartDelta))
    assert delta.logprobs == [1, 2]


def test_sound_is_joined_and_what_else_comes_is_kept() -> None:
    choice = grown(
        {"audio": {"id": "a", "data": "AA", "transcript": "he"}, "channel": "x"},
        {"audio": {"data": "BB", "transcript": "llo", "expires_at": 3}, "nothing": None},
    )
    sound = {"id": "a", "data": "AABB", "transcript": "hello", "expires_at": 3}
    assert choice.message.extra == {"openai-chat": {"audio": sound, "channel": "x"}}


def test_the_end_tells_why_and_what_else_the_choice_holds() -> None:
    choice = grown({"content": "a"}, finish="length", native_finish_reason="MAX", stop_reason="END")
    assert (choice.finish.reason, choice.finish.native, choice.finish.sequence) == ("length", "length", "END")
    assert choice.extra["openai-chat"]["native_finish_reason"] == "MAX"
    assert grown({"function_call": {"name": "f", "arguments": "{}"}}).finish.reason == "tool_calls"


def test_a_chunk_may_hold_a_message_or_a_text() -> None:
    growth, events = Growth(0, "seed"), list[Event]()
    growth.take({"message": {"content": "a"}}, events)
    growth.take({"text": "b"}, events)
    assert [event.text for event in events if isinstance(event, PartDelta)] == ["a", "b"]


@pytest.mark.parametrize(
    "delta",
    [
        {"content": 3},
        {"reasoning_details": [1, {}, {"type": 3}]},
        {"images": [3]},
        {"tool_calls": 3},
        {"annotations": "x"},
        {"refusal": 3},
        {"function_call": 3},
    ],
)
def test_no_delta_is_too_odd(delta: dict[str, Any]) -> None:
    parts = grown({"content": "a"}, delta).message.parts
    assert parts[0] == Text("a")
    assert all(isinstance(part, Unknown | ToolCall) for part in parts[1:])
