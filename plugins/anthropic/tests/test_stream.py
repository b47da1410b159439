"""Canonical events as a stream."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Mark
from pointsman.events import (
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
    explode,
)
from pointsman.losses import Losses
from pointsman.sealing import unseal
from pointsman.testing import Recording
from pointsman.types import (
    Choice,
    Citation,
    Finish,
    Media,
    Message,
    Part,
    Peek,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)
from pointsman_anthropic.names import DIALECT, tool_id
from pointsman_anthropic.stream import MessagesStream
from pointsman_anthropic.tap import MessagesTap

Decoded = Callable[[bytes], tuple[list[Event], Response]]


def written(events: list[Event]) -> tuple[list[dict[str, Any]], list[Mark], Losses]:
    """The events a client sees, the marks of the last ones, and what was lost. Blocks must not overlap."""
    losses = Losses()
    encoder = MessagesStream(Peek("asked"), losses)
    data = b"".join(encoder.feed(each) for each in events)
    ending = encoder.finish()
    data += b"".join(each for each, _ in ending)
    found = []
    tap = MessagesTap()
    for block in data.decode().split("\n\n")[:-1]:
        name, line = block.split("\n")
        tap.feed(f"{block}\n\n".encode())
        found.append(json.loads(line.removeprefix("data: ")))
        assert name == f"event: {found[-1]['type']}"
    check_order(found)
    assert tap.complete
    return found, [mark for _, mark in ending], losses


def check_order(events: list[dict[str, Any]]) -> None:
    """A stream of this dialect: its beginning, whole blocks one after the other, its end."""
    kinds = [each["type"] for each in events]
    assert kinds[0] == "message_start"
    assert kinds[-2:] == ["message_delta", "message_stop"]
    block, is_open = -1, False
    for each in events[1:-2]:
        if each["type"] == "content_block_start":
            assert not is_open
            block, is_open = block + 1, True
        else:
            assert each["type"] in ("content_block_delta", "content_block_stop")
            assert is_open
            is_open = each["type"] != "content_block_stop"
        assert each["index"] == block
    assert not is_open


def answer(*parts: Part, finish: Finish | None = None, **fields: Any) -> Response:
    choice = Choice(Message("assistant", list(parts)), finish or Finish("stop", "stop"))
    return Response("gen-1", "m", 0, [choice], **fields)


def test_a_small_stream_event_by_event() -> None:
    usage = Usage(input=10, output=5, cache_read=4)
    events, marks, losses = written(list(explode(answer(Text("Hi"), usage=usage))))
    assert events == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_gen-1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0},
            },
        },
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hi"}},
        {"type": "content_block_stop", "index": 0},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": None},
            "usage": {
                "input_tokens": 6,
                "cache_creation_input_tokens": 0,
                "cache_read_input_tokens": 4,
                "output_tokens": 5,
            },
        },
        {"type": "message_stop"},
    ]
    assert (marks, losses) == ([Mark.HOLD, Mark.DONE], Losses())


def test_usage_known_early_is_told_early() -> None:
    events, _, _ = written(
        [
            Started("msg_1", "m", 0),
            UsageUpdate(Usage(input=3)),
            PartStart(0, 0, Text("")),
            PartEnd(0, 0),
            Finished(0, Finish("stop")),
        ]
    )
    assert events[0]["message"]["usage"]["input_tokens"] == 3


def test_calls_have_their_arguments_in_pieces() -> None:
    call = ToolCall("call:1", "f", "")
    events, _, _ = written(
        [
            Started("1", "m", 0),
            PartStart(0, 0, call),
            PartDelta(0, 0, '{"a":'),
            PartDelta(0, 0, ""),
            PartDelta(0, 0, "1}"),
            PartEnd(0, 0),
            Finished(0, Finish("tool_calls", "tool_calls")),
        ]
    )
    assert events[1]["content_block"] == {
        "type": "tool_use",
        "id": tool_id("call:1"),
        "name": "f",
        "input": {},
    }
    assert [each["delta"]["partial_json"] for each in events[2:4]] == ['{"a":', "1}"]
    assert events[-2]["delta"]["stop_reason"] == "tool_use"


def test_parts_that_overlap_are_written_one_after_the_other() -> None:
    first, second = ToolCall("a", "f", ""), ToolCall("b", "g", "")
    events, _, losses = written(
        [
            Started("1", "m", 0),
            PartStart(0, 0, Text("")),
            PartDelta(0, 0, "H"),
            PartStart(0, 1, first),
            PartStart(0, 2, second),
            PartStart(0, 3, Text("")),
            PartDelta(0, 2, "{}"),
            PartDelta(0, 1, "[]"),
            PartEnd(0, 2),
            PartDelta(0, 0, "i"),
            PartEnd(0, 1),
            PartEnd(0, 0),
            PartDelta(0, 3, "end"),
            Finished(0, Finish("stop")),
        ]
    )
    deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
    assert [each.get("text") or each["partial_json"] for each in deltas] == ["H", "i", "[]", "{}", "end"]
    assert losses == Losses()


def test_thoughts_end_with_a_signature_or_the_seal_that_stands_for_it() -> None:
    sealed = Reasoning("Hm", signature="enc", origin="gemini", id="x")
    own = Reasoning("Ha", signature="sig", origin=DIALECT)
    hidden = Reasoning("", signature="enc", origin="openai-responses")
    bare = Reasoning("So", origin=DIALECT)
    redacted = Reasoning("", redacted="xyz", origin=DIALECT)
    events, _, _ = written(list(explode(answer(sealed, own, hidden, bare, redacted))))
    starts = [each["content_block"] for each in events if each["type"] == "content_block_start"]
    assert starts == [{"type": "thinking", "thinking": "", "signature": ""}] * 4 + [
        {"type": "redacted_thinking", "data": "xyz"}
    ]
    deltas = [each["delta"] for each in events if each["type"] == "content_block_delta"]
    assert [each["type"] for each in deltas] == [
        "thinking_delta",
        "signature_delta",
        "thinking_delta",
        "signature_delta",
        "signature_delta",
        "thinking_delta",
    ]
    assert unseal(deltas[1]["signature"], "Hm") == sealed
    assert deltas[3]["signature"] == "sig"
    assert unseal(deltas[4]["signature"]) == hidden


def test_what_has_no_place_is_left_out_and_told() -> None:
    events, _, losses = written(
        [
            Started("1", "m", 0, {"other": {"fingerprint": "x"}}),
            PartStart(0, 0, Media("image", data="AAAA")),
            PartEnd(0, 0),
            PartStart(0, 1, Unknown("other", {"type": "search"})),
            PartEnd(0, 1),
            PartStart(0, 2, Text("")),
            PartDelta(0, 2, "a", [{}]),
            Cited(0, 2, Citation(url="https://x")),
            PartEnd(0, 2),
            PartStart(1, 0, Text("b")),
            PartDelta(1, 0, "c"),
            Finished(1, Finish("stop")),
            Finished(0, Finish("stop"), {"other": {"index": 0}}, {"other": {"audio": 1}}),
        ]
    )
    assert [each["type"] for each in events].count("content_block_start") == 1
    assert losses.answer == [
        "fingerprint",
        "image",
        "search",
        "logprobs",
        "annotations",
        "choices",
        "choices.index",
        "message.audio",
    ]


def test_citations_and_tools_of_this_dialect_are_streamed_as_it_does() -> None:
    citation = Citation(
        url="https://x", title="X", quote="w", extra={DIALECT: {"~~": "title", "type": "web"}}
    )
    search = Unknown(DIALECT, {"type": "server_tool_use", "id": "s", "input": {"query": "x"}})
    result = Unknown(DIALECT, {"type": "web_search_tool_result", "content": []})
    whole = Text("Hi", citations=[citation])
    events, _, losses = written(
        [
            *list(explode(answer(search, result, Text("a", citations=[citation]))))[:-1],
            PartStart(0, 3, whole),
            PartEnd(0, 3),
            Finished(0, Finish("stop", "end_turn")),
        ]
    )
    assert events[1]["content_block"]["input"] == {}
    assert json.loads(events[2]["delta"]["partial_json"]) == {"query": "x"}
    assert events[4]["content_block"] == result.data
    cited = [each["delta"]["citation"] for each in events if "citation" in each.get("delta", {})]
    assert cited == [{"type": "web", "url": "https://x", "title": "X", "cited_text": "w"}] * 2
    assert losses == Losses()


def test_a_stream_that_said_nothing_has_a_beginning_and_an_end() -> None:
    events, marks, _ = written([])
    assert events[0]["message"]["model"] == "asked"
    assert marks == [Mark.NOTHING, Mark.HOLD, Mark.DONE]


def test_parts_that_nothing_ended_are_ended() -> None:
    events, _, _ = written(
        [Started("1", "m", 0), PartStart(0, 0, Text("")), PartStart(0, 1, Text("")), PartDelta(0, 9, "lost")]
    )
    assert [each["type"] for each in events].count("content_block_stop") == 2


def test_members_of_the_end_stand_where_they_belong() -> None:
    extra = {DIALECT: {"container": {"id": "c"}, "context_management": {}, "~stop_reason": "new"}}
    events, _, _ = written([Started("1", "m", 0, {DIALECT: {}}), Finished(0, Finish("stop", "new"), extra)])
    assert events[-2]["delta"] == {"stop_reason": "new", "stop_sequence": None, "container": {"id": "c"}}
    assert events[-2]["context_management"] == {}


@pytest.mark.parametrize("finish", [Finish("stop", "x", "END"), Finish("length", "length")])
def test_the_end_says_why(finish: Finish) -> None:
    delta = written(list(explode(answer(finish=finish))))[0][-2]["delta"]
    word = "stop_sequence" if finish.sequence else "max_tokens"
    assert delta == {"stop_reason": word, "stop_sequence": finish.sequence}


def test_every_recorded_stream_written_again_tells_the_same(
    streams: list[Recording], decoded: Decoded
) -> None:
    for each in streams:
        events, response = decoded(each.body)
        again, _, losses = written(events)
        data = b"".join(f"data: {json.dumps(one)}\n\n".encode() for one in again)
        assert decoded(data)[1] == response, each.id
        assert losses == Losses(), each.id
