"""Scripts: what they put on the wire, as data."""

from __future__ import annotations

import json

import pytest

from pointsman.testing import Close, Hang, Pause, Reset, Script, Send


def test_a_json_answer_is_whole() -> None:
    script = Script.json({"a": 1}, status=404, headers={"retry-after": "3"})
    assert json.loads(script.body()) == {"a": 1}
    assert script.head() == (
        b"HTTP/1.1 404 Not Found\r\ncontent-type: application/json\r\nretry-after: 3\r\n"
        b"content-length: 8\r\n\r\n"
    )


def test_any_bytes_can_be_an_answer() -> None:
    script = Script.whole(b"<html>", status=502, content_type="text/html")
    assert script.body() == b"<html>"
    assert b"content-type: text/html\r\n" in script.head()
    assert script.head().startswith(b"HTTP/1.1 502 Bad Gateway\r\n")


def test_a_status_that_nobody_knows_has_no_reason() -> None:
    assert Script(status=599).head().startswith(b"HTTP/1.1 599 \r\n")


def test_headers_given_come_before_those_of_the_kind() -> None:
    script = Script.whole(b"", headers={"content-type": "text/plain"})
    assert script.headers == {"content-type": "text/plain"}


def test_a_stream_sends_bytes_and_takes_other_steps_between_them() -> None:
    script = Script.sse([b"one", Pause(0.1), b"two", Reset(), Close(), Hang()])
    assert script.steps == (Send(b"one"), Pause(0.1), Send(b"two"), Reset(), Close(), Hang())
    assert script.body() == b"onetwo"
    assert b"content-type: text/event-stream\r\ntransfer-encoding: chunked\r\n" in script.head()


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (Script((Send(b"abc"), Pause(1), Send(b"de"))), b"content-length: 5"),
        (Script((Send(b"abc"), Close(), Send(b"de"))), b"content-length: 5"),
        (Script((Send(b"abc"),), declared=10), b"content-length: 10"),
        (Script((Send(b"abc"),), declared=0), b"content-length: 0"),
        (Script((Send(b"abc"),), framing="chunked"), b"transfer-encoding: chunked"),
        (Script((Send(b"abc"),), framing="close"), b"connection: close"),
    ],
)
def test_the_head_says_how_the_end_of_the_body_is_told(script: Script, line: bytes) -> None:
    assert script.head().split(b"\r\n")[1:] == [line, b"", b""]


def test_a_raw_script_has_no_head() -> None:
    assert Script((Send(b"HTTP/1.1 200 OK\r\n\r\n"),), framing="raw").head() == b""
