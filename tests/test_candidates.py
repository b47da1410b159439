"""Which endpoints may answer: none that would lose content, and a client is told which could take it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running

CONFIG = """
auth: none
plugins: {{openai: {{}}, anthropic: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}, echo: false}}
providers:
  chat: {{base_url: "{chat}", dialects: [openai-chat]}}
  messages: {{base_url: "{messages}", dialects: [anthropic-messages]}}
  keyless: {{vendor: groq}}
models:
  demo/both: {{endpoints: [chat/c, messages/m]}}
  demo/chat: {{endpoints: [chat/c]}}
  demo/messages: {{endpoints: [messages/m]}}
  demo/none: {{endpoints: [keyless/x]}}
log: {{level: error}}
"""
CHAT = "/v1/chat/completions"
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Fine."}],
    "stop_reason": "end_turn",
    "usage": {"input_tokens": 3, "output_tokens": 2},
}
COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Fine."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
}


@asynccontextmanager
async def gateway(more: str = "") -> AsyncIterator[tuple[Running, FakeProvider, FakeProvider]]:
    def chat(received: Received) -> Script:
        return Script.json(COMPLETION)

    def messages(received: Received) -> Script:
        return Script.json(MESSAGE)

    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(FakeProvider(chat))
        two = await stack.enter_async_context(FakeProvider(messages))
        config = CONFIG.format(chat=one.url, messages=two.url) + more
        yield await stack.enter_async_context(running(config)), one, two


def sound(model: str) -> dict[str, Any]:
    """A request with a sound, which one of the dialects has no place for."""
    part = {"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}
    return {"model": model, "messages": [{"role": "user", "content": [{"type": "text", "text": "?"}, part]}]}


async def test_an_endpoint_that_would_lose_content_is_left_out() -> None:
    async with gateway() as (served, one, two):
        answer = await served.client.post(
            CHAT, json=sound("demo/both"), headers={"x-pointsman-explain": "true"}
        )
        assert answer.status_code == 200
        assert (len(one.requests), len(two.requests)) == (1, 0)
        assert "x-pointsman-lost" not in answer.headers
        decision = answer.headers["x-pointsman-decision"]
        assert "`messages[0].content[1]` (" in decision, "why the other was left out"


async def test_when_none_can_take_it_the_client_is_told_what_and_who_could() -> None:
    async with gateway() as (served, _, two):
        answer = await served.client.post(CHAT, json=sound("demo/messages"))
        assert answer.status_code == 400
        error = answer.json()["error"]
        assert error["param"] == "messages[0].content[1]"
        assert error["code"] == "unsupported_content"
        assert "these could: demo/both, demo/chat" in error["message"]
        assert error["metadata"]["would_take"] == ["demo/both", "demo/chat"]
        assert two.requests == []


async def test_an_endpoint_that_is_not_ready_is_no_reason_to_blame_the_request() -> None:
    async with gateway() as (served, _, _):
        answer = await served.client.post(CHAT, json=sound("demo/none"))
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "no_endpoints")


PARAMETERS = {
    "model": "demo/messages",
    "n": 2,
    "seed": 7,
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "x"}],
}


@pytest.mark.parametrize("on_loss", ["warn", "drop"])
async def test_a_lost_parameter_is_reported(on_loss: str) -> None:
    async with gateway(f"on_loss: {on_loss}\n") as (served, _, two):
        answer = await served.client.post(CHAT, json=PARAMETERS, headers={"x-pointsman-explain": "true"})
        assert answer.status_code == 200
        assert answer.headers.get("x-pointsman-lost") == ("n, seed" if on_loss == "warn" else None)
        assert '"lane":"translated","lost":["n","seed"]' in answer.headers["x-pointsman-decision"]
        assert not two.requests[0].json.keys() & {"n", "seed"}
        (row,) = await served.rows("generations")
        assert (row["lane"], row["lost"]) == ("translated", "n, seed")


async def test_a_lost_parameter_can_leave_the_endpoint_out() -> None:
    async with gateway("on_loss: reject\n") as (served, one, two):
        answer = await served.client.post(CHAT, json=PARAMETERS)
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "unsupported_parameter", "n")
        assert "cannot take `n`, `seed`; these could: demo/both, demo/chat" in error["message"]
        other = await served.client.post(CHAT, json={**PARAMETERS, "model": "demo/both"})
        assert other.status_code == 200
        assert (len(one.requests), len(two.requests)) == (1, 0)


async def test_a_dry_run_finds_the_same_lanes_and_losses() -> None:
    async with gateway() as (served, _, _):
        real = await served.client.post(
            CHAT, json={**PARAMETERS, "model": "demo/both"}, headers={"x-pointsman-explain": "true"}
        )
        assert real.status_code == 200
        assert '"lane":"bytes","lost":[]' in real.headers["x-pointsman-decision"]
        assert '"lane":"translated","lost":["n","seed"]' in real.headers["x-pointsman-decision"]
