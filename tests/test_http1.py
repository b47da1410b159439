"""One connection to a provider, fed byte by byte: what is an answer, what is none, what is kept."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from pointsman.arriving import Http1Answer
from pointsman.errors import MalformedAnswer, UpstreamCut, UpstreamError
from pointsman.http1 import Connection, Stale

HEAD = b"POST / HTTP/1.1\r\n\r\n"
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=y\r\nlo\r\n0\r\nTrailer: t\r\n\r\n"
)


class Wire:
    """What a connection stands on: keeps what is written, and says what became of it."""

    def __init__(self) -> None:
        self.written = b""
        self.unsent = 0
        self.reading = True
        self.aborted = False

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, pieces: Any) -> None:
        self.written += b"".join(pieces)

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


class Pool:
    """Keeps what is given back."""

    def __init__(self) -> None:
        self.kept: list[Connection] = []
        self.gone: list[Connection] = []

    def release(self, connection: Connection) -> None:
        self.kept.append(connection)

    def lost(self, connection: Connection) -> None:
        self.gone.append(connection)


class Scene:
    """A connection, the wire under it and the pool around it."""

    def __init__(self, *, max_header: int = 1000) -> None:
        self.wire, self.pool = Wire(), Pool()
        self.connection = Connection(self.pool, max_header)
        self.connection.connection_made(self.wire)  # type: ignore[arg-type]

    async def asked(self, *pieces: bytes, bodiless: bool = False) -> Http1Answer:
        """Ask, and have the provider send these pieces."""
        task = asyncio.ensure_future(self.connection.ask(HEAD, b"", bodiless=bodiless))
        await asyncio.sleep(0)
        for piece in pieces:
            self.connection.data_received(piece)
        return await task


@pytest.mark.parametrize("answer", [WHOLE, CHUNKED], ids=["length", "chunked"])
@pytest.mark.parametrize("size", [1, 2, 7, 1000])
async def test_an_answer_is_the_same_however_it_is_cut(answer: bytes, size: int) -> None:
    scene = Scene()
    for _ in range(3):  # and the connection serves the next request
        pieces = [answer[start : start + size] for start in range(0, len(answer), size)]
        got = await scene.asked(*pieces)
        assert (got.status, await got.read(100)) == (200, b"hello")
        await got.close()
    assert scene.pool.kept == [scene.connection] * 3
    assert scene.wire.written == HEAD * 3
    assert not scene.wire.aborted


async def test_a_connection_is_given_back_only_when_its_body_is_read_from_the_wire() -> None:
    scene = Scene()
    got = await scene.asked(WHOLE[:-1])
    assert scene.pool.kept == []
    scene.connection.data_received(WHOLE[-1:])
    assert scene.pool.kept == [scene.connection]
    assert await got.read(100) == b"hello", "the bytes are the answer's, not the connection's"


@pytest.mark.parametrize(
    ("pieces", "kept"),
    [
        ([WHOLE], True),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], True),
        ([b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"], False),
        ([b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n"], False),
        ([WHOLE + WHOLE], False),
        ([WHOLE, b"HTTP/1.1"], False),
    ],
    ids=["whole", "no-content", "close", "http-1.0", "two-answers", "more-later"],
)
async def test_a_connection_is_kept_where_both_sides_agree(pieces: list[bytes], kept: bool) -> None:
    scene = Scene()
    await scene.asked(*pieces)
    assert scene.wire.aborted is not kept
    assert (scene.connection in scene.pool.gone) is not kept


async def test_an_answer_before_the_request_was_sent_whole_ends_the_connection() -> None:
    scene = Scene()
    scene.wire.unsent = 10
    got = await scene.asked(WHOLE)
    assert await got.read(10) == b"hello"
    assert scene.wire.aborted


async def test_an_answer_to_head_has_no_body_whatever_it_says() -> None:
    scene = Scene()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n", bodiless=True)
    assert await got.read(10) == b""
    assert scene.wire.aborted, "who knows what the provider sends"


async def test_interim_answers_are_passed_over_and_a_flood_of_them_is_not() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
    got = await Scene().asked(early + early + WHOLE)
    assert (got.status, "link" in got.headers) == (200, False)
    with pytest.raises(MalformedAnswer, match="headers are larger"):
        await Scene().asked(*[early] * 100)


@pytest.mark.parametrize(
    "pieces",
    [
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2000 + b"\r\n\r\n"],
        [b"HTTP/1.1 200 OK\r\nX: " + b"y" * 2000 + b"\r\nContent-Length: 2\r\n\r\nok"],
        [b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n"] * 300],
        [b"HTTP/1.1 200 OK\r\nX: ", *[b"y" * 100] * 20],
    ],
    ids=["one", "with-its-body", "many", "unfinished"],
)
async def test_headers_have_a_cap(pieces: list[bytes]) -> None:
    scene = Scene()
    with pytest.raises(MalformedAnswer, match="larger than 1000 bytes"):
        await scene.asked(*pieces)
    assert scene.wire.aborted


async def test_so_has_what_stands_between_the_pieces_of_a_body() -> None:
    scene = Scene()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    reading = asyncio.ensure_future(got.read(100))
    await asyncio.sleep(0)
    for _ in range(11):
        scene.connection.data_received(b"x" * 100)
    with pytest.raises(MalformedAnswer):
        await reading


@pytest.mark.parametrize(
    "data", [b"SSH-2.0\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"]
)
async def test_what_is_not_http_is_an_error(data: bytes) -> None:
    scene = Scene()
    with pytest.raises(MalformedAnswer, match="not answer in HTTP"):
        await scene.asked(data)
    assert scene.wire.aborted


UNTIL_CLOSE = b"HTTP/1.1 200 OK\r\n\r\nhello"
ENDS = [
    pytest.param(b"", None, False, UpstreamCut, id="nothing-on-a-new-one"),
    pytest.param(b"", None, True, Stale, id="nothing-on-a-kept-one"),
    pytest.param(b"", ConnectionResetError(), True, Stale, id="reset-on-a-kept-one"),
    pytest.param(b"HT", None, True, UpstreamCut, id="a-little-on-a-kept-one"),
    pytest.param(WHOLE[:-1], None, True, UpstreamCut, id="short-of-its-length"),
    pytest.param(CHUNKED[:-5], None, False, UpstreamCut, id="short-of-its-last-chunk"),
    pytest.param(UNTIL_CLOSE, None, False, None, id="ends-where-the-connection-ends"),
    pytest.param(UNTIL_CLOSE, ConnectionResetError(), False, UpstreamCut, id="reset-before-it-ends"),
]
"""What came before the connection ended, with what error, on a kept connection, and what that is."""


@pytest.mark.parametrize(("data", "error", "reused", "expected"), ENDS)
async def test_where_a_connection_ends(
    data: bytes, error: Exception | None, reused: bool, expected: type[UpstreamError] | None
) -> None:
    scene = Scene()
    if reused:
        await scene.asked(WHOLE)

    async def ask() -> bytes:
        got = await scene.connection.ask(HEAD, b"")
        return await got.read(100)

    task = asyncio.ensure_future(ask())
    await asyncio.sleep(0)
    if data:
        scene.connection.data_received(data)
    scene.connection.connection_lost(error)
    if expected is None:
        assert await task == b"hello"
        return
    with pytest.raises(expected) as caught:
        await task
    assert type(caught.value) is expected


@pytest.mark.parametrize("ticks", range(4))
async def test_asking_that_is_cancelled_ends_the_connection(ticks: int) -> None:
    scene = Scene()
    task = asyncio.ensure_future(scene.connection.ask(HEAD, b""))
    for _ in range(ticks):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert scene.wire.aborted is (ticks > 0), "one that never began has asked nothing"
    scene.connection.data_received(b"HTTP/1.1 200 OK\r\n")
    assert scene.wire.aborted
    assert scene.pool.kept == []


async def test_a_cancellation_that_comes_behind_the_answer_leaves_the_connection_to_whoever_has_it() -> None:
    """The answer was whole and the connection already another's when the first asker was told to stop."""
    scene = Scene()
    first = asyncio.ensure_future(scene.connection.ask(HEAD, b""))
    await asyncio.sleep(0)
    scene.connection.data_received(WHOLE)
    second = asyncio.ensure_future(scene.connection.ask(HEAD, b""))
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    await asyncio.sleep(0)
    assert not scene.wire.aborted
    scene.connection.data_received(WHOLE)
    assert await (await second).read(10) == b"hello"


