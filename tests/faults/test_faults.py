"""Faults of providers, 13 to 59: each through a real server, twice.

Once the fault is served in the process (`echo/fault-N`), once by a provider on a real socket that plays the
same script. There is one connection to providers in all, so that one that is not given back would show.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from pointsman.errors import UpstreamTimeout
from pointsman.testing import FakeProvider, Hang, Received, Running, Script, running
from pointsman_echo.faults import FAULTS, SCRIPTS

PASSED_ON = (24, 26)
FAILS_OVER = [
    pytest.param(number, stream, id=f"fault-{number}-{'stream' if stream else 'whole'}")
    for number in range(13, 49)
    for stream in ((False, True) if number < 43 else (True,))
    if number not in PASSED_ON
]
"""Numbers from 43 on are those of streams; a request for a stream can also meet all the others."""
BREAKS_OFF = (49, 50, 51, 53, 56)
SURVIVED = (52, 54, 55, 57, 58, 59)
STATUSES = {
    **dict.fromkeys((13, 14, 15, 16, 17), 429),
    **dict.fromkeys((18, 21), 503),
    **dict.fromkeys((22, 28, 42, 43, 44, 45, 46), 504),
    25: 404,
}
"""What a client is told where there is no other endpoint; all else is 502."""

HELLO = "Hello there friend"
WELL = {
    "id": "well",
    "object": "chat.completion",
    "created": 1,
    "model": "well",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}
WELL_STREAM = (
    b'data: {"id":"well","choices":[{"index":0,"delta":{"content":"Fine"},"finish_reason":null}]}\n\n',
    b'data: {"id":"well","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"well","choices":[],"usage":{"prompt_tokens":7,"completion_tokens":2}}\n\n',
    b"data: [DONE]\n\n",
)

both_servings = pytest.mark.parametrize("serving", ["in-process", "on-a-socket"])
both_kinds = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


def numbered(numbers: tuple[int, ...]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("number", numbers, ids=lambda number: f"fault-{number}")


def well(received: Received) -> Script:
    return Script.sse(WELL_STREAM) if received.json.get("stream") else Script.json(WELL)


@dataclass
class Lab:
    """A server whose model `lab/alone` has the fault's endpoint only, `lab/behind` a healthy one after it."""

    served: Running
    faulty: FakeProvider
    healthy: FakeProvider
    serving: str

    async def ask(self, model: str, *, stream: bool) -> httpx.Response:
        body: dict[str, Any] = {"model": model, "messages": [{"role": "user", "content": "How are you?"}]}
        if stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}
        return await self.served.client.post("/v1/chat/completions", json=body)

    async def rows(self) -> list[dict[str, Any]]:
        """The rows of the ledger, once nothing runs any more."""
        async with asyncio.timeout(2):
            while self.served.gateway.running:
                await asyncio.sleep(0)
        assert self.served.gateway.running == 0
        return await self.served.rows("generations")

    async def left(self, *, asked: int = 1) -> None:
        """On a socket: the fault's provider was asked so often, and is not listened to any longer."""
        assert len(self.faulty.requests) == (asked if self.serving == "on-a-socket" else 0)
        for request in self.faulty.requests:
            number = int(request.json["model"].removeprefix("fault-"))
            if any(isinstance(step, Hang) for step in SCRIPTS[number].steps):
                await asyncio.wait_for(request.disconnected.wait(), 1)


HANGING = frozenset(fault.number for fault in FAULTS.values() if fault.error is UpstreamTimeout)
CLOCKS = {
    True: "first_content: 200ms, stall: 200ms, total: 1s",
    False: "first_content: 20s, stall: 20s, total: 20s",
}
"""Short only where a clock must run out: elsewhere a busy machine must not be taken for a fault."""


@asynccontextmanager
async def lab(number: int, serving: str) -> AsyncIterator[Lab]:
    async with FakeProvider(SCRIPTS[number]) as faulty, FakeProvider(well) as healthy:
        first = f"{'echo' if serving == 'in-process' else 'faulty'}/fault-{number}"
        config = f"""
upstream: {{{CLOCKS[number in HANGING]}, max_answer: 2MiB, max_connections: 1}}
plugins: {{openai: {{}}, routes: {{}}, usage: {{}}, echo: {{}}}}
providers:
  echo: {{}}
  faulty: {{vendor: openai, base_url: "{faulty.url}", api_key: key-of-faulty}}
  healthy: {{vendor: openai, base_url: "{healthy.url}", api_key: key-of-healthy}}
models:
  lab/alone: {{endpoints: [{first}]}}
  lab/behind: {{endpoints: [{first}, healthy/well]}}
"""
        async with running(config) as served:
            yield Lab(served, faulty, healthy, serving)


def said(body: bytes) -> str:
    """The text of a stream."""
    text = body.decode().replace("\r\n", "\n").replace("\r", "\n")
    lines = [line[6:] for line in text.split("\n") if line.startswith("data: ") and line != "data: [DONE]"]
    choices = [choice for line in lines for choice in json.loads(line).get("choices", ())]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@both_servings
