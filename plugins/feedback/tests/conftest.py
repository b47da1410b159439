"""A real server with keys of every role, in front of a provider that answers as the test says."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running
from pointsman_feedback.observer import Observer

Answer = Script | Callable[[Received], Script]
Serve = Callable[..., AbstractAsyncContextManager["Desk"]]


def said(
    text: str | None = "Hi", *, calls: list[tuple[str, str]] | None = None, finish: str = "stop"
) -> Script:
    """A whole answer: a text, or calls of tools by name and arguments."""
    message: dict[str, Any] = {"role": "assistant", "content": text}
    if calls:
        message["tool_calls"] = [
            {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
            for number, (name, arguments) in enumerate(calls)
        ]
    choice = {"index": 0, "message": message, "finish_reason": finish}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return Script.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "m",
            "choices": [choice],
            "usage": usage,
        }
    )


class Desk:
    """A server, and clients of it by name."""

    def __init__(self, served: Running) -> None:
        self.served = served

    async def ask(self, key: str = "alice", text: str = "Hello", **fields: Any) -> str:
        """Send a request; its generation."""
        body = {"model": "acme/large", "messages": [{"role": "user", "content": text}], **fields}
        answer = await self.post("/v1/chat/completions", body, key)
        return answer.headers["x-generation-id"]

    async def post(self, path: str, body: Any, key: str = "alice") -> httpx.Response:
        return await self.served.client.post(path, json=body, headers=_headers(key))

    async def get(self, path: str, who: str = "root", **query: Any) -> httpx.Response:
        return await self.served.client.get(path, params=query, headers=_headers(who))

    async def vote(self, key: str = "alice", **fields: Any) -> httpx.Response:
        return await self.post("/v1/feedback", fields, key)

    @property
    def observer(self) -> Observer:
        """What looks at requests."""
        plugin = self.served.gateway.setup.plugins.get("feedback")
        assert plugin is not None
        return plugin.target._observer

    async def rows(self) -> list[dict[str, Any]]:
        """Every row of feedback, when no request is under way."""
        assert await self.served.gateway.idle(5)
        return await self.served.rows("feedback")


def _headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


def _hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


CONFIG = """
auth: keys
teams: {{red: {{role: admin}}, blue: {{}}}}
keys:
  - {{name: alice, key_hash: {alice}, team: red}}
  - {{name: bob, key_hash: {bob}, team: blue}}
  - {{name: carol, key_hash: {carol}, team: red}}
  - {{name: chief, key_hash: {chief}, team: red, role: admin}}
  - {{name: root, key_hash: {root}, role: admin}}
  - {{name: reader, key_hash: {reader}, role: viewer}}
providers:
  lab: {{vendor: openai, base_url: "{url}", api_key: sk, price: {{input: 1, output: 2}}}}
models:
  acme/large: {{endpoints: [lab/large]}}
  acme/small: {{endpoints: [lab/small]}}
plugins: {{feedback: {settings}}}
"""
KEYS = {name: _hashed(name) for name in ("alice", "bob", "carol", "chief", "root", "reader")}


@pytest.fixture
def serve() -> Serve:
    """Serves the standard set: `async with serve(answer, settings="{…}") as desk`."""

    @asynccontextmanager
    async def run(
        answer: Answer | None = None, *, settings: str = "{signals: {sample: 0%}}"
    ) -> AsyncIterator[Desk]:
        async with (
            FakeProvider(answer or said()) as fake,
            running(CONFIG.format(url=fake.url, settings=settings, **KEYS)) as served,
        ):
            yield Desk(served)

    return run


@pytest.fixture
def saying() -> Callable[..., Script]:
    """Makes answers."""
    return said
