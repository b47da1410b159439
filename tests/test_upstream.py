"""Upstream over real sockets: TLS, truncation, compression, limits, cancellation."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import trustme

from pointsman.config import UpstreamSettings
from pointsman.errors import (
    ConnectFailed,
    Internal,
    MalformedAnswer,
    StartupError,
    Unavailable,
    UpstreamCut,
    UpstreamError,
)
from pointsman.upstream import Outgoing, Upstream

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
SETTINGS = UpstreamSettings()


@asynccontextmanager
async def server(handler: Handler, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A raw server on loopback; gives its port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        finally:
            writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with listening:
        yield listening.sockets[0].getsockname()[1]


def answering(*pieces: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
        await writer.drain()

    return handler


@asynccontextmanager
async def upstream(settings: UpstreamSettings = SETTINGS) -> AsyncIterator[Upstream]:
    made = Upstream(settings)
    try:
        yield made
    finally:
        await made.close()


def request(port: int, *, scheme: str = "http", host: str = "127.0.0.1") -> Outgoing:
    return Outgoing("POST", f"{scheme}://{host}:{port}/v1/x", {"content-type": "application/json"}, b"{}")


async def fetch(
    handler: Handler, *, settings: UpstreamSettings = SETTINGS, limit: int = 1000
) -> tuple[int, bytes]:
    async with server(handler) as port, upstream(settings) as client:
        answer = await client.send(request(port))
        try:
            return answer.status, await answer.read(limit)
        finally:
            await answer.close()


def whole(body: bytes, *headers: bytes, status: bytes = b"200 OK") -> bytes:
    lines = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *headers, b"", body]
    return b"\r\n".join(lines)


async def test_what_is_sent_is_what_was_asked_for() -> None:
    heads: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(whole(b"ok"))
        await writer.drain()

    assert await fetch(handler) == (200, b"ok")
    head = heads[0].lower()
    assert head.startswith(b"post /v1/x http/1.1\r\n")
    assert b"accept-encoding: identity\r\n" in head
    assert b"user-agent: pointsman\r\n" in head
    assert b"content-length: 2\r\n" in head


async def test_a_redirect_is_an_answer_and_is_not_followed() -> None:
    status, _ = await fetch(answering(whole(b"", b"Location: http://127.0.0.1:1/", status=b"307 Moved")))
    assert status == 307


@pytest.mark.parametrize(
    ("pieces", "error"),
    [
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345"], UpstreamCut),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"], UpstreamCut),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], MalformedAnswer),
        ([b""], UpstreamCut),
        ([b"HTTP/1.1 2"], UpstreamCut),
        ([b"SSH-2.0-OpenSSH\r\n\r\n"], MalformedAnswer),
        ([b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n"], MalformedAnswer),
        ([whole(b"x" * 1001)], MalformedAnswer),
        ([whole(gzip.compress(b"x" * 100_000, mtime=0), b"Content-Encoding: gzip")], MalformedAnswer),
        ([whole(gzip.compress(b"hello", mtime=0)[:-9], b"Content-Encoding: gzip")], UpstreamCut),
        ([whole(b"not gzip at all", b"Content-Encoding: gzip")], MalformedAnswer),
        ([whole(b"x", b"Content-Encoding: gzip, gzip")], MalformedAnswer),
        ([whole(b"x", b"Content-Encoding: br")], MalformedAnswer),
    ],
)
async def test_an_answer_that_is_not_whole_is_an_error(
    pieces: list[bytes], error: type[UpstreamError]
) -> None:
    with pytest.raises(error):
        await fetch(answering(*pieces))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        (b"gzip", gzip.compress(b"hello" * 50, mtime=0)),
        (b"deflate", zlib.compress(b"hello" * 50)),
        (b"identity", b"hello" * 50),
        (b"GZIP", gzip.compress(b"hello" * 50, mtime=0)),
    ],
)
async def test_a_compressed_answer_is_inflated_though_nobody_asked(encoding: bytes, body: bytes) -> None:
    assert await fetch(answering(whole(body, b"Content-Encoding: " + encoding))) == (200, b"hello" * 50)


async def test_nobody_there_is_a_failed_connection() -> None:
    async with server(answering()) as port:
        pass
    async with upstream() as client:
        with pytest.raises(ConnectFailed, match="cannot be reached") as caught:
            await client.send(request(port))
    assert str(port) not in caught.value.message, "the address is for the log"
    assert caught.value.phase == "connect"


async def test_certificates_are_verified_and_a_private_authority_can_be_added(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    async with server(answering(whole(b"secure")), context) as port:
        async with upstream() as client:
            with pytest.raises(ConnectFailed, match="certificate is not trusted"):
                await client.send(request(port, scheme="https"))
        async with upstream(replace(SETTINGS, ca=bundle)) as client:
            answer = await client.send(request(port, scheme="https"))
            assert await answer.read(100) == b"secure"
            await answer.close()
            with pytest.raises(ConnectFailed, match="certificate is not trusted"):
                await client.send(request(port, scheme="https", host="localhost"))


def test_a_bundle_that_cannot_be_read_is_refused_at_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"upstream\.ca: .*missing\.pem"):
        Upstream(replace(SETTINGS, ca=tmp_path / "missing.pem"))


async def test_an_egress_proxy_is_used_when_configured_or_in_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    lines: list[bytes] = []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines.append(head.split(b"\r\n")[0])
        writer.write(whole(b"via proxy"))
        await writer.drain()

    target = Outgoing("POST", "http://provider.example:8000/v1/x", {}, b"{}")
    async with server(proxy) as port:
        for settings, variable in (
            (replace(SETTINGS, proxy=f"http://127.0.0.1:{port}"), None),
            (SETTINGS, "http_proxy"),
        ):
            if variable:
                monkeypatch.setenv(variable, f"http://127.0.0.1:{port}")
            async with upstream(settings) as client:
                answer = await client.send(target)
                assert await answer.read(100) == b"via proxy"
                await answer.close()
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        async with server(answering(whole(b"direct"))) as direct, upstream() as client:
            answer = await client.send(request(direct))
            assert await answer.read(100) == b"direct"
            await answer.close()
    assert lines == [b"POST http://provider.example:8000/v1/x HTTP/1.1"] * 2


async def test_headers_that_are_kept_are_told_apart_by_what_they_are() -> None:
    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            await reader.readexactly(2)
            writer.write(whole(b"".join(line for line in head.split(b"\r\n") if line.startswith(b"x-who"))))

    kept = [{"x-who": "one"}, {"x-who": "two"}]
    told = []
    async with server(echo) as port, upstream() as client:
        for headers in (*kept, *kept):
            for still in (True, False):
                asked = Outgoing("POST", f"http://127.0.0.1:{port}/", headers, b"{}", still)
                answer = await client.send(asked)
                told.append(await answer.read(100))
                await answer.close()
    assert told == [b"x-who: one", b"x-who: one", b"x-who: two", b"x-who: two"] * 2


async def test_connections_are_limited_and_waiting_ends_with_advice() -> None:
    async with (
        server(answering(whole(b"ok"))) as port,
        upstream(replace(SETTINGS, max_connections=1)) as client,
    ):
        held = await client.send(request(port))
        with pytest.raises(Unavailable, match="all connections") as caught:
            await client.send(request(port))
        assert (caught.value.status, caught.value.retry_after) == (503, 1.0)
        await held.close()
        await held.close()
        again = await client.send(request(port))
        assert await again.read(10) == b"ok"
        await again.close()


async def test_whoever_waits_for_a_connection_is_next_in_turn_unless_it_has_left() -> None:
    async with (
        server(answering(whole(b"ok"))) as port,
        upstream(replace(SETTINGS, max_connections=1)) as client,
    ):
        held = await client.send(request(port))
        gone, leaving, staying = (asyncio.ensure_future(client.send(request(port))) for _ in range(3))
        await asyncio.sleep(0)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        await held.close()
        leaving.cancel()  # its turn has just come
        answer = await asyncio.wait_for(staying, 5)
        assert leaving.cancelled()
        assert await answer.read(10) == b"ok"
        await answer.close()


@pytest.mark.parametrize("ticks", range(12))
async def test_no_cancellation_costs_a_slot(ticks: int) -> None:
    """Cancelled after 0, 1, 2, … turns of the loop, with room for one connection only."""
    async with (
        server(answering(whole(b"ok"))) as port,
        upstream(replace(SETTINGS, max_connections=1)) as client,
    ):
        task = asyncio.ensure_future(client.send(request(port)))
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await (await task).close()
        answer = await client.send(request(port))
        assert await answer.read(10) == b"ok"
        await answer.close()


async def test_closing_an_unread_answer_closes_its_connection() -> None:
    closed = asyncio.Event()

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        await writer.drain()
        await reader.read()
        closed.set()

    async with server(endless) as port, upstream() as client:
        answer = await client.send(request(port))
        await answer.close()
        await asyncio.wait_for(closed.wait(), 5)


class Collecting:
    """A receiver that says it is full after each piece."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []
        self.waits = 0

    def feed(self, data: bytes) -> bool:
        self.pieces.append(data)
        return True

    async def ready(self) -> None:
        self.waits += 1


