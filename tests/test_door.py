"""The fast door: requests for surfaces on raw sockets, beside requests that take the longer way."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from pointsman.connection import HIGH_WATER
from pointsman.door import LARGE, MOST_UNREAD, Door, HotRequest
from pointsman.errors import BadRequest
from pointsman.guard import Entrance
from pointsman.runs import Run
from pointsman.testing import Hang, Pause, RawClient, Running, Script, StreamClient, running

Boot = Callable[..., Any]
USED = "plugins: {openai: {}, anthropic: {}, routes: {}, echo: {}, keys: {}, usage: {}}\n"
CHAT = "/v1/chat/completions"
ASKED = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
SOON = 5.0


def post(body: Any, *lines: str, path: str = CHAT) -> bytes:
    """A request with a JSON body."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = [f"POST {path} HTTP/1.1", "Host: localhost", f"Content-Length: {len(raw)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + raw


@asynccontextmanager
async def connected(config: str = USED, **options: Any) -> AsyncIterator[tuple[RawClient, Running]]:
    async with running(config, **options) as server, RawClient(server.url) as client:
        async with asyncio.timeout(2 * SOON):
            yield client, server


async def nothing_left(server: Running) -> None:
    """Return when no client is connected and no exchange under way."""
    async with asyncio.timeout(SOON):
        while server.server.connections or server.gateway.running:
            await asyncio.sleep(0)


# What takes which way


@pytest.mark.parametrize("path", [CHAT, f"/api{CHAT}", "/v1/messages", "/v1/responses"])
async def test_surfaces_take_the_short_way(path: str) -> None:
    async with connected() as (client, _):
        await client.send(post({"model": "echo/echo", "input": "Hi", "max_tokens": 9, **ASKED}, path=path))
        status, headers, _ = await client.answer()
        assert status == 200
        assert "date" not in headers, "which uvicorn adds to its own answers"


@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (post(ASKED, path=CHAT + "?a=b"), 200),
        (post(ASKED, "Origin: http://localhost"), 200),
        (post(ASKED, "Upgrade: h2c"), 200),
        (post(gzip.compress(json.dumps(ASKED).encode()), "Content-Encoding: gzip"), 200),
        (LIVE, 200),
        (f"GET {CHAT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 405),
        (f"OPTIONS {CHAT} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode(), 204),
    ],
    ids=["query", "origin", "upgrade", "compressed", "page", "get", "options"],
)
async def test_what_is_unusual_takes_the_longer_way(request_: bytes, expected: int) -> None:
    async with connected() as (client, _):
        await client.send(request_)
        status, headers, _ = await client.answer()
        assert (status, "date" in headers) == (expected, True)


EQUAL: dict[str, bytes] = {
    "whole": post(ASKED),
    "stream": post({**ASKED, "stream": True}),
    "accounted": post({**ASKED, "stream": True}, path=f"/api{CHAT}"),
    "messages": post({**ASKED, "max_tokens": 9}, path="/v1/messages"),
    "messages stream": post({**ASKED, "max_tokens": 9, "stream": True}, path="/v1/messages"),
    "own id": post(ASKED, "X-Request-Id: mine"),
    "explained": post({**ASKED, "model": "nobody/knows"}, "X-Pointsman-Explain: true"),
    "unknown model": post({**ASKED, "model": "nobody/knows"}),
    "no JSON": post(b"{"),
    "not UTF-8": post(b'{"model": "\xff"}'),
    "empty": post(b""),
    "deep": post(b"[" * 100),
    "late failure": post({**ASKED, "model": "echo/drop", "stream": True}),
    "early failure": post({**ASKED, "model": "echo/error-500"}),
    "declared too large": post(b"x" * 5000),
    "pipelined": post(ASKED) + LIVE + post(ASKED),
    "closing": post(ASKED, "Connection: close"),
}
VARIES = re.compile(
    rb'(req|gen|chatcmpl|msg)[-_][0-9a-z-]+|"created": ?\d+|"(at|timings)": ?("[^"]*"|\{[^}]*\})'
)


@pytest.mark.parametrize("name", EQUAL)
async def test_answers_are_equal_by_both_doors(name: str) -> None:
    config = USED + "server: {max_body: 4000B}"
    told = []
    for door in ("auto", "asgi"):
        async with connected(config, door=door) as (client, _):
            await client.send(EQUAL[name] + post({**ASKED, "model": "the/last"}, "Connection: close"))
            raw = b""
            answers = []
            while "the/last" not in raw.decode():
                status, headers, raw = await client.answer()
                shown = {
                    key: VARIES.sub(b"", value.encode()) for key, value in headers.items() if key != "date"
                }
                answers.append((status, shown, VARIES.sub(b"", raw)))
                if headers.get("connection") == "close":
                    break
            told.append(answers)
    assert told[0] == told[1]
    assert told[0]


async def test_a_request_is_logged_by_both_doors_alike(caplog: pytest.LogCaptureFixture) -> None:
    lines = []
    for door in ("auto", "asgi"):
        caplog.clear()
        with caplog.at_level(logging.INFO, "pointsman.access"):
            async with connected(USED + "log: {access: true}", door=door) as (client, _):
                await client.send(post(ASKED, "X-Request-Id: mine") + LIVE)
                await client.answer()
                await client.answer()
        lines.append([(each.getMessage(), each.__dict__["client"]) for each in caplog.records])
    assert lines[0] == lines[1] == [(f"POST {CHAT} 200", "127.0.0.1"), ("GET /health/live 200", "127.0.0.1")]


# Connections


async def test_a_connection_serves_one_request_after_another() -> None:
    async with connected() as (client, server):
        for _ in range(3):
            for request in (post(ASKED), LIVE, post({**ASKED, "stream": True})):
                await client.send(request)
                assert (await client.answer())[0] == 200
        assert server.server.connections == 1
        assert server.server._uvicorn is not None
        assert server.server._uvicorn.server_state.total_requests == 9


async def test_a_hundred_requests_at_once_are_answered_in_order_whatever_way_they_take() -> None:
    async with connected() as (client, _):
        requests = []
        for number in range(100):
            asked = {**ASKED, "messages": [{"role": "user", "content": f"number {number}"}]}
            asked["stream"] = number % 4 == 1
            path = CHAT + "?long" if number % 4 == 2 else CHAT
            requests.append(LIVE if number % 4 == 3 else post(asked, path=path))
        await client.send(b"".join(requests))
        for number in range(100):
            status, headers, body = await client.answer()
            assert status == 200
            assert ("date" in headers) == (number % 4 in (2, 3))
            said = b"".join(re.findall(rb'"content": ?"([^"]*)"', body))
            assert said.endswith(b"number %d" % number) or (body == b'{"status":"live"}' and number % 4 == 3)


async def test_who_asks_to_close_is_answered_and_closed() -> None:
    async with connected() as (client, server):
        await client.send(post(ASKED, "Connection: close") + LIVE)
        status, headers, _ = await client.answer()
        assert (status, headers["connection"]) == (200, "close")
        assert await client.rest() == b""
        await nothing_left(server)


async def test_who_may_not_ask_is_told_before_the_body_is_there() -> None:
    config = USED + "auth: keys\nadmin_key: the-key\n"
    async with connected(config) as (client, server):
        head = post(b"x" * 1_000_000).removesuffix(b"x" * 1_000_000)
        await client.send(head)
        status, headers, _ = await client.answer()
        assert (status, "connection" in headers) == (401, False)
        assert server.gateway.running == 0
        await client.send(b"x" * 1_000_000 + LIVE)
        assert (await client.answer())[2] == b'{"status":"live"}', "the body was read past"


async def test_a_body_is_not_gathered_for_nobody(tmp_path: Any) -> None:
    """Until the key is known to be good, little of the body is taken in."""
    (tmp_path / "slow.py").write_text(
        "import asyncio\n"
        "POINTSMAN_API = 1\n"
        "from pointsman.exchange import Actor\n"
        "from pointsman.markers import hookimpl\n"
        "go = asyncio.Event()\n"
        "@hookimpl\n"
        "async def authenticate(exchange):\n"
        "    await asyncio.wait_for(exchange.gateway.go.wait(), 5)\n"
        "    return Actor('a', 'a')\n"
    )
    config = "auth: keys\nplugins: {./slow.py: {}, openai: {}, routes: {}, echo: {}}\n"
    async with connected(config, folder=tmp_path) as (client, server):
        go: Any = asyncio.Event()
        server.gateway.go = go  # type: ignore[attr-defined]
        body = json.dumps({**ASKED, "user": "x" * 20_000_000}).encode()
        sending = asyncio.ensure_future(client.send(post(body)))
        (connection,) = await _connections(server)
        while not connection.flow.read_paused:
            await asyncio.sleep(0)
        assert MOST_UNREAD < connection.body_size < 40 * MOST_UNREAD
        assert not sending.done()
        go.set()
        assert (await client.answer())[0] == 200
        await sending


async def _connections(server: Running) -> list[Any]:
    assert server.server._uvicorn is not None
    async with asyncio.timeout(SOON):
        while not server.server.connections:
            await asyncio.sleep(0)
    return list(server.server._uvicorn.server_state.connections)


@pytest.mark.parametrize("page", [True, False])
async def test_however_many_requests_come_at_once_few_wait_in_memory(pair: Boot, page: bool) -> None:
    go = asyncio.Event()

    async def script(received: Any) -> Script:
        await go.wait()
        return Script(status=500)

    async with pair(script) as both, RawClient(both.running.url) as client:
        many = asyncio.ensure_future(client.send(post(both.body()), (LIVE if page else post(ASKED)) * 8_000))
        await both.one.next_request()
        (connection,) = await _connections(both.running)
        async with asyncio.timeout(SOON):
            while not connection.flow.read_paused:
                await asyncio.sleep(0)
        waiting = len(connection.pipeline)
        connection.flow.resume_reading()
        assert connection.flow.read_paused
        assert 16 <= waiting <= 16 + 300_000 // len(LIVE)
        many.cancel()
        assert client._writer is not None
        client._writer.transport.abort()
        go.set()


# Clients that leave, and clients that do not read


@pytest.mark.parametrize("phase", ["body", "asked", "headers", "role", "content", "queued"])
async def test_a_client_that_leaves_cancels_the_call(
    pair: Boot, stream_events: dict[str, bytes], phase: str
) -> None:
    role, hello = stream_events["role"], stream_events["hello"]
    script = {
        "headers": Script.sse([Hang()]),
        "role": Script.sse([role, Hang()]),
        "content": Script.sse([role, hello, Hang()]),
    }.get(phase, Script((Hang(),), framing="raw"))
    async with pair(script) as both:
        request = post(both.body(stream=phase != "asked"))
        async with RawClient(both.running.url) as client:
            if phase == "body":
                await client.send(request[:-5])
                async with asyncio.timeout(SOON):
                    while not both.running.gateway.running:
                        await asyncio.sleep(0)
            else:
                await client.send(request + (LIVE if phase == "queued" else b""))
                received = await both.one.next_request()
            if phase == "content":
                await client._stream().readuntil(b"Hello")
        await nothing_left(both.running)
        if phase != "body":
            await asyncio.wait_for(received.disconnected.wait(), SOON)
            assert (await both.row())["outcome"] == "cancelled"


async def test_a_client_that_leaves_with_requests_in_the_queue_leaves_nothing(pair: Boot) -> None:
    async with pair(Script.sse([Hang()])) as both:
        async with RawClient(both.running.url) as client:
            await client.send(post(both.body(stream=True)) * 5 + LIVE)
            await both.one.next_request()
        await nothing_left(both.running)
        assert len(both.one.requests) == 1


@asynccontextmanager
async def slow_reader(url: str, body: Any) -> AsyncIterator[socket.socket]:
    """A client with little room, that reads only when it is told to."""
    host, _, port = url.removeprefix("http://").partition(":")
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as plain:
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await loop.sock_connect(plain, (host, int(port)))
        await loop.sock_sendall(plain, post(body))
        yield plain


def large_event(size: int) -> bytes:
    return b'data: {"choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % (b"x" * size)


async def test_a_slow_reader_pauses_the_provider_and_gets_it_all(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    events = [large_event(500_000)] * 40
    script = Script.sse([stream_events["role"], *events, stream_events["finish"], stream_events["done"]])
    async with pair(script) as both:
        async with slow_reader(both.running.url, both.body(stream=True)) as plain:
            (connection,) = await _connections(both.running)
            async with asyncio.timeout(SOON):
                while not connection.flow.write_paused:
                    await asyncio.sleep(0)
            assert connection.transport.get_write_buffer_size() < HIGH_WATER + 3_000_000
            received, tail = 0, b""
            async with asyncio.timeout(4 * SOON):
                while b"[DONE]" not in tail:
                    piece = await asyncio.get_running_loop().sock_recv(plain, 1_000_000)
                    assert piece
                    received, tail = received + len(piece), tail[-100:] + piece
            assert received > 40 * 500_000
        assert (await both.row())["outcome"] == "complete"


@pytest.mark.parametrize("whole", [False, True], ids=["stream", "whole"])
async def test_a_client_that_reads_nothing_is_cut_whether_or_not_its_answer_has_ended(
    pair: Boot, stream_events: dict[str, bytes], whole: bool
) -> None:
    content = "x" * 8_000_000
    answer = {"choices": [{"index": 0, "message": {"content": content}, "finish_reason": "stop"}]}
    script = (
        Script.json(answer) if whole else Script.sse([stream_events["role"], large_event(8_000_000), Hang()])
    )
    async with pair(script, more="server: {write_timeout: 100ms}") as both:
        async with slow_reader(both.running.url, both.body(stream=not whole)):
            await both.one.next_request()
            await nothing_left(both.running)
        assert (await both.row())["outcome"] == ("complete" if whole else "cancelled")


async def test_a_reader_that_is_slow_and_goes_on_is_not_cut(pair: Boot) -> None:
    answer = {"choices": [{"index": 0, "message": {"content": "x" * 8_000_000}, "finish_reason": "stop"}]}
    more = "server: {write_timeout: 200ms}"
    async with (
        pair(Script.json(answer), more=more) as both,
        slow_reader(both.running.url, both.body()) as plain,
    ):
        loop = asyncio.get_running_loop()
        begun, received = loop.time(), 0
        while received < 8_000_000:
            piece = await loop.sock_recv(plain, 100_000)
            assert piece, f"cut after {received} bytes"
            received += len(piece)
            await asyncio.sleep(0.01 if loop.time() < begun + 1 else 0)


# The end


async def test_while_draining_requests_are_refused_and_streams_go_on(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    script = Script.sse([stream_events["hello"], Pause(0.2), stream_events["finish"], stream_events["done"]])
    async with pair(script, more="server: {drain: 5s}") as both:
        async with (
            RawClient(both.running.url) as late,
            StreamClient(both.url, both.body(stream=True)) as client,
        ):
            await late.send(LIVE)
            await late.answer()
            chunks = client.chunks()
            assert b"Hello" in await anext(chunks)
            stopping = asyncio.ensure_future(both.running.server.stop())
            while not both.running.gateway.draining:
                await asyncio.sleep(0)
            await late.send(post(both.body()) * 3)
            status, headers, body = await late.answer()
            assert (status, headers["connection"]) == (503, "close")
            assert b"stopping" in body
            assert await late.rest() == b""
            assert b"".join([chunk async for chunk in chunks]).endswith(b"data: [DONE]\n\n")
        await stopping


async def test_at_the_end_nobody_is_waited_for_who_does_not_read(
    pair: Boot, stream_events: dict[str, bytes]
) -> None:
    script = Script.sse([stream_events["role"], large_event(8_000_000), Hang()])
    more = "server: {drain: 50ms}"
    async with pair(script, more=more) as both, slow_reader(both.running.url, both.body(stream=True)):
        (connection,) = await _connections(both.running)
        async with asyncio.timeout(SOON):
            while not connection.flow.write_paused:
                await asyncio.sleep(0)
        async with asyncio.timeout(2 * SOON):
            await both.running.server.stop()
        await nothing_left(both.running)


async def test_an_exchange_that_is_ended_before_it_begins_ends_its_connection() -> None:
    async with connected() as (client, server):
        await client.send(post(ASKED))
        while not server.gateway.running:
            await asyncio.sleep(0)
        for task in list(server.gateway._running):
            task.cancel()
        told = await client.rest()
        assert told == b"" or told.startswith(b"HTTP/1.1 ")
        await nothing_left(server)


# What is written, write by write


class Written(asyncio.Transport):
    """A transport that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closed = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        assert high == HIGH_WATER

    def get_write_buffer_size(self) -> int:
        return 0

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed

    def can_write_eof(self) -> bool:
        return False


@asynccontextmanager
async def at_the_door(request: bytes) -> AsyncIterator[tuple[HotRequest, Written]]:
    """A request that has come, its exchange stopped before it could answer."""
    async with running(USED) as server:
        config = Config(
            _no_app, interface="asgi3", http="httptools", ws="none", lifespan="off", log_config=None
        )
        door = Door(Entrance.of(server.gateway), config, ServerState(), {})
        transport = Written()
        door.connection_made(transport)
        door.data_received(request)
        assert isinstance(door.cycle, HotRequest)
        for run in list(server.gateway._running):
            assert isinstance(run, Run)
            run._ended = lambda error: None
            run.cancel()
        server.gateway._running.clear()
        yield door.cycle, transport


async def _no_app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nothing is to take the longer way")


async def test_a_whole_answer_is_one_write() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.start(200, [("x-a", "b"), ("content-length", "3")])
        assert transport.writes == []
        sink.write(b"abc")
        sink.end()
        assert transport.writes == [b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 3\r\n\r\nabc"]
        assert not transport.closed


async def test_an_answer_that_is_there_is_one_write_with_its_length() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.whole(200, [("x-a", "b"), ("content-length", "7")], b"abc")
        assert transport.writes == [b"HTTP/1.1 200 OK\r\nx-a: b\r\ncontent-length: 3\r\n\r\nabc"]
        assert not transport.closed


async def test_an_answer_whose_headers_say_so_ends_the_connection() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.whole(503, [("connection", "close")], b"")
        head = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        assert transport.writes == [head]
        assert transport.closed


async def test_a_large_answer_is_not_copied_to_be_one_write() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.start(200, [("content-length", str(LARGE + 1))])
        sink.write(b"x" * (LARGE + 1))
        sink.end()
        assert [len(each) for each in transport.writes] == [len(transport.writes[0]), LARGE + 1]


async def test_a_stream_is_one_write_a_chunk_and_its_head_goes_with_the_first() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.start(200, [])
        for data in (b"one", b"", b"two"):
            sink.write(data)
        sink.end()
        head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
        assert transport.writes == [head + b"3\r\none\r\n", b"3\r\ntwo\r\n", b"0\r\n\r\n"]


async def test_an_answer_without_a_body_has_its_head() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.start(200, [("content-length", "0")])
        sink.end()
        assert transport.writes == [b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]


async def test_no_header_of_a_plugins_can_end_a_line_or_frame_the_body() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        bad = [("x-a", "b\r\nset-cookie: c"), ("Transfer-Encoding", "gzip"), ("content-length", "1")]
        sink.start(200, [*bad, ("content-length", "3")])
        sink.write(b"abc")
        sink.end()
        assert transport.writes == [
            b"HTTP/1.1 200 OK\r\nx-a: b  set-cookie: c\r\ncontent-length: 3\r\n\r\nabc"
        ]


@pytest.mark.parametrize("body", [b"ab", b"abcd"])
async def test_nothing_follows_an_answer_of_another_length_than_it_told(body: bytes) -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink.start(200, [("content-length", "3")])
        sink.write(body)
        sink.end()
        assert transport.closed


async def test_nothing_is_written_for_a_client_that_left() -> None:
    async with at_the_door(post(ASKED)) as (sink, transport):
        sink._connection.connection_lost(None)
        assert sink.disconnected
        sink.start(200, [])
        sink.write(b"abc")
        sink.end()
        assert transport.writes == []
        with pytest.raises(asyncio.CancelledError):
            await sink.read_body()


async def test_a_body_that_fails_raises_what_it_failed_with() -> None:
    async with at_the_door(post(ASKED)[:-5]) as (sink, _):
        reading = asyncio.ensure_future(sink.read_body())
        await asyncio.sleep(0)
        sink.fail(BadRequest("no more"))
        with pytest.raises(BadRequest, match="no more"):
            await reading
        with pytest.raises(BadRequest, match="no more"):
            await sink.read_body()


# Heads that are known


async def test_requests_that_begin_alike_are_told_apart_by_their_bodies() -> None:
    async with connected() as (client, server):
        for text in ("a", "another", "b", "c"):
            await client.send(post({**ASKED, "messages": [{"role": "user", "content": text}]}))
            status, headers, raw = await client.answer()
            assert (status, json.loads(raw)["choices"][0]["message"]["content"]) == (200, text)
            assert "date" not in headers
        (door,) = server.server._uvicorn.server_state.connections  # type: ignore[union-attr]
        assert isinstance(door, Door)
        assert door._head is not None


async def test_a_known_head_is_no_way_around_the_checks() -> None:
    async with connected(USED + "server: {max_body: 400B}") as (client, _):
        for body, expected in ((ASKED, 200), (ASKED, 200), ({**ASKED, "user": "x" * 400}, 413)):
            await client.send(post(body))
            assert (await client.answer())[0] == expected


async def test_a_known_head_in_pieces_and_behind_another_is_read_as_any_other() -> None:
    async with connected() as (client, _):
        whole = post(ASKED)
        for pieces in ([whole], [whole[:30], whole[30:]], [whole[:-5], whole[-5:]], [whole * 2], [whole]):
            for piece in pieces:
                await client.send(piece)
                await asyncio.sleep(0)
            for _ in range(b"".join(pieces).count(b"POST ")):
                assert (await client.answer())[0] == 200


async def test_heads_that_are_never_the_same_are_not_kept_for_ever() -> None:
    async with connected() as (client, server):
        for number in range(12):
            await client.send(post(ASKED, f"X-Number: {number}"))
            assert (await client.answer())[0] == 200
        (door,) = server.server._uvicorn.server_state.connections  # type: ignore[union-attr]
        assert isinstance(door, Door)
        assert door._head is None
