"""Limits when the configuration changes: who waits goes on waiting, and what was used is not forgotten."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import httpx

from pointsman.testing import FakeProvider, Received, Running, Script, running

ANSWER = Script.json(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "large",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
)
ONE = {"rules": [{"per": "model", "concurrency": 1}]}


class Gate:
    """A provider that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, received: Received) -> Script:
        await self.open.wait()
        return ANSWER


def config(fake: FakeProvider, settings: dict[str, Any], **key: Any) -> dict[str, Any]:
    return {
        "auth": "keys",
        "plugins": {"limits": settings},
        "providers": {"lab": {"base_url": fake.url, "api_key": "sk", "discover": False}},
        "models": {"acme/one": {"endpoints": ["lab/one"]}},
        "keys": [{"name": "ann", "key_hash": hashlib.sha256(b"ann").hexdigest(), **key}],
    }


def asking(server: Running) -> asyncio.Task[httpx.Response]:
    body = {"model": "acme/one", "messages": [{"role": "user", "content": "Hello"}]}
    return asyncio.get_running_loop().create_task(server.client.post("/v1/chat/completions", json=body))


async def line_of(server: Running, length: int) -> None:
    """Wait until so many requests wait for their turn."""
    plugin = server.gateway.setup.plugins.get("limits")
    assert plugin is not None
    async with asyncio.timeout(10):
        while len(plugin.target._line) != length:
            await asyncio.sleep(0)


async def test_who_waits_is_let_in_when_its_turn_comes() -> None:
    gate = Gate()
    async with (
        FakeProvider(gate) as fake,
        running(config(fake, {**ONE, "max_wait": "30s"}), key="ann") as server,
    ):
        first = asking(server)
        await fake.next_request()
        second = asking(server)
        await line_of(server, 1)
        await server.reload(config(fake, {**ONE, "max_wait": "20s", "max_waiting": 1}))
        turned_away = await asking(server)
        assert turned_away.status_code == 429
        assert "1 requests wait already" in turned_away.json()["error"]["message"]
        gate.open.set()
        assert [(await each).status_code for each in (first, second)] == [200, 200]


async def test_who_waits_for_a_limit_that_is_gone_is_still_answered() -> None:
    gate = Gate()
    async with (
        FakeProvider(gate) as fake,
        running(config(fake, {**ONE, "max_wait": "30s"}), key="ann") as server,
    ):
        first = asking(server)
        await fake.next_request()
        second = asking(server)
        await line_of(server, 1)
        await server.reload(config(fake, {}))
        gate.open.set()
        assert [(await each).status_code for each in (first, second)] == [200, 200]


async def test_who_came_behind_others_for_a_limit_that_is_gone_is_refused_by_it() -> None:
    gate = Gate()
    async with FakeProvider(gate) as fake:
        limits = {**ONE, "max_wait": "300ms"}
        async with running(config(fake, limits), key="ann") as server:
            first = asking(server)
            await fake.next_request()
            second, third = asking(server), asking(server)
            await line_of(server, 2)
            await server.reload(config(fake, {"max_wait": "300ms"}))
            refused = [(await each).status_code for each in (second, third)]
            gate.open.set()
            assert (await first).status_code == 200
            assert set(refused) <= {200, 429}


async def test_what_is_held_is_given_back_though_the_rules_are_others() -> None:
    gate = Gate()
    async with (
        FakeProvider(gate) as fake,
        running(config(fake, {}, limits={"concurrency": 1}), key="ann") as server,
    ):
        first = asking(server)
        await fake.next_request()
        await server.reload(config(fake, {"rules": [{"per": "model", "tokens": "1M/day"}]}))
        await server.reload(config(fake, {}, limits={"concurrency": 1}))
        assert (await asking(server)).status_code == 429
        gate.open.set()
        assert (await first).status_code == 200
        assert (await asking(server)).status_code == 200
