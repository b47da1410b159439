"""Heads that are known again: what counts as the same, and what does not."""

from __future__ import annotations

import httptools
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.guard import header_map
from pointsman.heads import Head

LINES = b"POST /v1/chat/completions HTTP/1.1\r\nHost: here\r\nContent-Length: %b\r\nX-Title: An app\r\n\r\n"
MOST = 16_384


def request(body: bytes, *, lines: bytes = LINES, length: bytes | None = None) -> bytes:
    return lines % (length or b"%d" % len(body)) + body


class Parsed:
    """What httptools says of a request: headers and body."""

    def __init__(self, data: bytes) -> None:
        self.lines: list[tuple[bytes, bytes]] = []
        self.body = b""
        self.messages = 0
        httptools.HttpRequestParser(self).feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.lines.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.messages += 1

    def head(self, data: bytes, most: int = MOST) -> Head | None:
        return Head.of(data, header_map(self.lines), len(self.body), most)


def known(data: bytes = request(b"{}")) -> Head:
    head = Parsed(data).head(data)
    assert head is not None
    return head


@pytest.mark.parametrize("body", [b"", b"{}", b"x" * 1234, b"\r\n\r\n"])
def test_the_same_head_with_another_length_is_known(body: bytes) -> None:
    head = known()
    assert head.body_of(request(body)) == body
    assert head.fields["x-title"] == "An app"


@pytest.mark.parametrize(
    "data",
    [
        request(b"{}")[:-1],
        request(b"{}") + b"{",
        request(b"{}") * 2,
        request(b"{}", length=b"+2"),
        request(b"{}", length=b" 2"),
        request(b"{}", length=b"2, 2"),
        request(b"{}", length=b"0x2"),
        request(b"{}", length="٢".encode()),
        request(b"{}", length=b"0000000000000002"),
        request(b"{}", length=b"2\r\nTransfer-Encoding: chunked"),
        request(b"{}", lines=LINES.replace(b"An app", b"Other")),
        request(b"{}", lines=LINES.replace(b"here", b"there")),
        request(b"{}", lines=LINES.replace(b"\r\n", b"\n")),
        b"\r\n" + request(b"{}"),
        LINES[:40],
        b"",
    ],
)
def test_what_differs_in_more_than_its_length_or_is_not_whole_is_not_known(data: bytes) -> None:
    assert known().body_of(data) is None


@pytest.mark.parametrize(
    "lines",
    [
        LINES.replace(b"Content-Length: %b", b"Transfer-Encoding: chunked"),
        LINES.replace(b"POST", b"\r\nPOST"),
        LINES.replace(b"POST", b"PUT"),
    ],
    ids=["chunked", "a line end before it", "another method"],
)
def test_only_a_plain_head_is_kept(lines: bytes) -> None:
    data = request(b"{}", lines=lines) if b"%b" in lines else lines + b"2\r\n{}\r\n0\r\n\r\n"
    assert Parsed(data).head(data) is None


def test_a_head_with_room_for_no_more_digits_is_not_kept() -> None:
    data = request(b"{}")
    assert Parsed(data).head(data, len(data) - 2) is None


def test_a_head_whose_body_comes_later_is_kept() -> None:
    data = request(b"", length=b"2")
    assert Parsed(data).head(data) is not None


@given(st.binary(max_size=60), st.binary(max_size=40), st.integers(0, 100))
def test_whatever_is_known_is_what_the_parser_reads(body: bytes, noise: bytes, at: int) -> None:
    head, data = known(), request(body)
    at = min(at, len(data))
    changed = data[:at] + noise + data[at:]
    found = head.body_of(changed)
    if found is not None:
        parsed = Parsed(changed)
        assert (parsed.body, parsed.messages) == (found, 1)
        expected = head.fields | {"content-length": header_map(parsed.lines)["content-length"]}
        assert header_map(parsed.lines) == expected
