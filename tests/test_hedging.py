"""Hedging over real sockets: the first answer counts, the other attempt is cancelled and accounted for."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.hedging import _ended
from pointsman.testing import FakeProvider, Hang, Pause, Running, Script, Send, StreamClient, running

CHAT = "/v1/chat/completions"
ERROR = {"error": {"message": "no", "type": "server_error"}}
SILENT = Script(steps=(Hang(),), framing="raw")


def late(seconds: float, script: Script) -> Script:
    """The same answer, later."""
    whole = script.head() + script.body()
    return Script(steps=(Pause(seconds), Send(whole)), framing="raw")


class Race:
    """A gateway that hedges, and its two providers."""

    def __init__(self, served: Running, one: FakeProvider, two: FakeProvider) -> None:
        self.served = served
        self.one = one
        self.two = two

    def body(self, **fields: Any) -> dict[str, Any]:
        """A small request."""
        return {"model": "fast", "messages": [{"role": "user", "content": "Hello there"}], **fields}

    async def row(self) -> dict[str, Any]:
        """The one generation there is."""
        async with asyncio.timeout(5):
            while self.served.gateway.running:
                await asyncio.sleep(0)
        (row,) = await self.served.rows("generations")
        return row


@asynccontextmanager
async def race(
    one: Script | list[Script],
    two: Script | list[Script],
    *,
    hedge: str = "50ms",
    door: str = "auto",
    total: str = "10s",
    wait: str = "0s",
) -> AsyncIterator[Race]:
    async with FakeProvider(one) as first, FakeProvider(two) as second:
        config = f"""
plugins: {{keys: {{}}, openai: {{}}, vendors: {{}}, routes: {{}}, prices: {{}}, usage: {{}}, balance: false}}
providers:
  one: {{base_url: "{first.url}", price: {{input: 1, output: 2}}}}
  two: {{base_url: "{second.url}", price: {{input: 3, output: 4}}}}
