"""Streams read as canonical events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.events import Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate, accumulate
from pointsman.testing import Recording
from pointsman.types import Reasoning, Text, ToolCall, Unknown
from pointsman_openai.responses.answer import decode_response
from pointsman_openai.responses.stream_decoder import ResponsesDecoder

Read = Callable[[bytes], list[Event]]
Stream = Callable[..., bytes]
BEGUN = {"id": "resp_1", "model": "m", "created_at": 5, "status": "in_progress"}
CREATED = ("response.created", {"response": BEGUN})


def completed(*output: dict[str, Any], **members: Any) -> tuple[str, dict[str, Any]]:
    response = {**BEGUN, "status": "completed", "output": list(output), **members}
    return "response.completed", {"response": response}


def parts(events: list[Event]) -> list[Any]:
    return accumulate(events).choices[0].message.parts


def plain(value: Any) -> Any:
    """Data without the notes of form, which a stream cannot all make in time."""
    value = msgspec.to_builtins(value)
    if isinstance(value, dict):
        kept = {name: plain(each) for name, each in value.items() if not str(name).startswith("~")}
        return {name: each for name, each in kept.items() if each != {}}
    return [plain(each) for each in value] if isinstance(value, list) else value


def test_a_text_is_read_as_it_comes(stream: Stream, read: Read) -> None:
    item = {"type": "message", "id": "msg_1", "role": "assistant", "content": []}
    where = {"output_index": 0, "content_index": 0}
    hollow = {"type": "output_text", "text": "", "annotations": []}
    citation = {"type": "url_citation", "url": "u", "title": "t", "start_index": 0, "end_index": 1}
    whole = {**hollow, "text": "Hello", "annotations": [citation]}
    events = read(
        stream(
            CREATED,
            ("response.in_progress", {"response": BEGUN}),
            ("response.output_item.added", {"output_index": 0, "item": item}),
            ("response.content_part.added", {**where, "part": hollow}),
            ("response.output_text.delta", {**where, "delta": "Hel", "logprobs": [{"token": "Hel"}]}),
            ("response.output_text.delta", {**where, "delta": "lo", "logprobs": []}),
            ("response.output_text.annotation.added", {**where, "annotation": citation}),
            ("response.output_text.done", {**where, "text": "Hello"}),
            ("response.content_part.done", {**where, "part": whole}),
            ("response.output_item.done", {"output_index": 0, "item": {**item, "content": [whole]}}),
            completed(usage={"input_tokens": 1, "output_tokens": 1}),
        )
    )
    kinds = [type(event).__name__ for event in events]
    assert kinds == [
        "Started",
        "PartStart",
        "PartDelta",
        "PartDelta",
        "Cited",
        "PartEnd",
        "UsageUpdate",
        "Finished",
    ]
    (text,) = parts(events)
    assert isinstance(text, Text)
    assert text.text == "Hello"
    assert text.logprobs == [{"token": "Hel"}]
    assert [each.url for each in text.citations] == ["u"]


def test_summaries_are_joined_and_the_thought_ends_with_what_is_encrypted(stream: Stream, read: Read) -> None:
    item = {"type": "reasoning", "id": "rs_1", "summary": []}
    texts = [{"type": "summary_text", "text": text} for text in ("ab", "c")]
    whole = {**item, "summary": texts, "encrypted_content": "gAAA"}
    kind = "response.reasoning_summary_text.delta"
    events = read(
        stream(
            CREATED,
            ("response.output_item.added", {"output_index": 0, "item": item}),
            (kind, {"output_index": 0, "summary_index": 0, "delta": "a"}),
            (kind, {"output_index": 0, "summary_index": 0, "delta": "b"}),
            (kind, {"output_index": 0, "summary_index": 1, "delta": "c"}),
            ("response.output_item.done", {"output_index": 0, "item": whole}),
            completed(whole),
        )
    )
    (thought,) = parts(events)
    assert isinstance(thought, Reasoning)
    assert (thought.text, thought.summary, thought.id) == ("ab\n\nc", True, "rs_1")
    assert (thought.redacted, thought.origin) == ("gAAA", "openai-responses")
    assert plain(accumulate(events)) == plain(
        decode_response(json.dumps(completed(whole)[1]["response"]).encode())
    )


CALL = {"type": "function_call", "id": "fc_1", "call_id": "c", "name": "f", "arguments": '{"a":1}'}
PATCH = {"type": "custom_tool_call", "id": "ctc_1", "call_id": "c", "name": "patch", "input": 'say "hi"'}
THOUGHT = {
    "type": "reasoning",
    "id": "rs",
    "summary": [],
    "content": [{"type": "reasoning_text", "text": "t"}],
}
REFUSAL = {"type": "message", "role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]}
TWO = [{"type": "output_text", "text": "a"}, {"type": "output_text", "text": "b"}]
MESSAGE = {"type": "message", "role": "assistant", "content": TWO}
SEARCH = {"type": "web_search_call", "id": "ws", "status": "completed"}
ITEMS = [CALL, PATCH, THOUGHT, REFUSAL, MESSAGE, SEARCH]


@pytest.mark.parametrize("item", ITEMS, ids=lambda item: str(item["type"]))
@pytest.mark.parametrize("how", ["unannounced", "done", "added", "added and done"])
def test_items_without_deltas_do_not_get_lost(
    stream: Stream, read: Read, item: dict[str, Any], how: str
) -> None:
    hollow = {**item, **{name: "" for name in ("arguments", "input") if name in item}}
    added = ("response.output_item.added", {"output_index": 0, "item": hollow})
    done = ("response.output_item.done", {"output_index": 0, "item": item})
    between = {"unannounced": [], "done": [done], "added": [added], "added and done": [added, done]}[how]
    last = completed(item)
    events = read(stream(CREATED, *between, last))
    whole = decode_response(json.dumps(last[1]["response"]).encode())
    assert plain(accumulate(events)) == plain(whole)


def test_a_custom_tools_input_is_wrapped_as_it_comes(stream: Stream, read: Read) -> None:
    kind = "response.custom_tool_call_input.delta"
    events = read(
        stream(
            CREATED,
            ("response.output_item.added", {"output_index": 0, "item": {**PATCH, "input": ""}}),
            (kind, {"output_index": 0, "delta": 'say "'}),
            (kind, {"output_index": 0, "delta": 'hi"'}),
            ("response.output_item.done", {"output_index": 0, "item": PATCH}),
            completed(PATCH),
        )
    )
    (call,) = parts(events)
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"input": 'say "hi"'}
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.finish.reason == "tool_calls"


def test_items_may_overlap(stream: Stream, read: Read) -> None:
    other = {**CALL, "id": "fc_2", "call_id": "d", "arguments": '{"b":2}'}
    kind = "response.function_call_arguments.delta"
    events = read(
        stream(
            CREATED,
            ("response.output_item.added", {"output_index": 0, "item": {**CALL, "arguments": ""}}),
            ("response.output_item.added", {"output_index": 1, "item": {**other, "arguments": ""}}),
            (kind, {"output_index": 1, "delta": '{"b":2}'}),
            (kind, {"output_index": 0, "delta": '{"a":1}'}),
            ("response.output_item.done", {"output_index": 0, "item": CALL}),
            ("response.output_item.done", {"output_index": 1, "item": other}),
            completed(CALL, other),
        )
    )
    assert [(call.id, call.arguments) for call in parts(events)] == [("c", '{"a":1}'), ("d", '{"b":2}')]


def test_the_whole_text_of_an_open_part_is_used_where_nothing_else_tells_it(
    stream: Stream, read: Read
) -> None:
    where = {"output_index": 0, "content_index": 0}
    part = {"type": "output_text", "text": ""}
    events = read(
        stream(
            CREATED,
            ("response.content_part.added", {**where, "part": part}),
            ("response.output_text.done", {**where, "text": "Hello"}),
            completed(),
        )
    )
    assert parts(events)[0].text == "Hello"


def test_an_unknown_part_of_a_message_is_kept(stream: Stream, read: Read) -> None:
    item = {"type": "message", "role": "assistant", "content": [{"type": "odd"}, TWO[0]]}
    events = read(stream(CREATED, completed(item)))
    assert parts(events)[0] == Unknown("openai-responses", {"type": "odd"})
    finished = events[-1]
    assert isinstance(finished, Finished)
    assert finished.message["openai-responses"]["~inside"] == [0]


def test_a_stream_without_a_beginning_is_read(stream: Stream, read: Read) -> None:
    delta = ("response.output_text.delta", {"output_index": 0, "content_index": 0, "delta": "x"})
    events = read(stream(delta, completed()))
    assert [type(event) for event in events[:3]] == [Started, PartStart, PartDelta]
    assert isinstance(events[3], PartEnd)


def test_an_incomplete_answer_is_complete_as_a_stream(stream: Stream) -> None:
    decoder = ResponsesDecoder()
    answer = {**BEGUN, "status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}
    events = decoder.feed(stream(("response.incomplete", {"response": answer})))
    assert decoder.complete
    assert decoder.ended
    assert isinstance(events[-1], Finished)
    assert events[-1].finish.reason == "length"
    assert decoder.feed(b"data: {]\n\n") == []
    assert decoder.finish() == []


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("response.failed", {"response": {"error": {"message": "broken"}}}),
        ("error", {"message": "broken"}),
        ("whatever", {"error": {"message": "broken"}}),
    ],
)
def test_errors_are_raised(stream: Stream, kind: str, members: dict[str, Any]) -> None:
    with pytest.raises(UpstreamStatus, match="broken"):
        ResponsesDecoder().feed(stream((kind, members)))


@pytest.mark.parametrize(
    "data",
    [
        b"data: {]\n\n",
        b"data: 3\n\n",
        b'data: {"type":"response.completed"}\n\n',
        b'data: {"type":"response.output_item.done","item":{"type":"function_call"}}\n\n',
    ],
)
def test_nonsense_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        ResponsesDecoder().feed(data)


@pytest.mark.parametrize("odd", [None, 1, "x", [], {}])
def test_odd_members_do_no_harm(stream: Stream, read: Read, odd: Any) -> None:
    names = ("delta", "item", "part", "annotation", "text", "response", "output_index", "logprobs")
    kinds = ("created", "output_item.added", "content_part.added", "reasoning_text.delta", "output_text.done")
    read(stream(*((f"response.{kind}", dict.fromkeys(names, odd)) for kind in kinds), completed()))


def test_a_recorded_stream_tells_what_its_whole_answer_tells(
    exchanges: list[Recording], read: Read, split: Callable[[bytes], list[bytes]]
) -> None:
    streams = [each for each in exchanges if each.is_sse and each.status == 200]
    assert streams
    for each in streams:
        events = read(each.body)
        assert isinstance(events[-1], Finished)
        last = next(event for event in reversed(split(each.body)) if b'"response.completed"' in event)
        data = json.loads(last[last.index(b"data: ") + 6 :].split(b"\n")[0])
        whole = decode_response(json.dumps(data["response"]).encode())
        if each.provider == "openrouter":  # it gives its items other ids at the end
            for part in whole.choices[0].message.parts:
                if isinstance(part, Reasoning):
                    part.id = parts(events)[0].id
        assert plain(accumulate(events)) == plain(whole), each.id
        assert any(isinstance(event, UsageUpdate) for event in events)
