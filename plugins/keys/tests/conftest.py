"""A real server with keys, in front of a provider that always answers."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from pointsman.testing import FakeProvider, Running, Script, running

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}

Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def digest() -> Callable[[str], str]:
    """What stands in the configuration for a key."""
    return lambda key: hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def serve() -> Serve:
    """Serves sections of a configuration beside models and providers: `async with serve(sections)`."""

    @asynccontextmanager
    async def run(
        sections: str = "",
        *,
        keys: str = "{}",
        plugin: str = "",
        folder: Path | None = None,
        price: str = "null",
    ) -> AsyncIterator[Running]:
        own = f", {plugin}: {{}}" if plugin else ""
        async with FakeProvider(Script.json(ANSWER)) as fake:
            config = f"""
auth: keys
plugins: {{openai: {{}}, keys: {keys}, routes: {{}}, usage: {{}}{own}}}
providers:
  lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {price}}}
  spare: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {price}}}
models:
  acme/large: {{aliases: [big], endpoints: [lab/large-v1, spare/large-v2]}}
  acme/small: {{aliases: [fast], endpoints: [lab/small]}}
{sections}
"""
            async with running(config, folder=folder) as served:
                yield served

    return run


@pytest.fixture
def ask() -> Callable[..., object]:
    """Asks a server for a chat: `await ask(served, {"x-api-key": …}, model=…)`."""

    async def send(
        served: Running, headers: object, *, model: str = "acme/large", **more: object
    ) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **more}
        return await served.client.post("/v1/chat/completions", json=body, headers=headers)  # type: ignore[arg-type]

    return send
