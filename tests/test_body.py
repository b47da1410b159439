"""A request's body: whole or refused, inflated, capped, and not waited for without end."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from starlette.types import Message, Receive

from pointsman.body import Body
from pointsman.errors import BadRequest, PayloadTooLarge, RequestError

TEXT = b'{"model": "m"}' * 100


def sending(*pieces: bytes, then_leaves: bool = True) -> Receive:
    """What a door gives: the pieces of a body, and the client's going."""
    messages: list[Message] = [{"type": "http.request", "body": each, "more_body": True} for each in pieces]
    if messages:
        messages[-1]["more_body"] = False
    if then_leaves:
        messages.append({"type": "http.disconnect"})

    async def receive() -> Message:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    return receive


def body(receive: Receive, encoding: str = "", *, limit: int = 2000, timeout: float = 60) -> Body:
    headers = {"content-encoding": encoding} if encoding else {}
    return Body(receive, headers, limit=limit, timeout=timeout)


async def test_a_body_in_pieces_is_one() -> None:
    assert await body(sending(TEXT[:9], b"", TEXT[9:])).read() == TEXT


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("GZIP", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("identity", TEXT),
    ],
    ids=["gzip", "upper", "deflate", "identity"],
)
async def test_a_compressed_body_is_inflated(encoding: str, packed: bytes) -> None:
    assert await body(sending(packed[:5], packed[5:]), encoding).read() == TEXT


async def test_a_compressed_body_may_be_empty() -> None:
    assert await body(sending(b""), "gzip").read() == b""


@pytest.mark.parametrize(
    ("encoding", "packed", "status", "words"),
    [
        ("br", TEXT, 415, "'br' is not understood here"),
        ("gzip, gzip", TEXT, 415, "send the body as it is"),
        ("gzip", TEXT, 400, "not what its content-encoding says"),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9], 400, "not whole"),
    ],
    ids=["unknown", "twice", "not gzip", "cut"],
)
async def test_a_body_that_does_not_inflate_is_refused(
    encoding: str, packed: bytes, status: int, words: str
) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        await body(sending(packed), encoding).read()
    assert caught.value.status == status


@pytest.mark.parametrize("encoding", ["", "gzip"])
async def test_what_is_too_large_is_refused(encoding: str) -> None:
    large = b"0" * 3000
    data = gzip.compress(large, mtime=0) if encoding else large
    with pytest.raises(PayloadTooLarge, match="larger than 2000 bytes"):
        await body(sending(data), encoding).read()


async def test_a_bomb_is_stopped_before_it_has_gone_off() -> None:
    bomb = gzip.compress(b"\0" * 500_000_000, compresslevel=1, mtime=0)
    with pytest.raises(PayloadTooLarge):
        await asyncio.wait_for(body(sending(bomb), "gzip", limit=1_000_000).read(), 2)


async def test_a_declared_length_is_enough_to_refuse() -> None:
    with pytest.raises(PayloadTooLarge):
        await Body(sending(), {"content-length": "2001"}, limit=2000, timeout=60).read()


async def test_a_length_that_is_no_number_is_not_believed() -> None:
    assert await Body(sending(TEXT), {"content-length": "²"}, limit=2000, timeout=60).read() == TEXT


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    with pytest.raises(BadRequest, match="did not arrive") as caught:
        await body(sending(then_leaves=False), timeout=0.01).read()
    assert (caught.value.status, caught.value.headers) == (408, {"connection": "close"})


async def test_a_client_that_leaves_ends_the_reading_and_is_told_of_afterwards() -> None:
    with pytest.raises(asyncio.CancelledError):
        await body(sending()).read()
    whole = body(sending(TEXT))
    assert await whole.read() == TEXT
    await asyncio.wait_for(whole.client_left(), 5)
