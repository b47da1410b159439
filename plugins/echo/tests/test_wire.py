"""The wire format of the faults."""

from __future__ import annotations

import json

from pointsman_echo.wire import DONE, HELLO, answer, error, events, failing, said, usage


def data(event: bytes) -> dict[str, object]:
    assert event.startswith(b"data: ")
    assert event.endswith(b"\n\n")
    parsed: dict[str, object] = json.loads(event[6:])
    return parsed


def test_a_stream_is_made_of_chunks() -> None:
    script = events(*HELLO, usage(5, 3), DONE)
    assert script.headers["content-type"] == "text/event-stream"
    assert script.framing == "chunked"
    assert data(said("x"))["choices"] == [{"index": 0, "delta": {"content": "x"}, "finish_reason": None}]
    assert data(usage(5, 3))["usage"] == {"prompt_tokens": 5, "completion_tokens": 3, "total_tokens": 8}


def test_texts_are_written_as_they_are() -> None:
    assert "\u2028".encode() in said("\u2028")


def test_a_whole_answer_has_a_message() -> None:
    assert json.loads(answer("Hi"))["choices"][0]["message"] == {"role": "assistant", "content": "Hi"}


def test_an_error_has_a_status_and_headers() -> None:
    script = failing(429, "no", "rate_limit", retry_after="7")
    assert script.status == 429
    assert script.headers["retry-after"] == "7"
    assert json.loads(script.body()) == error("no", "rate_limit")