async def test_an_answer_that_is_whole_has_no_say_over_its_connection_any_more() -> None:
    scene, receiver = Scene(), Slow()
    done = await scene.asked(WHOLE)
    other = asyncio.ensure_future(scene.connection.ask(HEAD, b""))
    await asyncio.sleep(0)
    pumping = asyncio.ensure_future(done.pump(receiver))
    await asyncio.sleep(0)
    assert scene.wire.reading, "what one receiver cannot take is no matter of the other's"
    receiver.go_on.set()
    await pumping
    await done.close()
    scene.connection.data_received(WHOLE)
    assert await (await other).read(10) == b"hello"


async def test_a_connection_made_for_nobody_is_ended() -> None:
    connection, wire = Connection(Pool(), 1000), Wire()
    connection.end()
    connection.connection_made(wire)  # type: ignore[arg-type]
    assert wire.aborted
    with pytest.raises(Stale):
        await connection.ask(HEAD, b"")


class Slow:
    """A receiver that is full after each piece until it is let go on."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.go_on = asyncio.Event()

    def feed(self, data: bytes) -> bool:
        self.pieces.append(data)
        self.go_on.clear()
        return True

    async def ready(self) -> None:
        await self.go_on.wait()


async def test_a_full_receiver_pauses_the_wire() -> None:
    scene, receiver = Scene(), Slow()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    pumping = asyncio.ensure_future(got.pump(receiver))
    await asyncio.sleep(0)
    assert not scene.wire.reading
    scene.connection.data_received(b"cd")  # was on its way
    assert receiver.pieces == [b"ab"]
    for _ in range(2):
        receiver.go_on.set()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    assert receiver.pieces == [b"ab", b"cd"]
    assert scene.wire.reading
    scene.connection.data_received(b"ef")
    receiver.go_on.set()
    await pumping
    assert receiver.pieces == [b"ab", b"cd", b"ef"]
    assert scene.pool.kept == [scene.connection]


class Refusing:
    """A receiver that cannot stand the second piece."""

    def __init__(self) -> None:
        self.fed = 0

    def feed(self, data: bytes) -> bool:
        self.fed += 1
        if self.fed == 2:
            raise MalformedAnswer("not this", phase="stream")
        return False

    async def ready(self) -> None:
        pass


async def test_what_a_receiver_raises_ends_the_answer_and_its_connection() -> None:
    scene = Scene()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nab")
    pumping = asyncio.ensure_future(got.pump(Refusing()))
    await asyncio.sleep(0)
    scene.connection.data_received(b"cd")
    with pytest.raises(MalformedAnswer, match="not this"):
        await pumping
    assert scene.wire.aborted


async def test_a_body_nobody_reads_does_not_fill_the_memory() -> None:
    scene = Scene()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nContent-Length: 600000\r\n\r\n", b"x" * 300_000)
    assert not scene.wire.reading
    reading = asyncio.ensure_future(got.read(10**6))
    await asyncio.sleep(0)
    assert scene.wire.reading
    scene.connection.data_received(b"x" * 300_000)
    assert len(await reading) == 600_000


async def test_an_answer_larger_than_allowed_is_given_up() -> None:
    scene = Scene()
    got = await scene.asked(b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n" + b"x" * 300)
    with pytest.raises(MalformedAnswer, match="larger than 200 bytes"):
        await got.read(200)
    await got.close()
    assert scene.wire.aborted


async def test_closing_calls_back_once_and_ends_what_was_not_read() -> None:
    scene, calls = Scene(), []
    got = await scene.asked(WHOLE[:-1])
    got.on_close(lambda: calls.append(1))
    await got.close()
    await got.close()
    assert calls == [1]
    assert scene.wire.aborted