models: {{fast: {{endpoints: [one/m, two/m]}}}}
server: {{door: {door}}}
upstream: {{total: {total}, max_wait: {wait}}}
routes: [{{name: all, use: {{hedge: {hedge}}}}}]
"""
        async with running(config) as served:
            yield Race(served, first, second)


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_a_slow_endpoint_is_overtaken_and_what_it_did_is_paid(whole_answer: Script, door: str) -> None:
    async with race(SILENT, whole_answer, door=door) as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        assert answer.headers["x-pointsman-attempts"] == "2"
        async with asyncio.timeout(5):
            await both.one.requests[0].disconnected.wait()
        row = await both.row()
        assert (row["outcome"], row["provider"], row["input_tokens"]) == ("complete", "two", 9)
        lost, won = json.loads(row["tried"])
        assert won["cost_nano"] == 9 * 3000 + 2 * 4000
        assert lost["cost_nano"] == lost["input"] * 1000 > 0
        assert row["cost_nano"] == won["cost_nano"] + lost["cost_nano"]


async def test_one_that_is_fast_enough_is_asked_alone(whole_answer: Script) -> None:
    async with race(whole_answer, whole_answer, hedge="30s") as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert answer.headers["x-pointsman-provider"] == "one"
        assert both.two.requests == []
        assert (await both.row())["attempts"] == 1


async def test_the_first_may_still_win(whole_answer: Script) -> None:
    async with race(late(0.3, whole_answer), SILENT) as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "one")
        async with asyncio.timeout(5):
            await both.two.requests[0].disconnected.wait()
        row = await both.row()
        assert (row["provider"], row["output_tokens"], row["attempts"]) == ("one", 2, 2)
        assert answer.headers["x-pointsman-cost"] == f"{row['cost_nano'] / 1e9:.6f}".rstrip("0")


async def test_one_that_fails_is_replaced_at_once(whole_answer: Script) -> None:
    async with race(Script.json(ERROR, status=500), whole_answer, hedge="30s") as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")


async def test_one_that_fails_late_leaves_the_other_to_answer(whole_answer: Script) -> None:
    failing = late(0.15, Script.json(ERROR, status=500))
    async with race(failing, late(0.4, whole_answer)) as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        assert (await both.row())["outcome"] == "complete"


async def test_where_both_fail_the_client_is_told_of_both() -> None:
    failing = Script.json(ERROR, status=500)
    async with race(late(0.2, failing), failing) as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-should-retry"]) == (502, "false")
        assert len(answer.json()["error"]["metadata"]["attempts"]) == 2
        assert (await both.row())["outcome"] == "failed"


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_the_clocks_run_for_each(door: str) -> None:
    async with race(SILENT, SILENT, door=door, total="300ms") as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert answer.status_code == 504
        attempts = answer.json()["error"]["metadata"]["attempts"]
        assert [each["error_type"] for each in attempts] == ["timeout", "timeout"]


async def test_a_request_at_fault_is_told_at_once() -> None:
    refused = Script.json({"error": {"message": "bad temperature"}}, status=400)
    async with race(late(0.2, refused), SILENT) as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.json()["error"]["message"]) == (400, "bad temperature")
        async with asyncio.timeout(5):
            await both.two.requests[0].disconnected.wait()


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_a_client_that_leaves_cancels_both(door: str) -> None:
    async with race(SILENT, SILENT, door=door) as both:
        async with StreamClient(f"{both.served.url}{CHAT}", both.body()):
            first, second = await both.one.next_request(), await both.two.next_request()
        async with asyncio.timeout(5):
            await first.disconnected.wait()
            await second.disconnected.wait()
        row = await both.row()
        assert (row["outcome"], row["attempts"]) == ("cancelled", 2)


async def test_streams_are_not_hedged(whole_stream: Script) -> None:
    slow = Script.sse([Pause(0.2), *(step.data for step in whole_stream.steps if isinstance(step, Send))])
    async with race(slow, whole_stream) as both:
        answer = await both.served.client.post(CHAT, json=both.body(stream=True))
        assert answer.headers["x-pointsman-provider"] == "one"
        assert both.two.requests == []


async def test_embeddings_are() -> None:
    vectors = {
        "object": "list",
        "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}],
        "usage": {"prompt_tokens": 2, "total_tokens": 2},
    }
    async with race(SILENT, Script.json(vectors)) as both:
        answer = await both.served.client.post("/v1/embeddings", json={"model": "fast", "input": "Hello"})
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        assert answer.json()["data"][0]["embedding"] == [0.5]


def asking_to_wait(**headers: str) -> Script:
    """A refusal that says for how long."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json(ERROR, status=429, headers=named)


async def test_one_that_asks_us_to_wait_is_replaced_at_once_however_patient_the_operator_is(
    whole_answer: Script,
) -> None:
    refused = asking_to_wait(retry_after="300")
    async with race([refused, whole_answer], whole_answer, hedge="3600s", wait="3600s") as both:
        for _ in range(2):
            answer = await both.served.client.post(CHAT, json=both.body())
            assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        assert len(both.one.requests) == 1, "it is known to rest, and comes after the other"


async def test_where_both_ask_us_to_wait_the_soonest_is_waited_for(whole_answer: Script) -> None:
    later, sooner = asking_to_wait(retry_after="300"), asking_to_wait(retry_after_ms="100")
    async with race([later], [sooner, whole_answer], wait="5s") as both:
        answer = await both.served.client.post(CHAT, json=both.body())
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "two")
        assert (len(both.one.requests), len(both.two.requests)) == (1, 2)
        assert (await both.row())["attempts"] == 3


async def test_what_has_lost_is_seen_to_its_end_though_the_client_leaves_meanwhile() -> None:
    begun, released, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()

    async def losing() -> None:
        try:
            begun.set()
            await asyncio.Event().wait()
        finally:
            await released.wait()
            ended.set()

    loop = asyncio.get_running_loop()
    loser = loop.create_task(losing())
    await begun.wait()
    ending = loop.create_task(_ended([loser]))
    for _ in range(2):
        await asyncio.sleep(0)
        ending.cancel()
    await asyncio.sleep(0)
    assert not ending.done()
    released.set()
    with pytest.raises(asyncio.CancelledError):
        await ending
    assert ended.is_set()