async def test_a_body_is_pumped_at_the_receivers_pace() -> None:
    async with server(answering(whole(b"x" * 500_000))) as port, upstream() as client:
        answer, receiver = await client.send(request(port)), Collecting()
        await answer.pump(receiver)
        await answer.close()
    assert b"".join(receiver.pieces) == b"x" * 500_000
    assert receiver.waits == len(receiver.pieces) > 1


async def test_a_connection_serves_one_request_after_the_other() -> None:
    met: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(1)
        while await reader.read(1000):
            writer.write(whole(b"ok"))

    async with server(handler) as port, upstream(replace(SETTINGS, ahead=0)) as client:
        for _ in range(5):
            answer = await client.send(request(port))
            assert await answer.read(10) == b"ok"
            await answer.close()
        assert client.connections == (1, 1)
    assert len(met) == 1


@pytest.mark.parametrize(
    "headers",
    [{"x-a": "1\r\nx-b: 2"}, {"x-a": "1\nx-b: 2"}, {"x-a\r\nx-b": "1"}, {"x-a": "\0"}, {"x-a": "\u4f60"}],
)
async def test_a_header_that_would_be_two_is_never_sent(headers: dict[str, str]) -> None:
    async with server(answering(whole(b"ok"))) as port, upstream() as client:
        asked = request(port)
        with pytest.raises(Internal):
            await client.send(msgspec.structs.replace(asked, headers=headers))
        assert client.connections == (0, 0)


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("/v1/a b", b"POST /v1/a%20b HTTP/1.1"),
        ("", b"POST / HTTP/1.1"),
        ("/v1/\u4f60?x=1&y=%20", b"POST /v1/%E4%BD%A0?x=1&y=%20 HTTP/1.1"),
    ],
)
async def test_whatever_a_url_holds_the_request_line_is_one(path: str, line: bytes) -> None:
    lines: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append((await reader.readuntil(b"\r\n\r\n")).split(b"\r\n")[0])
        writer.write(whole(b"ok"))

    async with server(handler) as port, upstream() as client:
        answer = await client.send(Outgoing("POST", f"http://127.0.0.1:{port}{path}", {}, b""))
        await answer.close()
    assert lines == [line]


async def test_what_is_made_beforehand_is_not_made_by_the_first_call() -> None:
    async with upstream() as client:
        client.open(["https://one.example/v1", "https://two.example/v1"])
        assert client.connections == (0, 0), "nobody is called"
        assert "_context" in vars(client), "the authorities are read"


def test_http2_needs_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.upstream.find_spec", lambda name: None)
    with pytest.raises(StartupError, match=r"pointsman\[http2\]"):
        Upstream(replace(SETTINGS, http2=True))
