"""A real server with limits, in front of a provider that always answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from pointsman.state import MemoryState
from pointsman.testing import FakeProvider, Running, Script, running

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
EVENTS = [
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
    b"data: [DONE]\n\n",
]

Serve = Callable[..., AbstractAsyncContextManager[Running]]


class Clock:
    """Monotonic seconds, and a wall clock that starts at half past ten."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        return self.seconds

    def utcnow(self) -> datetime:
        return datetime.fromtimestamp(
            datetime(2030, 5, 1, 10, 30, tzinfo=UTC).timestamp() + self.seconds, UTC
        )


@pytest.fixture
def clock() -> Clock:
    """The clock of the servers that `serve` starts; it stands until a test moves it."""
    return Clock()


@pytest.fixture
def digest() -> Callable[[str], str]:
    """What stands in the configuration for a key."""
    return lambda key: hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def serve(clock: Clock, digest: Callable[[str], str], tmp_path: Path) -> Serve:
    """Serves with limits for alice and default ones: `async with serve(alice, default=…)`.

    `frozen=False` leaves it the state, and so the clock, that it was started with.
    """

    @asynccontextmanager
    async def run(
        alice: str = "null", *, default: str = "null", usage: str = "{}", frozen: bool = True
    ) -> AsyncIterator[Running]:
        def answer(received: object) -> Script:
            return Script.sse(EVENTS) if received.json.get("stream") else Script.json(ANSWER)  # type: ignore[attr-defined]

        async with FakeProvider(answer) as fake:
            config = f"""
auth: keys
admin_key: root
plugins:
  openai: {{}}
  keys: {{}}
  routes: {{}}
  limits: {{default: {default}}}
  usage: {usage}
keys:
  - {{name: alice, key_hash: {digest("alice")}, limits: {alice}}}
  - {{name: bob, key_hash: {digest("bob")}}}
  - {{name: carol, key_hash: {digest("carol")}, role: admin, limits: {{requests: 1/day}}}}
  - {{name: dave, key_hash: {digest("dave")}, role: viewer}}
providers: {{lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret}}}}
models: {{acme/large: {{endpoints: [lab/large]}}}}
"""
            async with running(config, folder=tmp_path) as served:
                if frozen:
                    served.gateway.state = MemoryState(now=clock.now, utcnow=clock.utcnow)
                yield served

    return run


@pytest.fixture
def ask() -> Callable[..., object]:
    """Asks a server for a chat: `await ask(served, "alice")`."""

    async def send(served: Running, key: str = "alice", **more: object) -> httpx.Response:
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}], **more}
        return await served.client.post("/v1/chat/completions", json=body, headers={"x-api-key": key})

    return send
