"""Budgets when the configuration changes: what is spent and what is held stays."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx

from pointsman.config import Usd
from pointsman.exchange import Actor, Level
from pointsman.testing import FakeProvider, Running, Script, running
from pointsman_budgets import Budgets
from pointsman_budgets.settings import Budget

ANSWER = Script.json(
    {
        "id": "1",
        "object": "chat.completion",
        "created": 1,
        "model": "x",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150},
    }
)
PRICE = {"input": 0, "output": 2000}
"""US dollars for a million tokens: an answer of 50 tokens costs 10 cents."""


def config(fake: FakeProvider, team: Any = None, **more: Any) -> dict[str, Any]:
    digests = [(name, hashlib.sha256(name.encode()).hexdigest()) for name in ("ann", "bob")]
    return {
        "auth": "keys",
        "providers": {"lab": {"base_url": fake.url, "api_key": "sk", "discover": False, "price": PRICE}},
        "models": {"acme/one": {"endpoints": ["lab/one"]}},
        "teams": {"lab": {"budget": team} if team else {}},
        "keys": [{"name": name, "key_hash": digest, "team": "lab"} for name, digest in digests],
        **more,
    }


async def ask(server: Running, key: str = "ann") -> httpx.Response:
    body = {"model": "acme/one", "max_tokens": 50, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {key}"}
    return await server.client.post("/v1/chat/completions", json=body, headers=headers)


def plugin_of(server: Running) -> Budgets:
    plugin = server.gateway.setup.plugins.get("budgets")
    assert plugin is not None
    assert isinstance(plugin.target, Budgets)
    return plugin.target


async def test_another_amount_counts_for_what_was_spent_before() -> None:
    async with (
        FakeProvider(ANSWER) as fake,
        running(config(fake, {"usd": 0.25, "per": "month"}), key="ann") as server,
    ):
        assert [(await ask(server)).status_code for _ in range(3)] == [200, 200, 402]
        await server.reload(config(fake, {"usd": 0.35, "per": "month"}))
        assert [(await ask(server)).status_code for _ in range(2)] == [200, 402]
        await server.reload(config(fake, {"usd": 0.35, "per": "month", "refuse": False}))
        assert (await ask(server)).status_code == 200


async def test_a_budget_that_comes_back_knows_what_was_spent_without_it() -> None:
    async with (
        FakeProvider(ANSWER) as fake,
        running(config(fake, {"usd": 0.35, "per": "month"}), key="ann") as server,
    ):
        assert (await ask(server)).status_code == 200
        await server.reload(config(fake))
        for _ in range(2):
            assert (await ask(server)).status_code == 200
        await server.reload(config(fake, {"usd": 0.35, "per": "month"}))
        assert (await ask(server)).status_code == 402


async def test_a_request_that_knows_the_budget_from_before_does_not_bring_it_back() -> None:
    async with (
        FakeProvider(ANSWER) as fake,
        running(config(fake, {"usd": 5, "per": "month"}), key="ann") as server,
    ):
        assert (await ask(server, "bob")).status_code == 200
        payers = plugin_of(server).payers
        (account,) = payers.accounts
        former = Budget(usd=Usd(9 * 10**9), per="month")
        level = Level("team", "lab", "lab", {"budget": former})
        payer = await payers.find(Actor("ann", "key-ann", levels=(level,)), newest=False)
        assert payer.accounts == (account,)
        assert account.limit == 5 * 10**9
        assert "key-ann" not in payers.known
        await payers.find(Actor("ann", "key-ann", levels=(level,)))
        assert account.limit == 9 * 10**9


async def test_settings_count_from_then_on() -> None:
    async with FakeProvider(ANSWER) as fake:
        budget = {"usd": 5, "per": "month", "hard": True}
        unpriced = {"lab": {"base_url": fake.url, "api_key": "sk", "discover": False}}
        async with running(config(fake, budget, providers=unpriced), key="ann") as server:
            refused = await ask(server)
            assert refused.status_code != 200
            allowing = {"budgets": {"allow_unpriced": True, "lease": "5s", "default_output": 7}}
            await server.reload(config(fake, budget, providers=unpriced, plugins=allowing))
            assert (await ask(server)).status_code == 200
            plugin = plugin_of(server)
            assert (plugin.book.lease, plugin._estimates.default_output) == (5, 7)
