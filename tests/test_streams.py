"""The client's side of a stream: held until content, kept alive, released when priced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pointsman.errors import UpstreamCut, UpstreamTimeout
from pointsman.streams import ClientStream, Clocks
from pointsman.testing import ListSink


def client(sink: ListSink, *, first: float = 100.0, every: float = 100.0) -> ClientStream:
    return ClientStream(sink, list, first=first, every=every, keepalive=b":k\n\n")


def clocks(**changes: float) -> Clocks:
    return Clocks(**{"first_content": 60.0, "stall": 60.0, "total": 60.0, **changes})


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


async def hang(timer: Clocks, after: Callable[[Clocks], None] = lambda timer: None) -> None:
    async with timer:
        after(timer)
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("limits", "after", "words", "phase"),
    [
        ({"first_content": 0.01}, lambda timer: None, "no content in time", "first-content"),
        ({"stall": 0.01}, lambda timer: timer.content(), "stalled", "stream"),
        ({"total": 0.01}, lambda timer: timer.content(), "longer than the whole", "stream"),
    ],
)
async def test_each_clock_ends_the_attempt_and_says_which(
    limits: dict[str, float], after: Callable[[Clocks], None], words: str, phase: str
) -> None:
    with pytest.raises(UpstreamTimeout, match=words) as caught:
        await asyncio.wait_for(hang(clocks(**limits), after), 5)
    assert caught.value.phase == phase


async def test_clocks_let_other_time_outs_and_errors_pass() -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with clocks():
            raise TimeoutError("mine")
    with pytest.raises(KeyError):
        async with clocks():
            raise KeyError("x")
