"""Reading answers as they pass."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.testing import Recording
from pointsman_openai.responses.tap import ResponsesTap

USAGE = {"input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
CALL = {"type": "function_call", "call_id": "c", "name": "f", "arguments": ""}


def event(kind: str, *, named: bool = True, **members: Any) -> bytes:
    name = f"event: {kind}\n" if named else ""
    return f"{name}data: {json.dumps({'type': kind, **members})}\n\n".encode()


def test_deltas_are_content_and_counted() -> None:
    tap = ResponsesTap()
    assert tap.feed(event("response.output_text.delta", delta="Hel")) == Mark.CONTENT
    assert tap.feed(event("response.function_call_arguments.delta", delta="{}")) == Mark.CONTENT
    assert tap.feed(event("response.output_text.delta", delta="")) == Mark.NOTHING
    assert tap.output_characters == 5
    assert not tap.complete


@pytest.mark.parametrize(
    ("item", "mark"),
    [
        (CALL, Mark.CONTENT),
        ({"type": "web_search_call"}, Mark.CONTENT),
        ({"type": "message", "content": []}, Mark.NOTHING),
        ({"type": "message", "content": [{"type": "output_text", "text": "x"}]}, Mark.CONTENT),
        ({"type": "reasoning", "summary": []}, Mark.NOTHING),
        (None, Mark.NOTHING),
    ],
)
def test_an_item_is_content_when_there_is_something_in_it(item: Any, mark: Mark) -> None:
    for kind in ("response.output_item.added", "response.output_item.done"):
        assert ResponsesTap().feed(event(kind, item=item)) == mark


def test_a_stream_begins_without_content() -> None:
    tap = ResponsesTap()
    for kind in (
        "response.created",
        "response.queued",
        "response.in_progress",
        "response.content_part.added",
    ):
        assert tap.feed(event(kind, response={"usage": None})) == Mark.NOTHING
    assert tap.feed(b": keep-alive\n\n") == Mark.NOTHING


def test_a_picture_on_its_way_is_content() -> None:
    kind = "response.image_generation_call.partial_image"
    assert ResponsesTap().feed(event(kind, partial_image_b64="aGk=")) == Mark.CONTENT


@pytest.mark.parametrize(
    ("kind", "response", "finish"),
    [
        ("response.completed", {"status": "completed", "output": []}, "completed"),
        ("response.completed", {"status": "completed", "output": [CALL]}, "tool_calls"),
        ("response.incomplete", {"incomplete_details": {"reason": "max_output_tokens"}}, "max_output_tokens"),
    ],
)
def test_the_terminal_event_tells_usage_and_finish(kind: str, response: dict[str, Any], finish: str) -> None:
    tap = ResponsesTap()
    mark = tap.feed(event(kind, response={**response, "usage": USAGE, "model": "m", "service_tier": "flex"}))
    assert mark == Mark.HOLD | Mark.FINISH | Mark.DONE
    assert tap.complete
    assert tap.finish == finish
    assert tap.usage is not None
    assert (tap.usage.input, tap.usage.output) == (3, 2)
    assert (tap.model, tap.usage.service_tier) == ("m", "flex")


def test_a_stream_without_names_may_still_say_that_it_is_done() -> None:
    tap = ResponsesTap()
    assert tap.feed(event("response.completed", named=False, response={})) == Mark.HOLD | Mark.FINISH
    assert tap.feed(b"data: [DONE]\n\n") == Mark.DONE


def test_the_type_of_an_event_may_be_its_name_alone() -> None:
    tap = ResponsesTap()
    assert tap.feed(b'event: response.output_text.delta\ndata: {"delta":"x"}\n\n') == Mark.CONTENT


def test_errors_in_a_stream_are_raised_and_their_usage_kept() -> None:
    tap = ResponsesTap()
    failed = {"error": {"code": "server_error", "message": "no"}, "usage": USAGE}
    with pytest.raises(UpstreamStatus, match="no"):
        tap.feed(event("response.failed", response=failed))
    assert tap.usage is not None
    with pytest.raises(UpstreamStatus, match="overloaded"):
        tap.feed(event("error", message="overloaded"))


@pytest.mark.parametrize(
    "data", [b"data: {]\n\n", b"data: 3\n\n", b'data: {"type":"response.completed"}\n\n']
)
def test_nonsense_in_a_stream_is_malformed(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        ResponsesTap().feed(data)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output":1}', b"\xff"])
def test_nonsense_is_malformed(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        ResponsesTap().whole(body)


def test_a_whole_answer_tells_usage_finish_and_size() -> None:
    tap = ResponsesTap()
    message = {"type": "message", "content": [{"type": "output_text", "text": "Hello"}]}
    tap.whole(json.dumps({"status": "completed", "output": [message], "usage": USAGE}).encode())
    assert tap.complete
    assert (tap.finish, tap.output_characters) == ("completed", 5)
    with pytest.raises(UpstreamStatus):
        tap.whole(b'{"status":"failed","error":{"message":"x"},"output":[]}')


def test_every_recorded_answer_is_read(
    exchanges: list[Recording], split: Callable[[bytes], list[bytes]]
) -> None:
    for each in exchanges:
        if each.status != 200:
            continue
        tap = ResponsesTap()
        if each.is_sse:
            marks = [tap.feed(event) for event in split(each.body)]
            assert any(mark & Mark.DONE for mark in marks), each.id
            assert any(mark & Mark.CONTENT for mark in marks), each.id
        else:
            tap.whole(each.body)
        assert tap.complete, each.id
        if b'"usage": null' not in each.body:
            assert tap.usage is not None, each.id
