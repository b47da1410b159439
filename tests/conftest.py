"""What the core's tests share: pieces of a provider's stream, and a gateway in front of a fake provider."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Running, Script, running

ROLE = b'data: {"id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""}}]}\n\n'
HELLO = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"}}]}\n\n'
FINISH = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
USAGE = b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":9,"completion_tokens":2}}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = {
    "id": "1",
    "object": "chat.completion",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 9, "completion_tokens": 2, "total_tokens": 11},
}
CONFIG = """
plugins: {{keys: {{}}, openai: {{}}, vendors: {{}}, routes: {{}}, prices: {{}}, usage: {{}}, balance: false}}
providers:
  one: {{base_url: "{one}", api_key: sk-one-secret, price: {{input: 1, output: 2}}}}
  two: {{base_url: "{two}", api_key: sk-two-secret, price: {{input: 3, output: 4}}}}
models:
  demo/model: {{aliases: [fast], endpoints: [one/m1, two/m2]}}
  demo/alone: {{endpoints: [one/m1]}}
upstream: {{connect_timeout: 2s, first_content: 1s, stall: 1s, total: 4s}}
log: {{level: warning}}
"""


@pytest.fixture
def stream_events() -> dict[str, bytes]:
    """The events of a small stream, by name, in order."""
    return {"role": ROLE, "hello": HELLO, "finish": FINISH, "usage": USAGE, "done": DONE}


@pytest.fixture
def whole_answer() -> Script:
    """A small whole answer."""
    return Script.json(WHOLE)


@pytest.fixture
def whole_stream() -> Script:
    """A small whole stream."""
    return Script.sse([ROLE, HELLO, FINISH, USAGE, DONE])


class Pair:
    """A running gateway, and the two providers behind it."""

    def __init__(self, running: Running, one: FakeProvider, two: FakeProvider) -> None:
        self.running = running
        self.one = one
        self.two = two
        self.url = f"{running.url}/v1/chat/completions"

    def body(self, **fields: Any) -> dict[str, Any]:
        """A small request."""
        return {"model": "fast", "messages": [{"role": "user", "content": "Hello there"}], **fields}

    async def idle(self) -> None:
        """Return when no request is under way."""
        async with asyncio.timeout(5):
            while self.running.gateway.running:
                await asyncio.sleep(0)

    async def row(self) -> dict[str, Any]:
        """The one generation there is in the ledger."""
        await self.idle()
        (row,) = await self.running.rows("generations")
        return row


@pytest.fixture
def pair() -> Callable[..., Any]:
    """Boot a gateway in front of two providers that play what they are given."""

    @asynccontextmanager
    async def booted(one: Any, two: Any = (), *, more: str = "", **options: Any) -> AsyncIterator[Pair]:
        async with FakeProvider(one) as first, FakeProvider(two) as second:
            config = CONFIG.format(one=first.url, two=second.url) + more
            async with running(config, **options) as server:
                yield Pair(server, first, second)

    return booted


@pytest.fixture
def events_of() -> Callable[[bytes], list[Any]]:
    """The data of every event in a stream's bytes, as JSON data; `[DONE]` as text."""

    def read(stream: bytes) -> list[Any]:
        texts = [block[6:] for block in stream.split(b"\n\n") if block.startswith(b"data: ")]
        return ["[DONE]" if text == b"[DONE]" else json.loads(text) for text in texts]

    return read
