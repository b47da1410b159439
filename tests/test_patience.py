"""Waiting over real sockets: who asked us to wait is left, and waited for where nobody else is there."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx
import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, StreamClient, running

CHAT = "/v1/chat/completions"
Play = Callable[[Received], Script]


def refusing(status: int = 429, **headers: str) -> Script:
    """A refusal, with headers."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Script.json({"error": {"message": "slow down"}}, status=status, headers=named)


class Field:
    """A gateway in front of providers that play a script after the other, the last for ever."""

    def __init__(self, served: Running, asked: list[str]) -> None:
        self.served = served
        self.asked = asked

    def body(self, **fields: Any) -> dict[str, Any]:
        """A small request."""
        return {"model": "fast", "messages": [{"role": "user", "content": "Hello"}], **fields}

    async def chat(self, **fields: Any) -> httpx.Response:
        """Ask once."""
        return await self.served.client.post(CHAT, json=self.body(**fields))


@asynccontextmanager
async def field(
    *playing: list[Script], wait: str = "5s", keys: int = 1, models: int = 1, use: str = "{}"
) -> AsyncIterator[Field]:
    """Serve `fast` at as many providers as there are lists of scripts, each with `keys` and `models`."""
    asked: list[str] = []
    async with AsyncExitStack() as stack:
        providers, endpoints = "", []
        for number, scripts in enumerate(playing, 1):

            def play(received: Received, number: int = number, scripts: list[Script] = scripts) -> Script:
                asked.append(f"{number}/{received.json['model']}")
                return scripts.pop(0) if len(scripts) > 1 else scripts[0]

            fake = await stack.enter_async_context(FakeProvider(play))
            secrets = ", ".join(f"sk-key-{number}-{key}" for key in range(keys))
            providers += f'  p{number}: {{base_url: "{fake.url}", api_keys: [{secrets}]}}\n'
            endpoints += [f"p{number}/m{model}" for model in range(models)]
        config = f"""
plugins: {{keys: {{}}, openai: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}, balance: false}}
upstream: {{max_wait: {wait}}}
providers:
{providers}
models: {{fast: {{endpoints: [{", ".join(endpoints)}]}}}}
routes: [{{name: all, use: {use}}}]
"""
        served = await stack.enter_async_context(running(config))
        yield Field(served, asked)


SOON = {"retry_after_ms": "150"}


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_lone_endpoint_that_asks_us_to_wait_is_waited_for(
    whole_answer: Script, whole_stream: Script, stream: bool
) -> None:
    async with field([refusing(**SOON), whole_stream if stream else whole_answer]) as served:
        begun = time.monotonic()
        answer = await served.chat(stream=stream)
        assert (answer.status_code, answer.headers["x-pointsman-attempts"]) == (200, "2")
        assert b"Hello" in answer.content
        assert time.monotonic() - begun >= 0.15, "not before it is back"
        assert served.asked == ["1/m0", "1/m0"]


async def test_of_several_the_soonest_is_waited_for(whole_answer: Script) -> None:
    later, sooner = refusing(retry_after="4"), refusing(**SOON)
    async with field([later, whole_answer], [sooner, whole_answer]) as served:
        answer = await served.chat()
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "p2")
        assert served.asked == ["1/m0", "2/m0", "2/m0"]


async def test_one_that_is_known_to_rest_is_not_asked_before(whole_answer: Script) -> None:
    async with field([refusing(**SOON), whole_answer]) as served:
        first, second = await asyncio.gather(served.chat(), _behind(served))
        assert (first.status_code, second.status_code) == (200, 200)
        assert second.headers["x-pointsman-attempts"] == "1", "it waited first"
        assert len(served.asked) == 3


async def _behind(served: Field) -> httpx.Response:
    """Ask when the first has been refused."""
    async with asyncio.timeout(5):
        while served.served.gateway.rests.latest == 0.0:
            await asyncio.sleep(0)
    return await served.chat()


@pytest.mark.parametrize("wait", ["0s", "100ms"])
async def test_nobody_is_waited_for_longer_than_the_operator_has_patience(
    whole_answer: Script, wait: str
) -> None:
    async with field([refusing(retry_after="9"), whole_answer], wait=wait) as served:
        answer = await served.chat()
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")
        assert served.asked == ["1/m0"]
        again = await served.chat()
        assert again.status_code == 200, "the last one is asked though it rests"


