"""Plain httpx over our connections, against a real server."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest

from pointsman.config import UpstreamSettings
from pointsman.testing import FakeProvider, Hang, Script, Send
from pointsman.upstream import Upstream

JSON = {"content-type": "application/json"}


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    made = Upstream(replace(UpstreamSettings(), ahead=0, max_connections=2))
    yield made
    await made.close()


async def test_requests_and_answers_are_those_of_httpx(upstream: Upstream) -> None:
    async with FakeProvider(lambda received: Script.json({"got": received.json})) as provider:
        for number in range(3):
            answer = await upstream.http.post(f"{provider.url}/chat", json={"n": number}, params={"a": "b c"})
            assert (answer.status_code, answer.json()) == (200, {"got": {"n": number}})
        sent = provider.requests[-1]
        assert sent.headers["accept-encoding"] == "identity"
        assert sent.headers["user-agent"] == "pointsman"


async def test_a_stream_arrives_as_it_is_sent(upstream: Upstream) -> None:
    script = Script.sse([b"data: 1\n\n", b"data: 2\n\n"])
    async with (
        FakeProvider(script) as provider,
        upstream.http.stream("POST", f"{provider.url}/chat", content=b"{}") as answer,
    ):
        assert [line async for line in answer.aiter_lines() if line] == ["data: 1", "data: 2"]


async def test_a_body_is_sent_whole_though_it_comes_in_pieces(upstream: Upstream) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b'{"a":'
        yield b"1}"

    async with FakeProvider(lambda received: Script.json(received.json)) as provider:
        answer = await upstream.http.post(f"{provider.url}/chat", content=pieces(), headers=JSON)
        assert answer.json() == {"a": 1}
        assert "transfer-encoding" not in provider.requests[0].headers


async def test_a_compressed_body_is_inflated_by_us(upstream: Upstream) -> None:
    script = Script.whole(gzip.compress(b'{"a":1}', mtime=0), headers={"content-encoding": "gzip"})
    async with FakeProvider(script) as provider:
        answer = await upstream.http.get(f"{provider.url}/models")
    assert answer.json() == {"a": 1}
    assert "content-encoding" not in answer.headers


async def test_an_answer_that_is_left_ends_its_connection(upstream: Upstream) -> None:
    script = Script((Send(b"first"), Hang()), framing="chunked")
    async with FakeProvider(script) as provider:
        async with upstream.http.stream("POST", f"{provider.url}/chat", content=b"{}") as answer:
            assert await anext(answer.aiter_raw()) == b"first"
        assert upstream.connections == (0, 0)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (Script((Hang(),), framing="raw"), httpx.ReadTimeout),
        (Script((Send(b"part"), Hang()), framing="chunked"), httpx.ReadTimeout),
        (Script((Send(b"SSH-2.0\r\n\r\n"), Hang()), framing="raw"), httpx.RemoteProtocolError),
        (Script((Send(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx"),), framing="raw"), httpx.ReadError),
    ],
    ids=["no-head", "stalls", "not-http", "cut"],
)
async def test_errors_are_those_of_httpx(
    upstream: Upstream, script: Script, error: type[httpx.TransportError]
) -> None:
    async with FakeProvider(script) as provider:
        with pytest.raises(error) as caught:
            await upstream.http.post(
                f"{provider.url}/chat", content=b"{}", timeout=httpx.Timeout(5, read=0.05)
            )
        assert caught.value.request.method == "POST"
    assert upstream.connections == (0, 0)


async def test_so_are_those_of_connecting(upstream: Upstream) -> None:
    async with FakeProvider(Script.json({})) as provider:
        url = provider.url
    with pytest.raises(httpx.ConnectError):
        await upstream.http.get(f"{url}/models")


async def test_a_call_shares_the_limits_of_all_calls(upstream: Upstream) -> None:
    async with FakeProvider(lambda received: Script.json({})) as provider:
        async with (
            upstream.http.stream("GET", f"{provider.url}/a"),
            upstream.http.stream("GET", f"{provider.url}/b"),
        ):
            with pytest.raises(httpx.PoolTimeout):
                await upstream.http.get(f"{provider.url}/c")
        assert (await upstream.http.get(f"{provider.url}/c")).status_code == 200


@pytest.mark.parametrize("ticks", range(12))
async def test_no_cancellation_costs_a_slot(ticks: int) -> None:
    upstream = Upstream(replace(UpstreamSettings(), ahead=0, max_connections=1))
    async with FakeProvider(lambda received: Script.json({})) as provider:
        task = asyncio.ensure_future(upstream.http.get(f"{provider.url}/a"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert (await upstream.http.get(f"{provider.url}/c")).status_code == 200
        connections, idle = upstream.connections
        assert connections == idle
        await upstream.close()
