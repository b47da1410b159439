"""Saturated providers in front of a real server: each is left within one request and comes back by itself."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running

CHAT = "/v1/chat/completions"
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


class Clock:
    """The monotonic clock, moved on."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.moved, real = 0.0, time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self.moved)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the gateway."""
    return Clock(monkeypatch)


class Two:
    """A model at a cheap provider and at a dear one; `plays` is what the cheap one does."""

    def __init__(self) -> None:
        self.plays = Script.json(ANSWER)
        self.asked: Counter[str] = Counter()
        self.served: Running

    def answering(self, name: str) -> Callable[[Received], Script]:
        """What a provider does."""

        def answer(received: Received) -> Script:
            self.asked[name] += 1
            return self.plays if name == "cheap" else Script.json(ANSWER)

        return answer

    async def serve(self, stack: AsyncExitStack, prices: dict[str, Any], **use: Any) -> None:
        """Boot."""
        providers = {}
        for name, price in prices.items():
            fake = await stack.enter_async_context(FakeProvider(self.answering(name)))
            providers[name] = {"base_url": fake.url, "api_key": "k", "discover": False, "price": price}
        config = {
            "auth": "none",
            "plugins": {"balance": {"explore": "0%"}},
            "providers": providers,
            "models": {"acme/m": {"endpoints": [f"{name}/m" for name in prices]}},
            "routes": [{"name": "all", "use": use}],
        }
        self.served = await stack.enter_async_context(running(config))

    async def ask(self, times: int = 1) -> Counter[str]:
        """Ask one after the other: all are answered. Who was asked how often."""
        self.asked.clear()
        for _ in range(times):
            body = {"model": "acme/m", "messages": [{"role": "user", "content": "Hello"}]}
            assert (await self.served.client.post(CHAT, json=body)).status_code == 200
        return Counter(self.asked)


REFUSALS: dict[str, tuple[int, dict[str, str], str, float]] = {
    "429": (429, {}, "slow down", 1.3),
    "429, seconds": (429, {"retry-after": "40"}, "slow down", 40.1),
    "429, a reset": (429, {"x-ratelimit-reset-requests": "1m30s"}, "slow down", 90.1),
    "503": (503, {}, "try again", 1.3),
    "503, seconds": (503, {"retry-after": "40"}, "try again", 40.1),
    "503, overloaded": (503, {}, "the service is overloaded", 5.1),
    "529": (529, {}, "overloaded", 5.1),
}
"""By what a saturated provider says: status, headers, words; and the seconds after which it is asked."""


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_saturated_provider_is_left_within_one_request_and_comes_back_by_itself(
    clock: Clock, refusal: str
) -> None:
    status, headers, words, back = REFUSALS[refusal]
    both = Two()
    async with AsyncExitStack() as stack:
        await both.serve(stack, {"cheap": {"input": 1, "output": 1}, "dear": {"input": 3, "output": 3}})
        assert await both.ask(20) == {"cheap": 20}
        both.plays = Script.json({"error": {"message": words}}, status=status, headers=headers)
        assert await both.ask() == {"cheap": 1, "dear": 1}
        assert await both.ask(10) == {"dear": 10}, "one request was enough"
        both.plays = Script.json(ANSWER)
        clock.moved += back
        assert (await both.ask(20))["cheap"] >= 15, "nobody had to do anything"


async def test_one_that_stays_saturated_is_asked_less_and_less(clock: Clock) -> None:
    both = Two()
    async with AsyncExitStack() as stack:
        await both.serve(stack, {"cheap": {"input": 1, "output": 1}, "dear": {"input": 9, "output": 9}})
        await both.ask(20)
        both.plays = Script.json({"error": {"message": "slow down"}}, status=429)
        asked = Counter[str]()
        for _ in range(60):
            asked += await both.ask()
            clock.moved += 1.0
        assert asked["dear"] == 60
        assert 3 <= asked["cheap"] <= 8, "after 1, 2, 4, 8, … seconds"


async def test_the_cheapest_is_another_one_at_night_than_at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    both = Two()
    windows = [{"time": "22:00-06:00 UTC", "input": 0.5, "output": 0.5}]
    async with AsyncExitStack() as stack:
        prices = {
            "flat": {"input": 1, "output": 1},
            "peak": {"input": 2, "output": 2, "windows": windows},
        }
        await both.serve(stack, prices, pick="cheapest")
        for hour, expected in ((12, "flat"), (23, "peak"), (3, "peak"), (6, "flat"), (21, "flat")):
            moment = datetime(2026, 3, 4, hour, 30, tzinfo=UTC).timestamp()
            monkeypatch.setattr(time, "time", lambda moment=moment: moment)
            assert await both.ask(3) == {expected: 3}, f"at {hour}:30"