async def test_the_patience_is_for_all_waits_of_a_request_together(whole_answer: Script) -> None:
    async with field([refusing(retry_after_ms="300")] * 2 + [whole_answer], wait="500ms") as served:
        answer = await served.chat()
        assert answer.status_code == 429
        assert served.asked == ["1/m0", "1/m0"], "there was not enough left for a second wait"


@pytest.mark.parametrize("use", ["{deadline: 100ms}", "{attempts: 1}"])
async def test_a_rule_may_leave_no_time_to_wait(whole_answer: Script, use: str) -> None:
    async with field([refusing(retry_after_ms="500"), whole_answer], use=use) as served:
        answer = await served.chat()
        assert answer.status_code == 429
        assert served.asked == ["1/m0"]


async def test_attempts_are_limited_as_ever() -> None:
    async with field([refusing(retry_after_ms="10")], wait="60s") as served:
        answer = await served.chat()
        assert answer.status_code == 429
        assert len(served.asked) == 4


async def test_the_one_that_failed_otherwise_is_not_tried_again(whole_answer: Script) -> None:
    async with field([refusing(500), whole_answer], [refusing(**SOON), whole_answer]) as served:
        answer = await served.chat()
        assert answer.status_code == 200
        assert served.asked == ["1/m0", "2/m0", "2/m0"]


async def test_a_refusal_that_does_not_say_how_long_is_not_waited_for(whole_answer: Script) -> None:
    async with field([refusing(), whole_answer]) as served:
        assert (await served.chat()).status_code == 429
        assert served.asked == ["1/m0"]


async def test_one_that_rests_is_tried_after_the_others_whoever_asks(whole_answer: Script) -> None:
    async with field([refusing(retry_after="9"), whole_answer], [whole_answer]) as served:
        for _ in range(3):
            assert (await served.chat()).headers["x-pointsman-provider"] == "p2"
        assert served.asked == ["1/m0", "2/m0", "2/m0", "2/m0"]


async def test_an_overloaded_provider_is_left_with_all_it_has(whole_answer: Script) -> None:
    async with field([refusing(529), whole_answer], [whole_answer], models=3) as served:
        for _ in range(2):
            assert (await served.chat()).headers["x-pointsman-provider"] == "p2"
        assert served.asked == ["1/m0", "2/m0", "2/m0"]


async def test_a_refused_key_rests_alone_while_there_is_another(whole_answer: Script) -> None:
    async with field([refusing(retry_after="9"), whole_answer], keys=2) as served:
        for _ in range(3):
            assert (await served.chat()).status_code == 200
        assert served.served.gateway.rests.latest == 0.0
        assert len(served.asked) == 4


async def test_where_all_keys_rest_the_first_that_is_free_is_waited_for(whole_answer: Script) -> None:
    scripts = [refusing(retry_after="1"), refusing(retry_after="60"), whole_answer]
    async with field(scripts, keys=2) as served:
        answer = await served.chat()
        assert answer.status_code == 200
        assert len(served.asked) == 3


async def test_a_client_that_leaves_ends_the_wait(whole_answer: Script) -> None:
    async with field([refusing(retry_after="50"), whole_answer], wait="60s") as served:
        gateway = served.served.gateway
        async with StreamClient(f"{served.served.url}{CHAT}", served.body()):
            async with asyncio.timeout(5):
                while gateway.rests.latest == 0.0:
                    await asyncio.sleep(0)
        async with asyncio.timeout(5):
            while gateway.running:
                await asyncio.sleep(0)
        (row,) = await served.served.rows("generations")
        assert (row["outcome"], row["attempts"]) == ("cancelled", 1)
        assert served.asked == ["1/m0"]


async def test_the_record_says_how_long_was_waited(whole_answer: Script) -> None:
    async with field([refusing(**SOON), whole_answer]) as served:
        told = await served.served.client.post(
            CHAT, json=served.body(), headers={"x-pointsman-explain": "true"}
        )
        await served.served.gateway.ledger.flush()
        identity = told.headers["x-generation-id"]
        record = (await served.served.client.get(f"/v1/decisions/{identity}")).json()
        assert 150 <= record["timings"]["waited_ms"] <= record["timings"]["total_ms"]
