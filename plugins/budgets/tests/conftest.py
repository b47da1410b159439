"""A real server with budgets, in front of a provider whose answers cost ten cents each."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from pointsman.testing import FakeProvider, Running, Script, running

INPUT, OUTPUT = 100, 50
PRICE = "{input: 0, output: 2000}"
"""US dollars for a million tokens: an answer of 50 tokens costs 10 cents."""

MODELS = """
models:
  acme/large: {endpoints: [lab/large]}
  acme/small: {endpoints: [cheap/small]}
  acme/free: {endpoints: [{endpoint: lab/free, price: {input: 0, output: 0}}]}
  acme/unpriced: {endpoints: [gift/unpriced]}
  acme/either: {endpoints: [gift/either, lab/either]}
"""

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]


def answer(output: int = OUTPUT) -> Script:
    """A whole answer that used so many tokens."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": INPUT, "completion_tokens": output, "total_tokens": INPUT + output}
    return Script.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "x",
            "choices": [choice],
            "usage": usage,
        }
    )


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves alice, whose key has a budget, and bob, whose key has none: `async with serve(budget)`.

    `played` is what the provider plays, `more` is further YAML.
    """

    @asynccontextmanager
    async def run(
        alice: str = "null",
        *,
        extra: str = "",
        budgets: str = "{}",
        played: object = None,
        routes: str = "[]",
        models: str = MODELS,
        more: str = "",
        usage: str = "false",
        limits: str = "false",
        cache: str = "false",
        folder: Path = tmp_path,
    ) -> AsyncIterator[Running]:
        async with FakeProvider(played or answer()) as fake:  # type: ignore[arg-type]
            digest = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("alice", "bob")}
            config = f"""
auth: keys
admin_key: root
plugins: {{budgets: {budgets}, limits: {limits}, cache: {cache}, usage: {usage}}}
keys:
  - {{name: alice, key_hash: {digest["alice"]}, budget: {alice}{extra}}}
  - {{name: bob, key_hash: {digest["bob"]}}}
providers:
  lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {PRICE}}}
  cheap: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {{input: 0, output: 20}}}}
  gift: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret}}
{models}
routes: {routes}
{more}
"""
            (folder / "proxy.yaml").write_text(config)
            async with running(config, folder=folder) as served:
                yield served

    return run


@pytest.fixture
def ask() -> Ask:
    """Asks a server for a chat: `await ask(served, "alice")`."""

    async def send(
        served: Running, key: str = "alice", model: str = "acme/large", max_tokens: int | None = OUTPUT
    ) -> httpx.Response:
        body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
        if max_tokens is not None:
            body["max_tokens"] = max_tokens  # type: ignore[assignment]
        return await served.client.post("/v1/chat/completions", json=body, headers={"x-api-key": key})

    return send
