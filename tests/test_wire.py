"""Answers as they stand on the wire."""

from __future__ import annotations

import json

import pytest

from pointsman.errors import BadRequest, MethodNotAllowed
from pointsman.wire import error_body, frame, refusal, render


def test_headers_are_lower_case_and_framing_is_apart() -> None:
    given = [("X-A", "b"), ("Content-Length", "7"), ("Connection", "Close"), ("transfer-encoding", "x")]
    assert frame(given) == (b"x-a: b\r\n", 7, True)
    assert frame([("x-a", "b"), ("x-b", "c: d")]) == (b"x-a: b\r\nx-b: c: d\r\n", None, False)


def test_of_several_lengths_the_last_counts_and_nonsense_is_none() -> None:
    assert frame([("content-length", "1"), ("content-length", "22")]) == (b"", 22, False)
    assert frame([("content-length", "1 "), ("content-length", "-1")]) == (b"", None, False)


@pytest.mark.parametrize("bad", ["a\r\nSet-Cookie: b", "a\nb", "a\rb", "a\0b", "a\x7fb"])
def test_no_value_can_end_a_line(bad: str) -> None:
    lines, _, _ = frame([("x-a", bad), ("x-b", "c")])
    first, *others = lines.decode().split("\r\n")
    assert first.isprintable()
    assert others == ["x-b: c", ""]
    assert frame([("x-a", "a\tb\xa0é")])[0] == b"x-a: a\tb\xa0\xe9\r\n"


@pytest.mark.parametrize("bad", ["", "a b", "a:b", "a\r\nb", "é"])
def test_a_header_without_a_proper_name_is_left_out(bad: str, caplog: pytest.LogCaptureFixture) -> None:
    assert frame([(bad, "x"), ("y", "z")]) == (b"y: z\r\n", None, False)
    assert "is left out" in caplog.text


def test_a_head_is_what_http_wants() -> None:
    lines, length, _ = frame([("x-a", "é€"), ("content-length", "3")])
    assert render(200, lines, length, chunked=False, close=False) == (
        b"HTTP/1.1 200 OK\r\nx-a: \xe9?\r\ncontent-length: 3\r\n\r\n"
    )
    assert render(599, b"", None, chunked=True, close=True) == (
        b"HTTP/1.1 599 \r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    )


def test_a_refusal_is_a_whole_answer_in_the_dialect_of_its_path() -> None:
    error = MethodNotAllowed("no", headers={"allow": "POST"})
    head, _, body = refusal(error, "req-1").partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 405 Method Not Allowed"
    assert {b"allow: POST", b"x-request-id: req-1", b"connection: close"} <= set(lines)
    assert b"content-length: %d" % len(body) in lines
    assert json.loads(body)["error"]["type"] == "invalid_request"


def test_an_error_is_told_in_a_dialect_where_there_is_one() -> None:
    class Codec:
        def encode_error(self, error: object) -> bytes:
            return b"its own"

    assert error_body(BadRequest("no"), "req-1", Codec()) == b"its own"  # type: ignore[arg-type]
    assert json.loads(error_body(BadRequest("no"), "req-1"))["error"]["message"] == "no"
