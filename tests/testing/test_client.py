"""Clients: a stream read piece by piece over a socket, and a gateway called without one."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from pointsman.testing import (
    Close,
    FakeProvider,
    Hang,
    RawClient,
    Script,
    Send,
    StreamClient,
    in_process_client,
    running,
)

EVENTS = [b"data: 1\n\n", b"data: 2\n\n", b"data: 3\n\n"]
Config = Callable[..., dict[str, Any]]


async def test_a_request_is_sent_as_given() -> None:
    async with FakeProvider(Script.json({})) as fake:
        async with StreamClient(f"{fake.url}/chat?a=1&b=2", {"x": 1}, headers={"X-Key": "abc"}) as client:
            await client.read()
        (received,) = fake.requests
        assert (received.method, received.path, received.json) == ("POST", "/v1/chat?a=1&b=2", {"x": 1})
        assert received.headers["x-key"] == "abc"
        assert received.headers["content-type"] == "application/json"
        assert received.headers["host"] == f"127.0.0.1:{fake.port}"


async def test_bytes_are_sent_as_they_are_and_headers_given_come_first() -> None:
    async with FakeProvider(Script.json({})) as fake:
        headers = {"content-type": "text/plain", "host": "other"}
        async with StreamClient(fake.url, b"{not json", headers=headers) as client:
            await client.read()
        assert fake.requests[0].body == b"{not json"
        assert fake.requests[0].headers["content-type"] == "text/plain"
        assert fake.requests[0].headers["host"] == "other"


async def test_status_and_headers_come_before_the_body() -> None:
    script = Script.sse([Hang()], headers={"X-Note": "a: b"})
    async with FakeProvider(script) as fake, StreamClient(fake.url, {}) as client:
        assert client.status == 0
        assert await client.start() == client.status == 200
        assert client.headers["x-note"] == "a: b"


async def test_chunks_come_one_by_one_as_they_were_sent() -> None:
    async with FakeProvider(Script.sse(EVENTS)) as fake, StreamClient(fake.url, {}) as client:
        assert [chunk async for chunk in client.chunks()] == EVENTS


async def test_a_chunk_is_there_before_the_next_one_is_sent() -> None:
    script = Script.sse([EVENTS[0], Hang()])
    async with FakeProvider(script) as fake, StreamClient(fake.url, {}) as client:
        async for chunk in client.chunks():
            assert chunk == EVENTS[0]
            break


async def test_the_rest_can_be_read_after_the_first_chunks() -> None:
    async with FakeProvider(Script.sse(EVENTS)) as fake, StreamClient(fake.url, {}) as client:
        assert await anext(client.chunks()) == EVENTS[0]
        assert await client.read() == EVENTS[1] + EVENTS[2]


async def test_an_answer_of_a_known_length_is_one_chunk() -> None:
    async with FakeProvider(Script.whole(b"abc", status=404)) as fake, StreamClient(fake.url, {}) as client:
        assert [chunk async for chunk in client.chunks()] == [b"abc"]
        assert client.status == 404


@pytest.mark.parametrize(
    "script",
    [Script.sse([EVENTS[0], Close()]), Script((Send(b"abc"), Close()), declared=10)],
    ids=["chunked", "length"],
)
async def test_a_body_that_breaks_off_is_an_error(script: Script) -> None:
    async with FakeProvider(script) as fake, StreamClient(fake.url, {}) as client:
        with pytest.raises(asyncio.IncompleteReadError):
            await client.read()


@pytest.mark.parametrize("by", ["leaving the context", "close"])
async def test_who_leaves_early_closes_the_connection(by: str) -> None:
    async with FakeProvider(Script.sse([*EVENTS, Hang()])) as fake:
        async with StreamClient(fake.url, {}) as client:
            assert await anext(client.chunks()) == EVENTS[0]
            received = await fake.next_request()
            assert not received.disconnected.is_set()
            if by == "close":
                await client.close()
                await asyncio.wait_for(received.disconnected.wait(), 1)
        await asyncio.wait_for(received.disconnected.wait(), 1)


async def test_a_gateway_notices_a_client_that_leaves_early(config: Config, chat: dict[str, Any]) -> None:
    begin = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n'
    async with FakeProvider(Script.sse([begin, Hang()])) as fake, running(config(fake)) as served:
        async with StreamClient(f"{served.url}/v1/chat/completions", {**chat, "stream": True}) as client:
            assert begin in await anext(client.chunks())
        await asyncio.wait_for(fake.requests[-1].disconnected.wait(), 1)


async def test_it_speaks_tls() -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with FakeProvider(Script.sse(EVENTS), ssl_context=context) as fake:
        async with StreamClient(fake.url, {}, ssl_context=trusting) as client:
            assert await client.read() == b"".join(EVENTS)
        with pytest.raises(ssl.SSLCertVerificationError):
            async with StreamClient(fake.url, {}):
                pass


async def test_bytes_are_sent_as_they_are_and_answers_are_read_in_turn() -> None:
    answers = [Script.whole(b"abc"), Script.sse(EVENTS), Script.whole(b"", status=204)]
    async with FakeProvider(answers) as fake, RawClient(fake.url) as client:
        request = b"POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\n\r\nhi"
        for body in (b"abc", b"".join(EVENTS), b""):
            await client.send(request[:10], request[10:])
            status, headers, told = await client.answer()
            assert (status, told) == (200 if body else 204, body)
            assert headers
        assert [received.body for received in fake.requests] == [b"hi"] * 3


async def test_an_answer_without_a_length_goes_on_to_the_end() -> None:
    bare = Script((Send(b"HTTP/1.1 200 OK\r\n\r\nabc"), Close()), framing="raw")
    async with FakeProvider(bare) as fake, RawClient(fake.url) as client:
        await client.send(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        client.send_end()
        assert (await client.answer())[2] == b"abc"
        assert await client.rest() == b""


async def test_bytes_need_a_connection() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        await RawClient("http://127.0.0.1:1/").send(b"a")
    with pytest.raises(RuntimeError, match="context manager"):
        await RawClient("http://127.0.0.1:1/").answer()


async def test_it_is_used_as_a_context_manager() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        await StreamClient("http://127.0.0.1:1/v1", {}).start()


async def test_a_gateway_can_be_called_without_a_socket(
    config: Config, chat: dict[str, Any], answer: Script
) -> None:
    async with (
        FakeProvider(answer) as fake,
        running(config(fake, auth="keys", admin_key="the-admin-key")) as served,
    ):
        async with in_process_client(served.gateway, key="the-admin-key") as client:
            told = await client.post("/v1/chat/completions", json=chat)
            assert told.json()["choices"][0]["message"]["content"] == "Hi"
        async with in_process_client(served.gateway) as client:
            assert (await client.post("/v1/chat/completions", json=chat)).status_code == 401
