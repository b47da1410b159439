"""Playing scripts in the process."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from pointsman.errors import MalformedAnswer, UpstreamCut
from pointsman.testing.script import Close, Hang, Pause, Reset, Script, Send
from pointsman_echo.play import Headless, play

BODY = b'{"a": 1}'


async def read(script: Script) -> bytes:
    """The body; of a raw script there is none, and it raises or hangs before."""
    answer = play(script, max_header=1000)
    if isinstance(answer, Headless):
        raise AssertionError([event async for event in answer])
    return await answer.read(1000)


async def test_an_answer_has_status_headers_and_body() -> None:
    answer = play(Script.whole(BODY, status=418, headers={"X-Name": "v"}), max_header=1000)
    assert not isinstance(answer, Headless)
    assert answer.status == 418
    assert answer.headers == {"content-type": "application/json", "x-name": "v"}
    assert await answer.read(1000) == BODY


async def test_compressed_bodies_are_inflated_as_those_from_a_wire() -> None:
    assert await read(Script.whole(gzip.compress(BODY), headers={"content-encoding": "gzip"})) == BODY


async def test_a_pause_delays_what_follows() -> None:
    assert await read(Script((Send(b"a"), Pause(0.001), Send(b"b")))) == b"ab"


@pytest.mark.parametrize(
    "script",
    [
        Script((Send(BODY), Close())),
        Script((Send(BODY), Reset())),
        Script((Send(BODY), Close()), framing="chunked"),
        Script((Send(BODY), Reset()), framing="close"),
        Script((Send(b"10\r\nab"), Close()), framing="close", headers={"transfer-encoding": "chunked"}),
        Script((Send(BODY),), declared=100),
    ],
)
async def test_an_end_before_the_promised_one_is_a_cut(script: Script) -> None:
    with pytest.raises(UpstreamCut) as raised:
        await read(script)
    assert raised.value.phase == "body"


async def test_a_close_is_the_end_where_nothing_else_was_promised() -> None:
    assert await read(Script((Send(BODY), Close(), Send(b"more")), framing="close")) == BODY


async def test_silence_lasts_until_somebody_ends_it() -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(Script((Send(BODY), Hang()))), 0.02)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(read(Script((Send(b"HTTP/1.1 103 \r\n\r\n"), Hang()), framing="raw")), 0.02)


async def test_raw_bytes_that_end_are_a_cut_before_the_headers() -> None:
    with pytest.raises(UpstreamCut) as raised:
        await read(Script((Send(b"HTTP"), Close()), framing="raw"))
    assert raised.value.phase == "headers"


async def test_too_many_headers_are_refused() -> None:
    with pytest.raises(MalformedAnswer, match="larger than 1000 bytes") as raised:
        await read(Script.whole(BODY, headers={"x": "y" * 1000}))
    assert raised.value.phase == "headers"