@pytest.mark.parametrize(("number", "stream"), FAILS_OVER)
async def test_alone_it_is_an_error_and_with_an_endpoint_behind_it_nobody_notices(
    number: int, serving: str, stream: bool
) -> None:
    async with lab(number, serving) as it:
        refused = await it.ask("lab/alone", stream=stream)
        assert refused.status_code == STATUSES.get(number, 502)
        assert refused.json()["error"]["message"]
        assert refused.headers["x-pointsman-attempts"] == "1"

        answer = await it.ask("lab/behind", stream=stream)
        assert answer.status_code == 200
        assert answer.content == (b"".join(WELL_STREAM) if stream else json.dumps(WELL).encode())
        assert answer.headers["x-pointsman-attempts"] == "2"
        assert answer.headers["x-pointsman-provider"] == "healthy"

        failed, complete = await it.rows()
        assert (failed["outcome"], failed["status"], failed["attempts"]) == ("failed", refused.status_code, 1)
        assert (failed["input_tokens"], failed["output_tokens"], failed["estimated"]) == (None, None, 0)
        assert (complete["outcome"], complete["status"], complete["attempts"]) == ("complete", 200, 2)
        assert (complete["input_tokens"], complete["output_tokens"], complete["estimated"]) == (7, 2, 0)
        assert len(it.healthy.requests) == 1
        await it.left(asked=2)


@both_servings
@numbered((13,))
async def test_the_wait_a_provider_asks_for_is_passed_on(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/alone", stream=False)
        assert 7 <= int(answer.headers["retry-after"]) <= 8


@both_kinds
@both_servings
@numbered((23,))
async def test_what_a_provider_says_of_our_key_stays_here(number: int, serving: str, stream: bool) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/alone", stream=stream)
        assert answer.status_code == 502
        assert "4711" not in answer.text
        assert "key-of-faulty" not in answer.text


@both_kinds
@both_servings
@numbered(PASSED_ON)
async def test_the_client_is_told_of_its_own_mistake_as_the_provider_told_it(
    number: int, serving: str, stream: bool
) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/behind", stream=stream)
        assert answer.status_code == SCRIPTS[number].status
        assert answer.content == SCRIPTS[number].body()
        assert answer.headers["x-pointsman-attempts"] == "1"
        (row,) = await it.rows()
        assert (row["outcome"], row["status"], row["attempts"]) == ("failed", answer.status_code, 1)
        assert (row["input_tokens"], row["estimated"]) == (None, 0)
        assert it.healthy.requests == []
        await it.left()


@both_servings
@numbered(BREAKS_OFF)
async def test_after_content_the_stream_ends_with_an_error_in_it(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/behind", stream=True)
        assert answer.status_code == 200
        assert b"[DONE]" not in answer.content
        assert said(answer.content) == HELLO
        *before, last = answer.content.removesuffix(b"\n\n").split(b"\n\n")
        assert json.loads(last.removeprefix(b"data: "))["error"]["message"]
        assert not any(b'"error"' in event for event in before)
        (row,) = await it.rows()
        assert (row["outcome"], row["status"], row["attempts"]) == ("incomplete", 200, 1)
        assert row["estimated"] == 1
        assert row["output_tokens"] > 0
        assert it.healthy.requests == []
        await it.left()


@both_servings
@numbered(SURVIVED)
async def test_an_odd_but_whole_stream_is_complete(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/behind", stream=True)
        assert answer.status_code == 200
        assert said(answer.content).startswith(HELLO)
        assert b'"error"' not in answer.content
        (row,) = await it.rows()
        assert (row["outcome"], row["status"], row["attempts"]) == ("complete", 200, 1)
        assert row["finish"] == "stop"
        assert it.healthy.requests == []
        await it.left()


@both_servings
@numbered((52, 54))
async def test_tokens_nobody_reported_are_estimated(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        await it.ask("lab/alone", stream=True)
        (row,) = await it.rows()
        assert row["estimated"] == 1
        assert row["output_tokens"] == -(-len(HELLO) // 4)


@both_servings
@numbered((55,))
async def test_usage_that_comes_twice_counts_once(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        await it.ask("lab/alone", stream=True)
        (row,) = await it.rows()
        assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (5, 3, 0)


@both_servings
@numbered((57, 58))
async def test_every_byte_arrives_as_it_was_sent(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/alone", stream=True)
        assert answer.content == SCRIPTS[number].body()


@both_servings
@numbered((59,))
async def test_nothing_follows_the_end(number: int, serving: str) -> None:
    async with lab(number, serving) as it:
        answer = await it.ask("lab/alone", stream=True)
        whole, _, beyond = SCRIPTS[number].body().partition(b"data: [DONE]\n\n")
        assert beyond
        assert answer.content == whole + b"data: [DONE]\n\n"
