"""The client's side of a stream: held until content, kept alive, released when priced."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.errors import UpstreamCut
from pointsman.streams import ClientStream
from pointsman.testing import ListSink


def client(sink: ListSink, *, first: float = 100.0, every: float = 100.0) -> ClientStream:
    return ClientStream(sink, list, first=first, every=every, keepalive=b":k\n\n")


async def test_a_megabyte_without_content_is_given_up() -> None:
    stream = client(ListSink())
    stream.write(b":" * 1024 * 1024, content=False)
    with pytest.raises(UpstreamCut, match="megabyte without any content"):
        stream.write(b":", content=False)


async def test_keepalives_open_the_stream_only_after_a_while() -> None:
    sink = ListSink()
    stream = client(sink, first=0.01, every=0.01)
    stream.write(b"held", content=False)
    await asyncio.wait_for(sink.written.wait(), 5)
    assert (sink.status, sink.body[0]) == (200, b":k\n\n")
    assert (stream.started, stream.has_content) == (True, False), "another endpoint may still begin"
    sink.written.clear()
    await asyncio.wait_for(sink.written.wait(), 5)
    assert b"held" not in sink.body, "what is held may yet be forgotten"
    stream.write(b"content", content=True)
    stream.end(b"!")
    assert sink.body[-2:] == [b"heldcontent", b"!"]


async def test_the_end_stops_the_keepalives() -> None:
    sink = ListSink()
    stream = client(sink, first=0.01, every=0.01)
    stream.end()
    assert stream._timer is None
    assert sink.body == []


async def test_what_is_kept_is_the_answer_without_keepalives_and_up_to_its_limit() -> None:
    sink = ListSink()
    stream = client(sink, first=0.01, every=0.01)
    stream.keep(9)
    await asyncio.wait_for(sink.written.wait(), 5)
    stream.write(b"held", content=False)
    stream.write(b"abc", content=True)
    assert stream.kept == [b"heldabc"]
    stream.write(b"too much", content=True)
    assert stream.kept is None
    stream.end()
