"""What every client's connection gets: clocks, caps, refusals. Over raw sockets, by both doors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from pointsman.connection import FRAMING_PER_BYTE
from pointsman.testing import RawClient, Running, running

USED = "plugins: {openai: {}, routes: {}, echo: {}}\n"
CHAT = b"/v1/chat/completions"
BODY = json.dumps({"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}).encode()
LIVE = b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked"
LARGE = 64 * 2**20
SOON = 5.0

pytestmark = pytest.mark.parametrize("door", ["auto", "asgi"])


def post(*lines: bytes, body: bytes = b"", path: bytes = CHAT, version: bytes = b"1.1") -> bytes:
    """A request with a Host and further lines."""
    head = (b"POST %s HTTP/%s" % (path, version), b"Host: localhost", *lines)
    return b"\r\n".join(head) + b"\r\n\r\n" + body


def declared(body: bytes, *lines: bytes, path: bytes = CHAT) -> bytes:
    """A request whose body has a declared length."""
    return post(b"Content-Length: %d" % len(body), *lines, body=body, path=path)


REFUSED: dict[str, tuple[bytes, int]] = {
    "length and chunks": (post(b"Content-Length: 3", CHUNKED, body=b"0\r\n\r\n"), 400),
    "chunks and length": (post(CHUNKED, b"Content-Length: 3", body=b"0\r\n\r\n"), 400),
    "equal lengths": (post(b"Content-Length: 3", b"Content-Length: 3", body=b"abc"), 400),
    "other lengths": (post(b"Content-Length: 3", b"Content-Length: 4", body=b"abcd"), 400),
    "list of lengths": (post(b"Content-Length: 3, 3", body=b"abc"), 400),
    "negative length": (post(b"Content-Length: -3"), 400),
    "signed length": (post(b"Content-Length: +3", body=b"abc"), 400),
    "hexadecimal length": (post(b"Content-Length: 0x3", body=b"abc"), 400),
    "empty length": (post(b"Content-Length:"), 400),
    "length beyond numbers": (post(b"Content-Length: 99999999999999999999999"), 400),
    "coded chunks": (post(b"Transfer-Encoding: gzip, chunked", body=b"0\r\n\r\n"), 400),
    "unknown coding": (post(b"Transfer-Encoding: xchunked", body=b"0\r\n\r\n"), 400),
    "identity": (post(b"Transfer-Encoding: identity"), 400),
    "two codings": (post(CHUNKED, CHUNKED, body=b"0\r\n\r\n"), 400),
    "disguised coding": (post(b"Transfer-Encoding: \x0bchunked", body=b"0\r\n\r\n"), 400),
    "chunks in HTTP/1.0": (post(CHUNKED, version=b"1.0", body=b"0\r\n\r\n"), 400),
    "folded line": (post(b"X: a\r\n b"), 400),
    "bare LF": (b"POST /v1/chat/completions HTTP/1.1\nHost: localhost\n\n", 400),
    "bare LF in headers": (post(b"X: a\nY: b"), 400),
    "bare CR": (post(b"X: a\rY: b"), 400),
    "NUL": (post(b"X: a\0b"), 400),
    "blank before colon": (post(b"Content-Length : 3", body=b"abc"), 400),
    "nameless": (post(b": a"), 400),
    "blank first": (b"GET / HTTP/1.1\r\n X: a\r\nHost: localhost\r\n\r\n", 400),
    "no Host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (post(b"Host: localhost"), 400),
    "Host with a path": (b"GET / HTTP/1.1\r\nHost: a/?x=\r\n\r\n", 400),
    "foreign Host": (b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n", 400),
    "foreign Origin": (post(b"Origin: https://evil.example"), 403),
    "absolute form": (post(path=b"http://evil.example/admin/keys"), 400),
    "absolute form, ours": (post(path=b"http://localhost/v1/chat/completions"), 400),
    "asterisk form": (b"OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "authority form": (b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n", 400),
    "fragment": (post(path=CHAT + b"#a"), 400),
    "blank in the path": (post(path=b"/a b"), 400),
    "path beyond ASCII": (post(path=b"/caf\xe9"), 400),
    "encoded slash": (post(path=b"/admin%2Fkeys"), 404),
    "encoded backslash": (post(path=b"/admin%5Ckeys"), 404),
    "HTTP/2 upgrade": (
        post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AA"),
        400,
    ),
    "WebSocket": (post(b"Connection: Upgrade", b"Upgrade: websocket"), 400),
    "HTTP/2 at once": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "HTTP/2 in words": (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 400),
    "HTTP/0.9": (b"GET / HTTP/0.9\r\nHost: localhost\r\n\r\n", 400),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    "one large header": (post(b"X: " + b"a" * 8 * 2**20), 431),
    "too large by a little": (post(*(b"X-%04d: %s" % (at, b"a" * 1000) for at in range(66))), 431),
    "many headers": (post(*(b"X%d: a" % number for number in range(50_000))), 431),
    "too many by one": (post(*(b"X%d: a" % number for number in range(128))), 431),
    "large URL": (post(path=b"/" + b"a" * 2**20), 414),
    "URL too large by one": (post(path=b"/" + b"a" * 8192), 414),
    "large body": (post(b"Content-Length: %d" % LARGE, body=b"a" * 2**20), 413),
    "large body without a length": (post(CHUNKED, body=(b"100000\r\n%b\r\n" % (b"a" * 2**20)) * 40), 413),
    "chunk beyond numbers": (post(CHUNKED, body=b"fffffffffffffffff\r\nabc"), 400),
    "negative chunk": (post(CHUNKED, body=b"-1\r\nabc"), 400),
    "signed chunk": (post(CHUNKED, body=b"+1\r\na\r\n0\r\n\r\n"), 400),
    "chunk longer than told": (post(CHUNKED, body=b"1\r\nab\r\n0\r\n\r\n"), 400),
    "chunk ending in LF": (post(CHUNKED, body=b"1\na\n0\n\n"), 400),
    "large extension": (post(CHUNKED, body=b"1;" + b"a" * 2**20 + b"\r\na\r\n0\r\n\r\n"), 400),
    "large extension with a large body": (
        post(
            CHUNKED, body=b"1000\r\n%b\r\n1;%b\r\n" % (b"a" * 4096, b"a" * (4097 * FRAMING_PER_BYTE + 2**17))
        ),
        400,
    ),
    "large trailer": (post(CHUNKED, body=b"1\r\na\r\n0\r\nX: " + b"a" * 2**20 + b"\r\n\r\n"), 400),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def servers() -> AsyncIterator[dict[str, Running]]:
    """A server for each door."""
    async with running(USED, door="auto") as fast, running(USED, door="asgi") as slow:
        yield {"auto": fast, "asgi": slow}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_ambiguous_or_too_large_is_refused(
    name: str, door: str, servers: dict[str, Running]
) -> None:
    """In JSON and at once; the client has read why before its connection ends, and nothing was begun."""
    server = servers[door]
    request, expected = REFUSED[name]
    async with RawClient(server.url) as client, asyncio.timeout(SOON):
        sending = asyncio.ensure_future(client.send(request + LIVE))
        status, headers, body = await client.answer()
        assert (status, headers["connection"]) == (expected, "close")
        assert headers["x-request-id"].startswith("req-")
        assert json.loads(body)["error"]["message"]
        assert await client.rest() == b"", "nothing behind it is answered"
        await sending
        while server.gateway.running:
            await asyncio.sleep(0)


@pytest.mark.asyncio(loop_scope="module")
async def test_what_is_large_and_not_too_large_is_served(door: str, servers: dict[str, Running]) -> None:
    long_word = json.loads(BODY) | {"user": "x" * 2_000_000}
    lines = [b"X-%03d: %b" % (number, b"a" * 500) for number in range(120)]
    async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
        for request in (
            declared(json.dumps(long_word).encode()),
            declared(BODY, *lines),
            declared(BODY, path=CHAT + b"?" + b"a" * 8000),
        ):
            await client.send(request)
            assert (await client.answer())[0] == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_a_head_may_come_byte_by_byte(door: str, servers: dict[str, Running]) -> None:
    async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
        for request in (
            declared(BODY),
            LIVE,
            post(CHUNKED, body=b"%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)),
        ):
            await client.send(*(request[at : at + 1] for at in range(len(request))))
            assert (await client.answer())[0] == 200


@pytest.mark.asyncio(loop_scope="module")
async def test_a_chunked_body_may_be_split_anywhere(door: str, servers: dict[str, Running]) -> None:
    middle = len(BODY) // 2
    chunks = b"%x;a=b\r\n%b\r\n%x\r\n%b\r\n0\r\nX-Sum: 1\r\n\r\n" % (
        *(middle, BODY[:middle]),
        *(len(BODY) - middle, BODY[middle:]),
    )
    request = post(CHUNKED, body=chunks)
    begin = len(request) - len(chunks)
    async with RawClient(servers[door].url) as client, asyncio.timeout(4 * SOON):
        for at in range(begin, len(request) + 1):
            await client.send(request[:at], request[at:])
            status, _, body = await client.answer()
            assert (status, b"Hello" in body) == (200, True), at


@pytest.mark.asyncio(loop_scope="module")
async def test_fields_behind_a_body_mean_nothing(door: str, servers: dict[str, Running]) -> None:
    body = b"%x\r\n%b\r\n0\r\nx-request-id: late\r\nauthorization: x\r\n\r\n" % (len(BODY), BODY)
    async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
        await client.send(post(CHUNKED, b"x-request-id: early", body=body) + LIVE)
        _, headers, _ = await client.answer()
        assert headers["x-request-id"] == "early"
        assert (await client.answer())[2] == b'{"status":"live"}'


@pytest.mark.asyncio(loop_scope="module")
async def test_many_small_chunks_and_empty_lines_between_requests_are_no_attack(
    door: str, servers: dict[str, Running]
) -> None:
    padded = BODY + b" " * 100_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in padded) + b"0\r\n\r\n"
    async with RawClient(servers[door].url) as client, asyncio.timeout(4 * SOON):
        await client.send(b"\r\n\r\n" + post(CHUNKED, body=chunks) + b"\r\n" + LIVE)
        assert [(await client.answer())[0] for _ in range(2)] == [200, 200]


@pytest.mark.asyncio(loop_scope="module")
async def test_broken_chunks_behind_another_request_do_not_disturb_its_answer(
    door: str, servers: dict[str, Running]
) -> None:
    async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
        await client.send(declared(BODY) + post(CHUNKED, body=b"1\r\na\r\n"), b"zz\r\n")
        status, _, body = await client.answer()
        assert (status, b"Hello" in body) == (200, True)
        assert (await client.answer())[0] == 400
        assert await client.rest() == b""


@pytest.mark.asyncio(loop_scope="module")
async def test_http_1_0_is_answered_without_chunks_and_closed(door: str, servers: dict[str, Running]) -> None:
    stream = json.dumps({**json.loads(BODY), "stream": True}).encode()
    bodies = [(BODY, b"}"), (stream, b"data: [DONE]\n\n")]
    for body, end in bodies if door == "auto" else bodies[:1]:  # uvicorn's own requests have chunks there
        async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
            lines = (b"Content-Length: %d" % len(body), b"Connection: keep-alive")
            await client.send(post(*lines, body=body, version=b"1.0"))
            status, headers, answer = await client.answer()
            assert (status, headers["connection"]) == (200, "close")
            assert "transfer-encoding" not in headers
            assert answer.rstrip(b" ").endswith(end)
            assert await client.rest() == b""


@pytest.mark.asyncio(loop_scope="module")
async def test_who_waits_to_be_told_to_go_on_is_told(door: str, servers: dict[str, Running]) -> None:
    async with RawClient(servers[door].url) as client, asyncio.timeout(SOON):
        await client.send(post(b"Content-Length: %d" % len(BODY), b"Expect: 100-continue"))
        assert (await client.answer())[0] == 100
        await client.send(BODY)
        assert (await client.answer())[0] == 200


QUICK = USED + "server: {header_timeout: 100ms, idle_timeout: 100ms, read_timeout: 100ms}"


@pytest.mark.parametrize("drip", [b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ", b"POST /"])
async def test_a_head_that_does_not_end_is_refused_however_it_drips(door: str, drip: bytes) -> None:
    async with running(QUICK, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(drip)

        async def go_on() -> None:
            while True:
                await client.send(b"a")
                await asyncio.sleep(0.01)

        dripping = asyncio.ensure_future(go_on())
        status, headers, body = await client.answer()
        dripping.cancel()
        assert (status, headers["connection"]) == (408, "close")
        assert "within 0.1 s" in json.loads(body)["error"]["message"]


@pytest.mark.parametrize("first", [b"", b"\r\n", LIVE, LIVE + b"\r\n", declared(BODY)])
async def test_who_says_nothing_more_is_let_go_without_a_word(door: str, first: bytes) -> None:
    async with running(QUICK, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(first)
        if first.strip():
            assert (await client.answer())[0] == 200
        assert await client.rest() == b""
        while server.server.connections:
            await asyncio.sleep(0)


@pytest.mark.parametrize(
    "head",
    [post(b"Content-Length: 10", body=b"abc"), post(CHUNKED, body=b"a\r\nabc"), post(CHUNKED)],
    ids=["length", "chunks", "nothing"],
)
async def test_a_body_that_stops_coming_is_given_up(door: str, head: bytes) -> None:
    async with running(QUICK, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(head)
        status, headers, body = await client.answer()
        assert (status, headers["connection"]) == (408, "close")
        assert "nothing came for 0.1 s" in json.loads(body)["error"]["message"]
        assert await client.rest() == b""
        while server.gateway.running:
            await asyncio.sleep(0)


async def test_a_body_that_drips_is_waited_for(door: str) -> None:
    async with running(QUICK, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        request = declared(BODY)
        begin = len(request) - len(BODY)
        await client.send(request[:begin])
        for at in range(begin, len(request), 8):
            await client.send(request[at : at + 8])
            await asyncio.sleep(0.03)
        assert (await client.answer())[0] == 200


async def test_a_page_whose_client_stops_sending_is_ended_too(door: str) -> None:
    """It has no clock of its own."""

    async def read(request: Request) -> Response:
        return Response(await request.body())

    async with running(QUICK, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        app: Any = server.server._uvicorn.config.app  # type: ignore[union-attr]
        app._app.router.routes.insert(0, Route("/reads", read, methods=["POST"]))
        await client.send(post(b"Content-Length: 10", body=b"abc", path=b"/reads"))
        assert (await client.answer())[0] == 408
        assert await client.rest() == b""


async def test_a_late_next_request_does_not_disturb_an_answer_under_way(door: str) -> None:
    slow = "plugins: {echo: {scripts: {drop: {text: abcdefgh, chunk: 1, interval: 50ms}}}, openai: {}}\n"
    config = slow + "server: {header_timeout: 100ms, idle_timeout: 100ms}"
    stream = json.dumps({**json.loads(BODY), "model": "echo/drop", "stream": True}).encode()
    async with running(config, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(declared(stream) + b"GET / HT")
        status, _, body = await client.answer()
        assert (status, body.endswith(b"data: [DONE]\n\n")) == (200, True)
        assert (await client.answer())[0] == 408
        assert await client.rest() == b""


async def test_a_refused_client_that_goes_on_sending_is_left_after_a_while(door: str) -> None:
    async with running(USED, door=door) as server, RawClient(server.url) as client, asyncio.timeout(2 * SOON):
        await client.send(REFUSED["no Host"][0])
        assert (await client.answer())[0] == 400
        while server.server.connections:
            await client.send(b"x" * 65_536)


async def test_a_client_that_leaves_in_the_middle_of_a_refusal_leaves_nothing(door: str) -> None:
    async with running(USED, door=door) as server:
        for request, _ in REFUSED.values():
            async with RawClient(server.url) as client:
                await client.send(request[:1000])
        async with asyncio.timeout(SOON):
            while server.server.connections or server.gateway.running:
                await asyncio.sleep(0)


async def test_who_sends_nothing_more_and_waits_gets_nothing(door: str) -> None:
    """As uvicorn has it: an end of input is the end of the connection."""
    async with running(USED, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(post(b"Content-Length: 10", body=b"abc"))
        client.send_end()
        assert await client.rest() == b""
        while server.server.connections or server.gateway.running:
            await asyncio.sleep(0)


async def test_a_fault_of_our_own_is_answered_and_logged(
    door: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise LookupError("a fault of ours")

    monkeypatch.setattr("pointsman.guard.Guard.refusal", broken)
    async with running(USED, door=door) as server, RawClient(server.url) as client, asyncio.timeout(SOON):
        await client.send(LIVE)
        assert (await client.answer())[0] == 500
    assert "a fault of ours" in caplog.text
