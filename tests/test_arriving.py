"""Answers as they arrive, on a line that notes what is asked of it."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from pointsman.arriving import MOST_BUFFERED, Http1Answer
from pointsman.errors import MalformedAnswer, UpstreamCut


class Line:
    """A connection that only notes."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def drop(self, answer: Http1Answer) -> None:
        self.done.append("drop")

    def pause(self, answer: Http1Answer) -> None:
        self.done.append("pause")

    def resume(self, answer: Http1Answer) -> None:
        self.done.append("resume")


def answer(*pieces: bytes, whole: bool = True, **headers: str) -> tuple[Http1Answer, Line]:
    """An answer whose head and these pieces have come."""
    line = Line()
    made = Http1Answer(line)
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    made.raw = f"HTTP/1.1 200 OK\r\n{lines}\r\n".encode()
    made.status, made.headed = 200, True
    for piece in pieces:
        come(made, piece)
    made.complete = whole
    return made, line


def come(made: Http1Answer, data: bytes) -> None:
    """A piece of the body has come."""
    made.parts.append(data)
    made.size += len(data)


async def test_a_body_that_is_there_is_read_at_once() -> None:
    made, _ = answer(b"ab", b"cd")
    assert await made.read(4) == b"abcd"
    made, _ = answer()
    assert await made.read(4) == b""


async def test_reading_waits_for_the_end_and_not_for_each_piece() -> None:
    made, _ = answer(b"ab", whole=False)
    reading = asyncio.ensure_future(made.read(10))
    await asyncio.sleep(0)
    come(made, b"cd")
    made.arrived()
    await asyncio.sleep(0)
    assert not reading.done()
    made.complete = True
    made.arrived()
    assert await reading == b"abcd"


async def test_reading_ends_beyond_its_limit_and_where_the_answer_breaks_off() -> None:
    made, line = answer(b"abc", whole=False)
    with pytest.raises(MalformedAnswer, match="larger than 2 bytes"):
        await made.read(2)
    await made.close()
    assert line.done[-1] == "drop"
    made, _ = answer(b"ab", whole=False)
    made.fail(UpstreamCut("gone", phase="body"))
    with pytest.raises(UpstreamCut):
        await made.read(10)


async def test_chunks_come_as_they_arrive_inflated_where_they_have_to_be() -> None:
    made, _ = answer(b"ab", whole=False)
    chunks = made.chunks()
    assert await anext(chunks) == b"ab"
    following = asyncio.ensure_future(anext(chunks))
    await asyncio.sleep(0)
    come(made, b"cd")
    made.arrived()
    assert await following == b"cd"
    packed, _ = answer(gzip.compress(b"hello", mtime=0), content_encoding="gzip")
    assert [chunk async for chunk in packed.chunks()] == [b"hello"]
    packed, _ = answer(gzip.compress(b"hello", mtime=0), content_encoding="gzip")
    assert await packed.read(5) == b"hello"


async def test_what_nobody_reads_pauses_the_line_beyond_a_bound() -> None:
    made, line = answer(b"x" * MOST_BUFFERED, whole=False)
    made.arrived()
    assert line.done == []
    come(made, b"x")
    made.arrived()
    assert line.done == ["pause"]
