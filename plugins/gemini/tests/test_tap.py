"""The tap."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer, UpstreamStatus
from pointsman.sse import Splitter
from pointsman.testing import Recording
from pointsman.types import Usage
from pointsman_gemini.tap import BLOCKED, GeminiTap, Searches, parse_event, parse_whole

FINISH = Mark.FINISH | Mark.HOLD


def event(*parts: Any, finish: str | None = None, index: int = 0, **rest: Any) -> bytes:
    candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": index}
    if finish is not None:
        candidate["finishReason"] = finish
    return b"data: " + json.dumps({"candidates": [candidate], **rest}).encode() + b"\r\n\r\n"


def test_content_is_what_a_model_wrote() -> None:
    tap = GeminiTap()
    assert tap.feed(event({"text": ""})) == Mark.NOTHING
    assert tap.feed(event({"text": "Hi"})) == Mark.CONTENT
    assert tap.feed(event({"text": "Hm", "thought": True})) == Mark.CONTENT
    assert tap.feed(event({"functionCall": {"name": "f", "args": {"a": 1}}})) == Mark.CONTENT
    assert tap.feed(event({"inlineData": {}}, "odd")) == Mark.CONTENT
    assert tap.output_characters == 2 + 2 + len('{"a":1}')
    assert not tap.complete


def test_usage_counts_as_it_was_told_last() -> None:
    tap = GeminiTap()
    tap.feed(event({"text": "Hi"}, usageMetadata={"promptTokenCount": 9}))
    assert tap.usage == Usage(9, raw={"promptTokenCount": 9})
    raw = {"promptTokenCount": 8, "candidatesTokenCount": 2}
    assert tap.feed(event(finish="STOP", usageMetadata=raw)) == FINISH
    assert (tap.usage, tap.finish, tap.complete, tap.model) == (Usage(8, 2, raw=raw), "STOP", True, None)
    tap.feed(b'data: {"usageMetadata": {"trafficType": "ON_DEMAND"}}\n\n')
    assert tap.usage == Usage(8, 2, raw=raw)


def test_an_answer_that_stops_with_a_call_says_so() -> None:
    tap = GeminiTap()
    tap.feed(event({"functionCall": {"name": "f"}}))
    tap.feed(event({"text": ""}, finish="STOP"))
    assert tap.finish == "tool_calls"
    cut = GeminiTap()
    cut.feed(event({"functionCall": {"name": "f"}}, finish="MAX_TOKENS"))
    assert cut.finish == "MAX_TOKENS"


def test_all_candidates_have_to_end() -> None:
    tap = GeminiTap()
    tap.feed(event({"text": "a"}, index=0))
    tap.feed(event({"text": "b"}, index=1))
    assert tap.feed(event(finish="STOP", index=0)) == FINISH
    assert not tap.complete
    tap.feed(event(finish="MAX_TOKENS", index=1))
    assert tap.complete


def test_a_prompt_that_is_blocked_is_an_end() -> None:
    tap = GeminiTap()
    blocked = {"promptFeedback": {"blockReason": "SAFETY"}, "usageMetadata": {"promptTokenCount": 9}}
    assert tap.feed(b"data: " + json.dumps(blocked).encode() + b"\n\n") == FINISH
    assert (tap.finish, tap.complete) == (BLOCKED, True)
    whole = GeminiTap()
    whole.whole(json.dumps(blocked).encode())
    assert (whole.finish, whole.complete, whole.usage and whole.usage.input) == (BLOCKED, True, 9)


@pytest.mark.parametrize(
    ("model", "count"), [("gemini-3-flash-preview", 3), ("gemini-2.5-pro", 1), (None, 3), (5, 3)]
)
def test_searches_are_counted_over_the_whole_stream_as_they_are_billed(model: Any, count: int) -> None:
    tap = GeminiTap()
    for queries in (["a", "", "b"], ["b", "c", 5]):
        found = {"groundingMetadata": {"webSearchQueries": queries}}
        answer = {"candidates": [found], "usageMetadata": {"promptTokenCount": 1}, "modelVersion": model}
        tap.feed(b"data: " + json.dumps(answer).encode() + b"\n\n")
    assert tap.usage is not None
    assert tap.usage.details is not None
    assert tap.usage.details.searches == count


def test_where_nothing_was_searched_nothing_is_counted() -> None:
    odd = [
        {"groundingMetadata": each} for each in (5, {}, {"webSearchQueries": 5}, {"webSearchQueries": [""]})
    ]
    for model in ("gemini-3-pro", "gemini-2.5-pro"):
        assert Searches().take({"candidates": [*odd, 5], "modelVersion": model}) == 0


@pytest.mark.parametrize("data", [b": hello\n\n", b"data:\n\n", b"data: [DONE]\n\n"])
def test_what_says_nothing(data: bytes) -> None:
    assert parse_event(data) is None
    assert GeminiTap().feed(data) == Mark.NOTHING


@pytest.mark.parametrize("data", [b"data: {broken\n\n", b"data: [1]\n\n", b'data: {"a": "\xff"}\n\n'])
def test_nonsense_is_refused(data: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        GeminiTap().feed(data)


def test_an_error_is_raised_wherever_it_stands() -> None:
    error = b'{"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}'
    with pytest.raises(UpstreamStatus) as caught:
        GeminiTap().feed(b"data: " + error + b"\n\n")
    assert (caught.value.upstream_status, caught.value.phase) == (503, "stream")
    with pytest.raises(UpstreamStatus) as caught:
        GeminiTap().whole(error)
    assert (caught.value.upstream_status, caught.value.phase) == (503, "body")


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"candidates": 5}', b'{"candidates": []}', b'{"promptFeedback": {}}']
)
def test_what_is_no_answer_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedAnswer):
        parse_whole(body)


def test_recorded_streams_are_whole_and_counted(streams: list[Recording]) -> None:
    for recording in streams:
        tap = GeminiTap()
        marks = [tap.feed(each) for each in Splitter(10**7).feed(recording.body)]
        assert tap.complete, recording.id
        assert marks[-1] & Mark.HOLD, recording.id
        assert tap.usage is not None
        assert tap.output_characters > 0


def test_recorded_answers_are_whole(answers: list[Recording]) -> None:
    for recording in answers:
        tap = GeminiTap()
        tap.whole(recording.body)
        assert tap.complete
        assert tap.model, recording.id
        assert tap.finish is not None, recording.id
