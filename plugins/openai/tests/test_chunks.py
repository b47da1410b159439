"""Streams as canonical events."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.events import Event, Finished, Started, UsageUpdate, accumulate
from pointsman.sse import format_event
from pointsman.types import Peek
from pointsman_openai.chunks import ChatChunks

DONE = format_event(b"[DONE]")


def decoder(choices: int = 1) -> ChatChunks:
    return ChatChunks(peek=Peek("asked", stream=True, choices=choices))


def event(**members: Any) -> bytes:
    return format_event(json.dumps(members).encode())


def chunk(
    delta: dict[str, Any] | None = None, finish: str | None = None, index: Any = 0, **members: Any
) -> bytes:
    choice = {"index": index, "delta": delta or {}, "finish_reason": finish}
    return event(id="x", created=7, model="m", choices=[choice], **members)


def fed(reader: ChatChunks, *events: bytes) -> list[Event]:
    return [found for each in events for found in reader.feed(each)]


def test_a_stream_is_a_head_parts_and_an_end() -> None:
    reader = decoder()
    events = fed(reader, chunk({"role": "assistant", "content": ""}), chunk({"content": "hi"}))
    assert not reader.complete
    events += fed(reader, chunk(finish="stop"))
    assert reader.complete
    assert not reader.ended
    assert fed(reader, DONE) == []
    assert reader.ended
    assert reader.finish() == []
    answer = accumulate(events)
    assert (answer.id, answer.model, answer.created) == ("x", "m", 7)
    assert answer.choices[0].message.text == "hi"
    assert answer.choices[0].finish.native == "stop"


def test_the_head_waits_for_a_choice() -> None:
    reader = decoder()
    early = event(id="", model="", created=0, choices=[], prompt_filter_results=[1])
    events = fed(reader, early, chunk({"content": "a"}, provider="p", obfuscation="zzz"))
    assert events[0] == Started("x", "m", 7, {"openai-chat": {"prompt_filter_results": [1], "provider": "p"}})


def test_a_head_that_tells_nothing_has_the_model_asked_for() -> None:
    assert fed(decoder(), event(choices=[{"delta": {"content": "a"}}]))[0] == Started("", "asked", 0)


def test_several_choices_grow_side_by_side() -> None:
    reader = decoder(2)
    events = fed(
        reader, chunk({"content": "a"}), chunk({"content": "b"}, index=1), chunk({}, "stop", index=1)
    )
    assert not reader.complete
    events += fed(reader, chunk({"content": "A"}, "length"))
    assert reader.complete
    assert [choice.message.text for choice in accumulate(events).choices] == ["aA", "b"]


@pytest.mark.parametrize(
    "told",
    [
        event(choices=[], usage={"prompt_tokens": 1, "completion_tokens": 2}, service_tier="flex"),
        chunk(usage={"prompt_tokens": 1, "completion_tokens": 2}, service_tier="flex"),
        event(x_groq={"usage": {"prompt_tokens": 1, "completion_tokens": 2}}, service_tier="flex"),
    ],
)
def test_usage_comes_anywhere(told: bytes) -> None:
    (update,) = (each for each in fed(decoder(), told) if isinstance(each, UsageUpdate))
    assert (update.usage.input, update.usage.output, update.usage.service_tier) == (1, 2, "flex")


def test_an_end_told_twice_is_one() -> None:
    events = fed(decoder(), chunk({"content": "a"}), chunk(finish="stop"), chunk({"content": ""}, "stop"))
    assert sum(isinstance(each, Finished) for each in events) == 1


def test_a_stream_may_end_without_a_reason() -> None:
    reader = decoder()
    events = fed(reader, chunk({"content": "a"}), DONE)
    assert reader.complete
    answer = accumulate(events + reader.finish())
    assert (answer.choices[0].message.text, answer.choices[0].finish.reason) == ("a", "stop")


def test_an_end_after_nothing_is_no_answer() -> None:
    reader = decoder()
    assert fed(reader, chunk({"role": "assistant", "content": ""}), DONE)[1:] == []
    assert reader.ended
    assert not reader.complete


def test_comments_and_empty_data_say_nothing() -> None:
    reader = decoder()
    assert fed(reader, b": ping\n\n", b"data: \n\n", b"data:  [DONE] \n\n") == []
    assert reader.ended


@pytest.mark.parametrize("data", [b"data: nonsense\n\n", b"data: [1]\n\n", b'data: {"a": "\xff"}\n\n'])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        decoder().feed(data)


@pytest.mark.parametrize(
    "data",
    [
        event(error={"message": "slow", "code": 429}, choices=[]),
        b'event: error\ndata: {"message": "slow", "code": 429}\n\n',
        event(object="error", message="slow", code=429),
    ],
)
def test_an_error_in_the_stream_is_raised(data: bytes) -> None:
    with pytest.raises(UpstreamStatus) as raised:
        decoder().feed(data)
    assert raised.value.upstream_status == 429


def test_an_error_in_plain_words_is_raised() -> None:
    with pytest.raises(UpstreamStatus, match="broke"):
        decoder().feed(b"event: error\ndata: it broke\n\n")


@pytest.mark.parametrize(
    "data",
    [event(choices=3), event(choices=[3]), event(error=None), event(choices=[{"index": "0"}], usage=3)],
)
def test_odd_events_are_read(data: bytes) -> None:
    assert all(isinstance(each, Started) for each in decoder().feed(data))
