"""The ASGI door: hosts, paths, sizes, clocks, health."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from pointsman.app import HIGH_WATER, PIECE, AsgiSink
from pointsman.testing import Script, StreamClient, running

Boot = Callable[..., Any]
SMALL = "plugins: {openai: {}, vendors: {}, routes: {}}\n"
CHAT = "/v1/chat/completions"


async def raw(url: str, request: bytes) -> bytes:
    """Send bytes over a plain socket and read until the server closes or answers whole."""
    host, _, port = url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request)
    await writer.drain()
    answer = await asyncio.wait_for(reader.read(65_536), 5)
    writer.close()
    await writer.wait_closed()
    return answer


async def test_health() -> None:
    async with running(SMALL) as server:
        for path, body in (("/health/live", {"status": "live"}), ("/health/ready", {"status": "ready"})):
            answer = await server.client.get(path)
            assert (answer.status_code, answer.json()) == (200, body)
        server.gateway.ready = False
        assert (await server.client.get("/health/ready")).status_code == 503
        assert (await server.client.get("/health/live")).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "localhost.evil.example", "a/?x=", "localhost:4141@evil"])
async def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    async with running(SMALL) as server:
        answer = await server.client.get("/health/live", headers={"host": host})
        assert answer.status_code == 400
        listed = SMALL + "server: {allowed_hosts: [evil.example]}"
    async with running(listed) as server:
        answer = await server.client.get("/health/live", headers={"host": "evil.example"})
        assert answer.status_code == 200


async def test_two_hosts_or_none_are_refused() -> None:
    async with running(SMALL) as server:
        two = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n"
        assert (await raw(server.url, two)).startswith(b"HTTP/1.1 400")
        assert (await raw(server.url, b"GET /health/live HTTP/1.1\r\n\r\n")).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/v1%2Fmodels", "/v1%5cmodels", "/nowhere", "/v1/nowhere"])
async def test_unknown_and_encoded_paths_are_not_found(path: str) -> None:
    async with running(SMALL) as server:
        answer = await raw(server.url, f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 404")
        assert b'"type":"not_found"' in answer


async def test_a_path_without_its_prefix_gets_a_hint() -> None:
    async with running(SMALL) as server:
        answer = await server.client.post("/chat/completions")
        assert "did you mean /v1/chat/completions?" in answer.json()["error"]["message"]


@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_over_the_limit_is_refused_and_the_connection_closed(declared: bool) -> None:
    async with running(SMALL + "server: {max_body: 1000B}") as server:
        body = b"x" * 5000
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n".encode()
        framed = (
            b"Content-Length: 5000\r\n\r\n" + body
            if declared
            else b"Transfer-Encoding: chunked\r\n\r\n" + b"1388\r\n" + body + b"\r\n0\r\n\r\n"
        )
        answer = await raw(server.url, head + framed)
        assert answer.startswith(b"HTTP/1.1 413")
        assert b"connection: close" in answer.lower()
        assert b"payload_too_large" in answer


async def test_a_body_that_stops_arriving_is_given_up() -> None:
    async with running(SMALL + "server: {read_timeout: 50ms}") as server:
        answer = await raw(
            server.url, f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc".encode()
        )
        assert answer.startswith(b"HTTP/1.1 408")


async def test_a_client_that_leaves_during_its_body_leaves_nothing_behind() -> None:
    async with running(SMALL) as server:
        host, _, port = server.url.removeprefix("http://").partition(":")
        _, writer = await asyncio.open_connection(host, int(port))
        writer.write(f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nabc".encode())
        await writer.drain()
        async with asyncio.timeout(5):
            while not server.gateway.running:
                await asyncio.sleep(0)
        writer.close()
        await writer.wait_closed()
        async with asyncio.timeout(5):
            while server.gateway.running:
                await asyncio.sleep(0)


async def test_a_client_that_reads_nothing_is_let_go(pair: Boot, stream_events: dict[str, bytes]) -> None:
    big = b'data: {"choices":[{"index":0,"delta":{"content":"' + b"x" * 1_000_000 + b'"}}]}\n\n'
    endless = Script.sse([stream_events["role"], *[big] * 64])
    async with pair(endless, more="server: {write_timeout: 100ms}") as both:
        host, _, port = both.running.url.removeprefix("http://").partition(":")
        plain = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        plain.setblocking(False)
        await asyncio.get_running_loop().sock_connect(plain, (host, int(port)))
        client = StreamClient(both.url, both.body(stream=True))
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(client._body)}\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(plain, head.encode() + client._body)
        received = await both.one.next_request()
        async with asyncio.timeout(5):
            await received.disconnected.wait()
        row = await both.row()
        assert row["outcome"] == "cancelled"
        async with asyncio.timeout(5):  # aborted: a polite close would wait for its reader
            while both.running.server.connections:
                await asyncio.sleep(0)
        plain.close()


async def test_keep_alive_serves_one_request_after_another(pair: Boot, whole_answer: Script) -> None:
    async with pair(lambda received: whole_answer) as both:
        for _ in range(5):
            assert (await both.running.client.post(CHAT, json=both.body())).status_code == 200
        assert len(both.one.requests) == 5


async def test_a_sink_is_full_until_it_is_drained() -> None:
    sink, sent = AsgiSink(), []

    async def send(message: Any) -> None:
        sent.append(message)

    sink.start(200, [("x-a", "b")])
    sink.write(b"x" * (HIGH_WATER + 1))
    assert sink.full
    drained = asyncio.ensure_future(sink.drained())
    pump = asyncio.ensure_future(sink.pump(send, 5))
    await drained
    assert not sink.full
    sink.end()
    await pump
    assert sent[0]["type"] == "http.response.start"
    assert {message["type"] for message in sent[1:]} == {"http.response.body"}
    assert b"".join(message["body"] for message in sent[1:]) == b"x" * (HIGH_WATER + 1)
    assert max(len(message["body"]) for message in sent[1:]) == PIECE
    assert sent[0]["headers"] == [(b"x-a", b"b")]
    assert sent[-1]["more_body"] is False


async def test_an_open_gateway_does_not_answer_pages_of_other_sites(pair: Boot, whole_answer: Script) -> None:
    async with pair(lambda received: whole_answer) as both:
        evil = await both.running.client.post(
            CHAT, json=both.body(), headers={"origin": "https://evil.example"}
        )
        assert evil.status_code == 403
        assert both.one.requests == []
        ours = await both.running.client.post(CHAT, json=both.body(), headers={"origin": both.running.url})
        assert ours.status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1", "/api", "/api/v1"])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
async def test_clients_that_look_whether_anybody_is_there_find_somebody(path: str, method: str) -> None:
    async with running(SMALL) as server:
        answer = await server.client.request(method, path)
        assert answer.status_code == 200
        assert answer.content == (b"" if method == "HEAD" else b'{"name":"pointsman"}')


async def test_options_tell_what_a_surface_takes_without_a_key() -> None:
    async with running(SMALL) as server:
        answer = await server.client.options(CHAT)
        assert (answer.status_code, answer.headers["allow"]) == (204, "POST, OPTIONS")
        assert "access-control-allow-origin" not in answer.headers
        assert (await server.client.get(CHAT)).headers["allow"] == "POST, OPTIONS"


async def test_pages_of_configured_origins_may_call() -> None:
    origin = "https://chat.example.org"
    asks = {"origin": origin, "access-control-request-method": "POST"}
    async with running(SMALL + f'server: {{cors: ["{origin}"]}}') as server:
        asked = await server.client.options(
            CHAT, headers={**asks, "access-control-request-headers": "authorization, x-api-key"}
        )
        assert (asked.status_code, asked.headers["access-control-allow-origin"]) == (200, origin)
        assert "x-api-key" in asked.headers["access-control-allow-headers"]
        called = await server.client.post(CHAT, headers={"origin": origin}, json={})
        assert called.headers["access-control-allow-origin"] == origin
        other = await server.client.options(CHAT, headers={**asks, "origin": "https://evil.example"})
        assert other.status_code == 403
        assert "access-control-allow-origin" not in other.headers


async def test_a_compressed_request_is_understood(pair: Boot, whole_answer: Script) -> None:
    async with pair(whole_answer) as gateway:
        packed = gzip.compress(json.dumps(gateway.body()).encode(), mtime=0)
        headers = {"content-encoding": "gzip", "content-type": "application/json"}
        answer = await gateway.running.client.post(CHAT, content=packed, headers=headers)
        assert answer.status_code == 200
        assert gateway.one.requests[0].json["messages"] == gateway.body()["messages"]
        refused = await gateway.running.client.post(CHAT, content=packed, headers={"content-encoding": "br"})
        assert (refused.status_code, refused.headers["accept-encoding"]) == (415, "gzip, deflate")
