"""An origin's connections over real sockets: kept, replaced, opened ahead, given back whatever happens."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from pointsman.errors import ConnectFailed, UpstreamCut
from pointsman.origin import Limits, Origin

LIMITS = Limits(connecting=5, idle=60, ahead=0, header=10_000)
HEAD = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Provider:
    """A server that answers each request on each connection, at most `answers` on one."""

    def __init__(self, *, answers: int = 1000) -> None:
        self.answers = answers
        self.connections = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            for _ in range(self.answers):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(ANSWER)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def origin_at(provider: Provider, limits: Limits = LIMITS) -> AsyncIterator[Origin]:
    server = await asyncio.start_server(provider.serve, "127.0.0.1", 0)
    origin = Origin("127.0.0.1", server.sockets[0].getsockname()[1], None, limits)
    try:
        yield origin
    finally:
        await origin.close()
        server.close()
        await until(lambda: provider.open == 0)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def get(origin: Origin) -> bytes:
    answer = await origin.ask(HEAD, b"")
    try:
        return await answer.read(10)
    finally:
        await answer.close()


async def test_an_answer_says_how_long_connecting_took() -> None:
    async with origin_at(Provider()) as origin:
        times = []
        for _ in range(2):
            answer = await origin.ask(HEAD, b"")
            await answer.read(10)
            await answer.close()
            times.append(answer.connecting)
        assert times[0] is not None
        assert times[0] > 0
        assert times[1] == 0


async def test_the_connection_used_last_is_used_next() -> None:
    provider = Provider()
    async with origin_at(provider) as origin:
        assert await asyncio.gather(*(get(origin) for _ in range(4))) == [b"ok"] * 4
        assert (origin.connections, origin.idle) == (4, 4)
        last = origin._idle[-1]
        for _ in range(10):
            await get(origin)
            assert origin._idle[-1] is last
        assert provider.connections == 4


async def test_connections_nobody_uses_are_closed_in_time() -> None:
    provider = Provider()
    async with origin_at(provider, replace(LIMITS, idle=0.0)) as origin:
        await get(origin)
        origin.expire()
        assert (origin.connections, origin.idle) == (0, 0)
        await until(lambda: provider.open == 0)
    async with origin_at(provider) as origin:
        await get(origin)
        origin.expire()
        assert (origin.connections, origin.idle) == (1, 1)


async def test_a_kept_connection_that_has_ended_is_replaced_once() -> None:
    provider = Provider(answers=1)
    async with origin_at(provider) as origin:
        for _ in range(3):
            assert await get(origin) == b"ok"
        provider.answers = 0
        with pytest.raises(UpstreamCut):
            await get(origin)
        assert origin.connections == origin.idle == 0


async def test_connections_are_opened_ahead_once_the_host_has_answered() -> None:
    provider = Provider()
    async with origin_at(provider, replace(LIMITS, ahead=3)) as origin:
        held = await origin.ask(HEAD, b"")
        await until(lambda: origin.idle > 0)
        for _ in range(2):
            await get(origin)
        await until(lambda: origin.idle >= 3)
        await held.read(10)
        assert provider.connections <= 4, "no more than are wanted beside those in use"


async def test_a_host_that_does_not_answer_gets_one_call_only() -> None:
    provider = Provider(answers=0)
    async with origin_at(provider, replace(LIMITS, ahead=3)) as origin:
        with pytest.raises(UpstreamCut):
            await get(origin)
        assert provider.connections == 1


async def test_the_clock_for_connecting_covers_all_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*args: object) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr("pointsman.origin.dial", never)
    with pytest.raises(ConnectFailed, match="in time"):
        await get(Origin("127.0.0.1", 1, None, replace(LIMITS, connecting=0.01)))


async def test_after_the_end_nothing_is_opened_and_nothing_kept() -> None:
    provider = Provider()
    async with origin_at(provider) as origin:
        held = await origin.ask(HEAD, b"")
        await get(origin)
        await origin.close()
        assert origin.connections == 0
        assert await held.read(10) == b"ok", "what has come is there"
        with pytest.raises(ConnectFailed, match="stopping"):
            await get(origin)


@pytest.mark.parametrize("ahead", [0, 1])
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
@pytest.mark.parametrize("ticks", range(14))
async def test_no_cancellation_leaves_a_connection_in_use(ticks: int, kept: bool, ahead: int) -> None:
    provider = Provider()
    async with origin_at(provider, replace(LIMITS, ahead=ahead)) as origin:
        if kept:
            await get(origin)
        task = asyncio.ensure_future(get(origin))
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert await get(origin) == b"ok"
        await until(lambda: origin.connections == origin.idle == provider.open)
