"""The webhook: told once a share and window, signed, and never in the way of an answer."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.testing import FakeProvider, Received, Running, Script

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

BUDGET = "{usd: 0.5, per: day, notify: [40%, 100%]}"


async def heard(received: asyncio.Queue[Received]) -> Received:
    """The next message."""
    return await asyncio.wait_for(received.get(), 10)


async def test_each_share_is_told_once_and_signed(serve: Serve, ask: Ask) -> None:
    received: asyncio.Queue[Received] = asyncio.Queue()

    def hook(message: Received) -> Script:
        received.put_nowait(message)
        return Script.whole(b"")

    async with FakeProvider(hook) as fake:
        webhook = f'{{webhook: {{url: "{fake.url}/hook?token=t", secret: sesame}}}}'
        async with serve(BUDGET, budgets=webhook) as served:
            assert [(await ask(served)).status_code for _ in range(6)] == [200] * 5 + [402]
            first, second = await heard(received), await heard(received)
        assert received.empty(), "neither refusals nor what is within a share are told"
    assert (first.method, first.path) == ("POST", "/v1/hook?token=t")
    told = json.loads(first.body)
    assert (told["event"], told["share"]) == ("budget.spent", "40%")
    budget = told["budget"]
    assert (budget["kind"], budget["name"], budget["spent_usd"]) == ("key", "alice", "0.20")
    assert json.loads(second.body)["share"] == "100%"
    signature = hmac.new(b"sesame", first.body, hashlib.sha256).hexdigest()
    assert first.headers["x-pointsman-signature"] == f"sha256={signature}"


@pytest.mark.parametrize("status", [500, 302])
async def test_a_webhook_that_fails_is_logged_and_fails_nothing(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture, status: int
) -> None:
    async with FakeProvider(Script.whole(b"", status=status, headers={"location": "/other"})) as fake:
        async with serve(BUDGET, budgets=f'{{webhook: {{url: "{fake.url}"}}}}') as served:
            assert [(await ask(served)).status_code for _ in range(3)] == [200] * 3
        assert len(fake.requests) == 1, "and no redirect is followed"
    assert f"was not told: it answers with status {status}" in caplog.text


async def test_a_webhook_that_is_not_there_is_logged(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(BUDGET, budgets='{webhook: {url: "http://127.0.0.1:9"}}') as served:
        assert [(await ask(served)).status_code for _ in range(3)] == [200] * 3
    assert "the webhook of budgets was not told: ConnectError" in caplog.text


async def test_without_a_webhook_the_log_tells(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        async with serve(BUDGET) as served:
            for _ in range(2):
                await ask(served)
    assert "40% of the budget of key 'alice' of 0.50 USD per day is spent: 0.20 USD" in caplog.text
