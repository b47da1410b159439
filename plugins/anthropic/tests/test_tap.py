"""The tap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Mark, Quirks
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.sse import Splitter
from pointsman.testing import Recording
from pointsman.types import Peek, Usage
from pointsman_anthropic import MessagesCodec
from pointsman_anthropic.tap import CountTap, MessagesTap

NOTHING, CONTENT = Mark.NOTHING, Mark.CONTENT


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def delta(**fields: Any) -> bytes:
    return event("content_block_delta", index=0, delta=fields)


def block(**fields: Any) -> bytes:
    return event("content_block_start", index=0, content_block=fields)


@pytest.mark.parametrize(
    ("data", "mark"),
    [
        (b": ping\n\n", NOTHING),
        (event("ping"), NOTHING),
        (event("message_start", message={"usage": {"input_tokens": 1}}), NOTHING),
        (event("message_start", message=None), NOTHING),
        (block(type="text", text=""), NOTHING),
        (block(type="thinking", thinking="", signature=""), NOTHING),
        (block(type="text", text="Hi"), CONTENT),
        (block(type="tool_use", id="t", name="f", input={}), CONTENT),
        (block(type="server_tool_use", id="t", name="f", input={}), CONTENT),
        (block(type="redacted_thinking", data="x"), CONTENT),
        (event("content_block_start", index=0, content_block=3), NOTHING),
        (delta(type="text_delta", text="Hi"), CONTENT),
        (delta(type="text_delta", text=""), NOTHING),
        (delta(type="text_delta", text=None), NOTHING),
        (delta(type="thinking_delta", thinking="Hm"), CONTENT),
        (delta(type="input_json_delta", partial_json="{"), CONTENT),
        (delta(type="input_json_delta", partial_json=""), NOTHING),
        (delta(type="citations_delta", citation={}), CONTENT),
        (delta(type="signature_delta", signature="x"), NOTHING),
        (event("content_block_delta", delta=None), NOTHING),
        (event("content_block_stop", index=0), NOTHING),
        (event("message_delta", delta={"stop_reason": None}, usage={"output_tokens": 1}), NOTHING),
        (event("message_delta", delta={"stop_reason": "end_turn"}), Mark.FINISH | Mark.HOLD),
        (event("message_stop"), Mark.DONE),
        (event("something_new", x=1), NOTHING),
        (b"data: [DONE]\n\n", NOTHING),
        (b"event: ping\ndata:\n\n", NOTHING),
    ],
)
def test_each_event_has_its_mark(data: bytes, mark: Mark) -> None:
    assert MessagesTap().feed(data) == mark


def test_usage_is_gathered_from_both_ends() -> None:
    tap = MessagesTap()
    tap.feed(
        event(
            "message_start",
            message={
                "model": "m-1",
                "usage": {"input_tokens": 5, "cache_read_input_tokens": 2, "output_tokens": 1},
            },
        )
    )
    assert tap.model == "m-1"
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.output) == (7, 1)
    tap.feed(event("message_delta", delta={"stop_reason": "tool_use"}, usage={"output_tokens": 9}))
    assert (tap.usage.input, tap.usage.output, tap.finish, tap.complete) == (7, 9, "tool_use", True)


def test_a_stream_that_only_began_and_stopped_is_whole_and_one_that_said_nothing_is_not() -> None:
    tap = MessagesTap()
    tap.feed(event("message_start", message={}))
    assert not tap.complete
    tap.feed(event("message_stop"))
    assert tap.complete
    empty = MessagesTap()
    empty.feed(event("message_stop"))
    assert not empty.complete


def test_what_was_written_is_counted() -> None:
    tap = MessagesTap()
    for data in (
        block(type="text", text="ab"),
        delta(type="thinking_delta", thinking="cde"),
        delta(partial_json="{}"),
    ):
        tap.feed(data)
    assert tap.output_characters == 7


@pytest.mark.parametrize(
    "data",
    [
        event("error", error={"type": "overloaded_error", "message": "Overloaded"}),
        b'data: {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n',
        b'data: {"error": {"type": "overloaded_error", "message": "Overloaded"}}\n\n',
        b'event: error\ndata: {"type": "overloaded_error", "message": "Overloaded"}\n\n',
    ],
)
def test_an_error_event_is_raised(data: bytes) -> None:
    with pytest.raises(UpstreamStatus) as caught:
        MessagesTap().feed(data)
    assert (caught.value.upstream_status, caught.value.phase) == (529, "stream")


def test_an_error_in_plain_words_is_raised() -> None:
    with pytest.raises(UpstreamStatus, match="all is lost"):
        MessagesTap().feed(b"event: error\ndata: all is lost\n\n")


@pytest.mark.parametrize("data", [b"data: {\n\n", b"data: [1]\n\n", b'data: {"type": "\xff"}\n\n'])
def test_nonsense_is_raised(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        MessagesTap().feed(data)


def test_a_whole_answer_is_read() -> None:
    tap = MessagesTap()
    content = [{"type": "text", "text": "abc"}, {"type": "tool_use", "input": {"a": 1}}, "odd"]
    body = {"content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 1, "output_tokens": 2}}
    tap.whole(json.dumps({**body, "model": 7}).encode())
    assert tap.model is None
    tap.whole(json.dumps({**body, "model": "m-1"}).encode())
    assert tap.model == "m-1"
    assert tap.usage is not None
    assert (tap.usage.output, tap.finish, tap.output_characters, tap.complete) == (2, "tool_use", 20, True)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"content": "x"}'])
def test_a_whole_answer_that_is_none_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        MessagesTap().whole(body)


@pytest.mark.parametrize(
    "body", [b'{"type": "error", "error": {"type": "rate_limit_error"}}', b'{"error": "x"}']
)
def test_an_error_in_place_of_an_answer_is_raised(body: bytes) -> None:
    with pytest.raises(UpstreamStatus):
        MessagesTap().whole(body)


def test_a_count_uses_nothing() -> None:
    tap = CountTap()
    tap.whole(b'{"input_tokens": 14}')
    assert tap.usage == Usage(raw={"input_tokens": 14})
    assert tap.complete
    with pytest.raises(MalformedAnswer):
        tap.whole(b"{}")
    with pytest.raises(MalformedAnswer):
        tap.feed(event("ping"))


def test_the_tap_counts_what_the_decoders_count(answers: list[Recording], streams: list[Recording]) -> None:
    codec, quirks = MessagesCodec(), Quirks()
    for each in answers:
        tap = codec.tap(peek=Peek("m"), quirks=quirks)
        tap.whole(each.body)
        response = codec.decode_response(each.body, quirks=quirks)
        assert (tap.usage, tap.finish) == (response.usage, response.choices[0].finish.native), each.id
    for each in streams:
        tap, decoder = (
            codec.tap(peek=Peek("m"), quirks=quirks),
            codec.decode_stream(peek=Peek("m"), quirks=quirks),
        )
        marks = [tap.feed(event) for event in Splitter(10**7).feed(each.body)]
        events = [found for event in Splitter(10**7).feed(each.body) for found in decoder.feed(event)]
        assert [found.usage for found in events if hasattr(found, "usage")][-1] == tap.usage, each.id
        assert marks[-1] == Mark.DONE
        assert any(mark & Mark.HOLD for mark in marks)
        assert tap.complete
        assert decoder.complete
        assert decoder.ended
