"""Calls: origins, and answers made of chunks."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator

import pytest

from pointsman.calls import ChunkedAnswer, inflated, is_compressed, origin_of
from pointsman.errors import MalformedAnswer, StartupError, UpstreamCut


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://api.example/v1", "https://api.example:443"),
        ("http://LOCALHOST:80/", "http://localhost:80"),
        ("http://[::1]:8000/v1", "http://[::1]:8000"),
    ],
)
def test_origins(url: str, origin: str) -> None:
    assert origin_of(url) == origin


@pytest.mark.parametrize(
    "url", ["ftp://x/", "x", "http://", "http://u@x/", "http://x\\y/", "http://x:99999/"]
)
def test_what_is_not_the_url_of_a_provider_is_refused(url: str) -> None:
    with pytest.raises(StartupError):
        origin_of(url)


async def chunks(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


class Gathering:
    """A receiver that is full after every second piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.waits = 0

    def feed(self, data: bytes) -> bool:
        self.pieces.append(data)
        return len(self.pieces) % 2 == 0

    async def ready(self) -> None:
        self.waits += 1


async def test_a_whole_answer_is_read_up_to_a_limit() -> None:
    assert await ChunkedAnswer(200, {}, chunks(b"ab", b"cd")).read(4) == b"abcd"
    with pytest.raises(MalformedAnswer, match="larger than 3 bytes"):
        await ChunkedAnswer(200, {}, chunks(b"ab", b"cd")).read(3)


async def test_a_receiver_that_is_full_is_waited_for() -> None:
    receiver = Gathering()
    answer = ChunkedAnswer(200, {}, chunks(b"a", b"b", b"c", b"d"))
    await answer.pump(receiver)
    await answer.close()
    assert (receiver.pieces, receiver.waits) == ([b"a", b"b", b"c", b"d"], 2)


async def test_a_bomb_is_inflated_at_the_receivers_pace() -> None:
    packed, receiver = gzip.compress(b"x" * 1_000_000, mtime=0), Gathering()
    await ChunkedAnswer(200, {"content-encoding": "gzip"}, chunks(packed)).pump(receiver)
    assert sum(map(len, receiver.pieces)) == 1_000_000
    assert receiver.waits == len(receiver.pieces) // 2 > 1


async def test_what_does_not_inflate_is_an_error() -> None:
    packed = gzip.compress(b"hello", mtime=0)
    for encoding, data, error in [
        ("gzip", packed[:-3], UpstreamCut),
        ("gzip", b"plain", MalformedAnswer),
        ("br", packed, MalformedAnswer),
    ]:
        with pytest.raises(error):
            async for _ in inflated(chunks(data), {"content-encoding": encoding}):
                pass


@pytest.mark.parametrize(
    ("encoding", "compressed"),
    [("", False), ("identity", False), (" Identity ", False), ("gzip", True), ("x", True)],
)
def test_headers_say_what_is_compressed(encoding: str, compressed: bool) -> None:
    assert is_compressed({"content-encoding": encoding} if encoding else {}) is compressed
