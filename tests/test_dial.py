"""Dialling: names, several addresses, interruption at every point."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from pointsman.dial import AHEAD, Connectable, dial


class Line(Connectable):
    """A connection that notes what becomes of it."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        if self.ended:
            self.end()

    def end(self) -> None:
        self.ended = True
        if self.transport is not None:
            self.transport.abort()


class Listener:
    """A server that counts who is connected."""

    def __init__(self) -> None:
        self.met = 0
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.met += 1
        self.open += 1
        try:
            await reader.read()
        except ConnectionError:
            pass
        finally:
            self.open -= 1
            writer.close()


@pytest.fixture
async def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """The names that this test's loop knows, with their addresses."""
    known: dict[str, list[str]] = {}
    loop = asyncio.get_running_loop()
    system = loop.getaddrinfo

    async def getaddrinfo(host: Any, port: Any, **options: Any) -> Any:
        if host not in known:
            return await system(host, port, **options)
        kind = (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "")
        return [(*kind, (address, port)) for address in known[host]]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo)
    return known


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.005)


async def test_the_address_that_answers_wins_whatever_stands_before_it(names: Any) -> None:
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        for addresses in (["127.0.0.1"], ["127.0.0.2", "127.0.0.1"], ["127.0.0.2", "127.0.0.3", "127.0.0.1"]):
            names["there.example"] = addresses
            line = await dial(Line, "there.example", port, None)
            assert line.transport.get_extra_info("peername")[0] == "127.0.0.1"
            line.end()
        await until(lambda: listener.open == 0)
        assert listener.met == 3


async def test_an_address_that_is_silent_is_raced_by_the_next(names: Any) -> None:
    """The queue of a listener that accepts nothing is full: the kernel does not answer."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.2", 0))
        silent.listen(0)
        port = silent.getsockname()[1]
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(("127.0.0.2", port))
        listener = Listener()
        server = await asyncio.start_server(listener.serve, "127.0.0.1", port)
        async with server:
            names["there.example"] = ["127.0.0.2", "127.0.0.1"]
            started = asyncio.get_running_loop().time()
            line = await dial(Line, "there.example", port, None)
            assert asyncio.get_running_loop().time() - started >= AHEAD * 0.9
            line.end()
            await until(lambda: listener.open == 0)
        for each in waiting:
            each.close()


async def test_where_no_address_answers_the_first_error_is_told(names: Any) -> None:
    names["there.example"] = ["127.0.0.2", "127.0.0.3"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with pytest.raises(ConnectionRefusedError):
        await dial(Line, "there.example", port, None)


async def test_a_name_does_not_lead_to_link_local_addresses(names: Any) -> None:
    names["metadata.example"] = ["169.254.169.254", "fe80::1%eth0"]
    with pytest.raises(OSError, match="no address that may be called"):
        await dial(Line, "metadata.example", 80, None)


@pytest.mark.parametrize("secure", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
@pytest.mark.parametrize("ticks", range(8))
async def test_no_interruption_leaves_a_connection_open(
    names: Any, ticks: int, several: bool, secure: bool
) -> None:
    authority = trustme.CA()
    ours, theirs = ssl.create_default_context(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.configure_trust(ours)
    authority.issue_cert("there.example").configure_cert(theirs)
    names["there.example"] = ["127.0.0.2", "127.0.0.1"] if several else ["127.0.0.1"]
    listener = Listener()
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0, ssl=theirs if secure else None)
    async with server:
        port = server.sockets[0].getsockname()[1]
        task = asyncio.ensure_future(dial(Line, "there.example", port, ours if secure else None))
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        for made in await asyncio.gather(task, return_exceptions=True):
            if isinstance(made, Line):
                made.end()
        line = await dial(Line, "there.example", port, ours if secure else None)
        await until(lambda: listener.open <= 1)
        line.end()
        await until(lambda: listener.open == 0)
