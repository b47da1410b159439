"""The scripted provider, seen through a plain socket: every step, every framing, and who leaves."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest
import trustme

from pointsman.testing import Close, FakeProvider, Hang, Pause, Received, Reset, Script, Send

REQUEST = b"POST /v1/chat HTTP/1.1\r\nhost: lab\r\nX-Key: abc\r\ncontent-length: 8\r\n\r\n" + b'{"a": 1}'
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Open = Callable[[FakeProvider], AbstractAsyncContextManager[Streams]]


@pytest.fixture
def connected() -> Open:
    """A plain connection to a provider."""

    @asynccontextmanager
    async def run(fake: FakeProvider) -> AsyncIterator[Streams]:
        reader, writer = await asyncio.open_connection("127.0.0.1", fake.port)
        try:
            yield reader, writer
        finally:
            writer.close()

    return run


async def test_a_request_is_kept_as_it_came(connected: Open) -> None:
    async with FakeProvider(Script.json({})) as fake, connected(fake) as (reader, writer):
        assert fake.url == f"http://127.0.0.1:{fake.port}/v1"
        writer.write(REQUEST)
        received = await asyncio.wait_for(fake.next_request(), 5)
        assert (received.method, received.path) == ("POST", "/v1/chat")
        assert received.headers["x-key"] == "abc"
        assert received.json == {"a": 1}
        assert fake.requests == [received]
        await reader.readuntil(b"{}")
        assert not received.disconnected.is_set()


async def test_a_chunked_request_is_put_together(connected: Open) -> None:
    async with FakeProvider(Script.json({})) as fake, connected(fake) as (reader, writer):
        writer.write(b"POST /v1 HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n3\r\n[1,\r\nA\r\n" + b" " * 8)
        writer.write(b"2]\r\n0\r\n\r\n" + REQUEST)
        await reader.readuntil(b"{}")
        await reader.readuntil(b"{}")
        assert [received.json for received in fake.requests] == [[1, 2], {"a": 1}]


@pytest.mark.parametrize(
    ("script", "wire"),
    [
        (Script((Send(b"ab"), Send(b"c"))), b"content-length: 3\r\n\r\nabc"),
        (
            Script((Send(b"ab"), Send(b""), Send(b"c" * 17)), framing="chunked"),
            b"transfer-encoding: chunked\r\n\r\n2\r\nab\r\n11\r\n" + b"c" * 17 + b"\r\n0\r\n\r\n",
        ),
        (Script((Send(b"abc"),), framing="close"), b"connection: close\r\n\r\nabc"),
    ],
)
async def test_an_answer_is_framed_as_its_script_says(connected: Open, script: Script, wire: bytes) -> None:
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        expected = b"HTTP/1.1 200 OK\r\n" + wire
        assert await asyncio.wait_for(reader.readexactly(len(expected)), 5) == expected
        if script.framing == "close":
            assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_a_raw_answer_is_its_steps_and_nothing_else(connected: Open) -> None:
    script = Script((Send(b"HTP/9 nonsense\r\n"), Send(b"\r\nmore")), framing="raw")
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        assert await asyncio.wait_for(reader.read(), 5) == b"HTP/9 nonsense\r\n\r\nmore"


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_close_breaks_a_promise_about_the_body(connected: Open, framing: str) -> None:
    script = Script((Send(b"ab"), Close(), Send(b"cd")), framing=framing)  # type: ignore[arg-type]
    async with FakeProvider(script) as fake:
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.RemoteProtocolError):
                await client.get(fake.url)
        async with connected(fake) as (reader, writer):
            writer.write(REQUEST)
            everything = await asyncio.wait_for(reader.read(), 5)
            assert b"ab" in everything
            assert b"cd" not in everything


async def test_more_can_be_promised_than_is_sent(connected: Open) -> None:
    script = Script((Send(b"ab"), Close()), declared=10)
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        everything = await asyncio.wait_for(reader.read(), 5)
        assert everything.endswith(b"content-length: 10\r\n\r\nab")


async def test_reset_ends_the_connection_with_a_reset(connected: Open) -> None:
    async with (
        FakeProvider(Script((Reset(),), framing="raw")) as fake,
        connected(fake) as (reader, writer),
    ):
        writer.write(REQUEST)
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.read(), 5)


async def test_pause_waits_between_what_is_sent(connected: Open) -> None:
    script = Script((Send(b"a"), Pause(0.2), Send(b"b")), framing="close")
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        await reader.readuntil(b"\r\n\r\na")
        started = time.monotonic()
        assert await asyncio.wait_for(reader.read(), 5) == b"b"
        assert time.monotonic() - started > 0.15


@pytest.mark.parametrize("leave", ["close", "reset", "half-close"])
@pytest.mark.parametrize("step", [Hang(), Pause(60)])
async def test_it_is_noticed_when_the_sender_leaves(connected: Open, leave: str, step: Hang | Pause) -> None:
    script = Script.sse([b"data: 1\n\n", step])
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        await reader.readuntil(b"data: 1\n\n")
        received = await fake.next_request()
        assert not received.disconnected.is_set()
        if leave == "reset":
            connection = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()
        elif leave == "close":
            writer.close()
        else:
            writer.write_eof()
        await asyncio.wait_for(received.disconnected.wait(), 1)


async def test_a_sender_that_leaves_while_much_is_sent_is_noticed(connected: Open) -> None:
    script = Script((*(Send(b"x" * 65536) for _ in range(500)), Hang()), framing="close")
    async with FakeProvider(script) as fake, connected(fake) as (reader, writer):
        writer.write(REQUEST)
        await reader.readexactly(1000)
        writer.transport.abort()
        received = await fake.next_request()
        await asyncio.wait_for(received.disconnected.wait(), 5)


async def test_a_connection_serves_one_request_after_another(connected: Open) -> None:
    async with (
        FakeProvider([Script.json(1), Script.json(2)]) as fake,
        connected(fake) as (reader, writer),
    ):
        for answer in (b"\r\n\r\n1", b"\r\n\r\n2"):
            writer.write(REQUEST)
            await asyncio.wait_for(reader.readuntil(answer), 5)
        assert not any(received.disconnected.is_set() for received in fake.requests)


async def test_a_list_of_answers_ends_with_an_error() -> None:
    async with FakeProvider([Script.json({})]) as fake, httpx.AsyncClient(trust_env=False) as client:
        answers = [await client.get(fake.url) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [200, 500, 500]
        assert answers[1].json()["error"]["message"] == "the script is over"


async def test_one_answer_alone_is_given_to_everybody() -> None:
    async with FakeProvider(Script.json({})) as fake, httpx.AsyncClient(trust_env=False) as client:
        assert [(await client.get(fake.url)).status_code for _ in range(3)] == [200] * 3


async def test_a_function_answers_what_it_reads() -> None:
    def plain(received: Received) -> Script:
        return Script.json({"path": received.path})

    async def waiting(received: Received) -> Script:
        await asyncio.sleep(0)
        return plain(received)

    for function in (plain, waiting):
        async with FakeProvider(function) as fake, httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{fake.url}/x")).json() == {"path": "/v1/x"}


async def test_a_mistake_in_the_function_comes_to_light(connected: Open) -> None:
    def answer(received: Received) -> Script:
        raise LookupError("a mistake of the test")

    fake = FakeProvider(answer)
    await fake.__aenter__()
    async with connected(fake) as (reader, writer):
        writer.write(REQUEST)
        assert await asyncio.wait_for(reader.read(), 5) == b""
    with pytest.raises(LookupError, match="a mistake of the test"):
        await fake.__aexit__(None, None, None)


async def test_it_speaks_tls() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    script = Script.sse([b"data: 1\n\n", Hang()])
    async with FakeProvider([Script.json({}), script], ssl_context=context) as fake:
        assert fake.url.startswith("https://127.0.0.1:")
        async with httpx.AsyncClient(trust_env=False) as client:
            with pytest.raises(httpx.ConnectError):
                await client.get(fake.url)
        async with httpx.AsyncClient(trust_env=False, verify=trusting) as client:
            assert (await client.get(fake.url)).json() == {}
            async with client.stream("GET", fake.url) as answer:
                async for chunk in answer.aiter_bytes():
                    assert chunk == b"data: 1\n\n"
                    break
            await asyncio.wait_for(fake.requests[-1].disconnected.wait(), 1)


async def test_leaving_it_ends_what_hangs_and_frees_the_port(connected: Open) -> None:
    fake = FakeProvider(Script((Hang(),)))
    async with fake:
        port = fake.port
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(REQUEST)
        await fake.next_request()
    assert b"200 OK" in await asyncio.wait_for(reader.read(), 5)
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    async with fake:
        assert fake.port == port
