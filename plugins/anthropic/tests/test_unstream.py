"""Streams as canonical events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Quirks
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.testing import Recording
from pointsman.types import Finish, Reasoning, Response, Text, ToolCall, Unknown
from pointsman_anthropic import MessagesCodec
from pointsman_anthropic.names import DIALECT
from pointsman_anthropic.unstream import MessagesDecoder

Decoded = Callable[[bytes], tuple[list[Event], Response]]


def event(kind: str, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, **fields})}\n\n".encode()


def block(start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    events = [event("content_block_start", index=0, content_block=start)]
    events += [event("content_block_delta", index=0, delta=delta) for delta in deltas]
    return b"".join([*events, event("content_block_stop", index=0)])


def text(*words: str) -> bytes:
    return block({"type": "text", "text": ""}, *({"type": "text_delta", "text": each} for each in words))


USAGE = {"input_tokens": 5, "output_tokens": 1}
START = event(
    "message_start", message={"id": "msg_1", "model": "claude", "usage": USAGE, "stop_details": None}
)
STOP = event("message_stop")


def end(reason: str | None = "end_turn", **fields: Any) -> bytes:
    return event(
        "message_delta",
        delta={"stop_reason": reason, "stop_sequence": None, **fields},
        usage={"output_tokens": 9},
    )


def parts(found: tuple[list[Event], Response]) -> list[Any]:
    return found[1].choices[0].message.parts


def test_a_text_is_told_piece_by_piece(decoded: Decoded) -> None:
    events, response = decoded(START + text("He", "llo") + end() + STOP)
    assert [type(each) for each in events] == [
        Started,
        UsageUpdate,
        PartStart,
        PartDelta,
        PartDelta,
        PartEnd,
        UsageUpdate,
        Finished,
    ]
    assert (response.id, response.model, response.choices[0].message.text) == ("msg_1", "claude", "Hello")
    assert response.choices[0].finish == Finish("stop", "end_turn")
    assert response.usage is not None
    assert (response.usage.input, response.usage.output) == (5, 9)


def test_a_stream_and_a_whole_answer_tell_the_same(decoded: Decoded, codec: MessagesCodec) -> None:
    citation = {"type": "char_location", "cited_text": "w", "document_title": "T", "start_char_index": 1}
    stream = b"".join(
        [
            START,
            block(
                {"type": "thinking", "thinking": "", "signature": ""},
                {"type": "thinking_delta", "thinking": "Hm"},
                {"type": "signature_delta", "signature": "si"},
                {"type": "signature_delta", "signature": "g"},
            ),
            block({"type": "redacted_thinking", "data": "xyz"}),
            block(
                {"type": "text", "text": "", "citations": []},
                {"type": "citations_delta", "citation": citation},
                {"type": "text_delta", "text": "Hi"},
            ),
            block(
                {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}},
                {"type": "input_json_delta", "partial_json": '{"query":'},
                {"type": "input_json_delta", "partial_json": '"x"}'},
            ),
            block({"type": "web_search_tool_result", "tool_use_id": "s", "content": []}),
            block(
                {"type": "tool_use", "id": "t", "name": "f", "input": {}, "caller": {"type": "direct"}},
                {"type": "input_json_delta", "partial_json": ""},
                {"type": "input_json_delta", "partial_json": '{"a":1}'},
            ),
            block({"type": "tool_use", "id": "u", "name": "g", "input": {}}),
            end("tool_use", container={"id": "c"}),
            STOP,
        ]
    )
    whole = {
        "id": "msg_1",
        "model": "claude",
        "type": "message",
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "Hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "xyz"},
            {"type": "text", "text": "Hi", "citations": [citation]},
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}},
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": []},
            {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}, "caller": {"type": "direct"}},
            {"type": "tool_use", "id": "u", "name": "g", "input": {}},
        ],
        "stop_reason": "tool_use",
        "stop_sequence": None,
        "container": {"id": "c"},
        "usage": {"input_tokens": 5, "output_tokens": 9},
    }
    expected = codec.decode_response(json.dumps(whole).encode(), quirks=Quirks())
    expected.created = 0
    assert decoded(stream)[1] == expected


def test_blocks_that_begin_with_their_content_lose_none(decoded: Decoded) -> None:
    stream = (
        START
        + block({"type": "text", "text": "Hi "}, {"type": "text_delta", "text": "you"})
        + block({"type": "thinking", "thinking": "Hm", "signature": "s"})
        + block({"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}})
        + end()
    )
    assert parts(decoded(stream)) == [
        Text("Hi you"),
        Reasoning("Hm", signature="s", origin=DIALECT),
        ToolCall("t", "f", '{"a":1}'),
    ]


def test_a_call_makes_the_finish_a_call(decoded: Decoded) -> None:
    stream = START + block({"type": "tool_use", "id": "t", "name": "f", "input": {}}) + end("end_turn")
    assert decoded(stream)[1].choices[0].finish == Finish("tool_calls", "end_turn")


def test_blocks_known_to_this_dialect_alone_are_gathered(decoded: Decoded) -> None:
    stream = (
        START
        + block({"type": "compaction", "content": None}, {"type": "compaction_delta", "content": "a"})
        + block({"type": "new", "text": "a"}, {"type": "text_delta", "text": "b"})
        + block({"type": "server_tool_use", "input": {}}, {"type": "input_json_delta", "partial_json": "{"})
        + block(["odd"])  # type: ignore[arg-type]
        + end()
    )
    assert [part.data for part in parts(decoded(stream)) if isinstance(part, Unknown)] == [
        {"type": "compaction", "content": "a"},
        {"type": "new", "text": "ab"},
        {"type": "server_tool_use", "input": "{"},
        {"type": "unknown", "content": ["odd"]},
    ]


def test_members_of_the_end_belong_to_the_choice(decoded: Decoded) -> None:
    stream = START + event(
        "message_delta",
        delta={"stop_reason": "new", "stop_details": {"a": 1}},
        context_management={"applied_edits": []},
    )
    assert decoded(stream)[1].choices[0].extra == {
        DIALECT: {
            "stop_details": {"a": 1},
            "context_management": {"applied_edits": []},
            "~stop_reason": "new",
        }
    }


def test_hosts_that_leave_events_out_are_understood(decoded: Decoded) -> None:
    deltas = event("content_block_delta", delta={"type": "thinking_delta", "thinking": "Hm"})
    events, response = decoded(
        deltas + event("content_block_start", content_block={"type": "text", "text": "Hi"}) + end()
    )
    assert [type(part) for part in response.choices[0].message.parts] == [Reasoning, Text]
    assert isinstance(events[0], Started)
    assert sum(isinstance(each, PartEnd) for each in events) == 2


def test_odd_events_are_passed_over(decoded: Decoded) -> None:
    odd = b"".join(
        [
            b": comment\n\n",
            event("ping"),
            event("new"),
            event("content_block_stop"),
            event("content_block_delta", delta=None),
            event("content_block_delta", delta={"type": "signature_delta", "signature": "x"}),
            event("message_delta", delta=None, usage=None),
            block(
                {"type": "text", "text": ""},
                {"type": "citations_delta", "citation": 3},
                {"type": "text_delta", "text": None},
            ),
        ]
    )
    events, response = decoded(START + START + odd + end() + end("max_tokens") + STOP)
    assert response.choices[0].message.parts == [Text("")]
    assert response.choices[0].finish.native == "end_turn"
    assert sum(isinstance(each, Started) for each in events) == 1


def test_a_stop_without_a_reason_is_an_end_and_silence_is_none() -> None:
    decoder = MessagesDecoder()
    for each in (START, event("content_block_start", content_block={"type": "text", "text": "Hi"})):
        decoder.feed(each)
    assert (decoder.complete, decoder.ended, decoder.finish()) == (False, False, [])
    events = decoder.feed(STOP)
    assert [type(each) for each in events] == [PartEnd, Finished]
    assert (decoder.complete, decoder.ended, decoder.finish()) == (True, True, [])
    empty = MessagesDecoder()
    empty.feed(STOP)
    assert not empty.complete


def test_an_answer_is_complete_with_its_reason() -> None:
    decoder = MessagesDecoder()
    decoder.feed(START)
    decoder.feed(end())
    assert (decoder.complete, decoder.ended) == (True, False)


def test_errors_and_nonsense_are_raised() -> None:
    with pytest.raises(UpstreamStatus):
        MessagesDecoder().feed(event("error", error={"type": "overloaded_error", "message": "x"}))
    with pytest.raises(MalformedAnswer):
        MessagesDecoder().feed(b"data: {\n\n")


def test_every_recorded_stream_makes_an_answer(streams: list[Recording], decoded: Decoded) -> None:
    for each in streams:
        events, response = decoded(each.body)
        choice = response.choices[0]
        sent = [json.loads(line[6:]) for line in each.body.decode().splitlines() if line.startswith("data: ")]
        words = "".join(
            one["delta"]["text"]
            for one in sent
            if one["type"] == "content_block_delta" and one["delta"]["type"] == "text_delta"
        )
        assert choice.message.text == words, each.id
        blocks = [one for one in sent if one["type"] == "content_block_start"]
        assert len(choice.message.parts) == len(blocks), each.id
        assert response.usage is not None
        assert isinstance(events[-1], Finished)
