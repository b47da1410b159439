"""The sink in memory keeps what it is given, and refuses what no door would take."""

from __future__ import annotations

import asyncio

import pytest

from pointsman.testing import ListSink


async def test_a_sink_keeps_what_it_is_given() -> None:
    sink = ListSink()
    sink.start(200, [("x", "y")])
    sink.write(b"one")
    sink.write(b"two")
    sink.end()
    assert (sink.status, sink.body, sink.ended) == (200, [b"one", b"two"], True)
    assert sink.written.is_set()


async def test_a_sink_is_drained_when_its_test_says_so() -> None:
    sink = ListSink()
    waiting = asyncio.ensure_future(sink.drained())
    await asyncio.sleep(0)
    assert not waiting.done()
    sink.room.set()
    await asyncio.wait_for(waiting, 5)


async def test_a_sink_refuses_what_no_door_would_take() -> None:
    sink = ListSink()
    with pytest.raises(AssertionError, match="before the status line"):
        sink.write(b"x")
    sink.start(200, [])
    with pytest.raises(AssertionError, match="second status line"):
        sink.start(200, [])
    sink.end()
    with pytest.raises(AssertionError, match="behind the end"):
        sink.write(b"x")
    with pytest.raises(AssertionError, match="second end"):
        sink.end()
