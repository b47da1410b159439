"""What clients do besides asking: their first request, their headers, their keys."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Received, Running, Script, running

CONFIG = """
auth: keys
admin_key: pm-test
plugins: {{openai: {{}}, anthropic: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}, keys: {{}}, echo: false}}
providers:
  native: {{vendor: anthropic, base_url: "{url}", api_keys: [sk-first-key, sk-second-key]}}
  chat: {{base_url: "{url}", api_key: sk-chat, dialects: [openai-chat]}}
log: {{level: error}}
"""
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "Ready."}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": {"input_tokens": 30_000, "output_tokens": 3},
}
COMPLETION = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Ready."}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 30_000, "completion_tokens": 3, "total_tokens": 30_003},
}
REFUSED = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
LIMITED = {"type": "error", "error": {"type": "rate_limit_error", "message": "slow down"}}


def answering(received: Received) -> Script:
    return Script.json(MESSAGE if received.path.endswith("/messages") else COMPLETION)


@asynccontextmanager
async def gateway(answers: Any = answering) -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with FakeProvider(answers) as fake, running(CONFIG.format(url=fake.url), key="pm-test") as served:
        yield served, fake


def first_request(model: str) -> dict[str, Any]:
    """The size and shape of a coding agent's first request."""
    tools = [
        {
            "name": f"Tool{number}",
            "description": "Does something with a file. " * 40,
            "input_schema": {
                "$schema": "http://json-schema.org/draft-07/schema#",
                "type": "object",
                "properties": {"path": {"type": "string"}, "offset": {"type": "number"}},
                "required": ["path"],
                "additionalProperties": False,
            },
        }
        for number in range(24)
    ]
    mark = {"type": "ephemeral"}
    return {
        "model": model,
        "max_tokens": 32_000,
        "system": [
            {"type": "text", "text": "You are a coding agent."},
            {"type": "text", "text": "Rules. " * 15_000, "cache_control": mark},
        ],
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "<context>main.py</context>"},
                    {"type": "text", "text": "Fix the bug.", "cache_control": mark},
                ],
            }
        ],
        "tools": tools,
        "metadata": {"user_id": "user_1_account_2_session_3"},
        "thinking": {"type": "enabled", "budget_tokens": 8000},
    }


AGENT = {
    "anthropic-version": "2023-06-01",
    "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
    "anthropic-dangerous-direct-browser-access": "true",
    "user-agent": "agent/2.0",
    "x-app": "cli",
    "x-stainless-lang": "js",
}


async def test_a_coding_agents_first_request_reaches_its_own_dialect_as_it_is() -> None:
    async with gateway() as (served, fake):
        assert (await served.client.head("/")).status_code == 200
        body = first_request("native/sonnet")
        answer = await served.client.post("/v1/messages?beta=true", json=body, headers=AGENT)
        assert (answer.status_code, answer.json()) == (200, MESSAGE)
        (received,) = fake.requests
        assert received.json == {**body, "model": "sonnet"}
        assert len(received.body) > 100_000
        assert received.headers["anthropic-beta"] == AGENT["anthropic-beta"]
        assert received.headers["anthropic-version"] == AGENT["anthropic-version"]
        assert received.headers["x-api-key"] == "sk-first-key"
        assert not received.headers.keys() & {"x-app", "x-stainless-lang", "authorization"}


async def test_a_coding_agents_first_request_reaches_another_dialect_with_all_it_holds() -> None:
    async with gateway() as (served, fake):
        body = first_request("chat/gpt")
        answer = await served.client.post("/v1/messages", json=body, headers=AGENT)
        assert answer.status_code == 200
        said = answer.json()
        assert (said["content"], said["stop_reason"]) == ([{"type": "text", "text": "Ready."}], "end_turn")
        assert said["usage"]["input_tokens"] == 30_000
        sent = fake.requests[0].json
        assert [message["role"] for message in sent["messages"]] == ["system", "user"]
        assert body["system"][1]["text"] in json.dumps(sent["messages"][0])
        assert [tool["function"]["name"] for tool in sent["tools"]] == [
            tool["name"] for tool in body["tools"]
        ]
        assert sent["tools"][0]["function"]["parameters"] == body["tools"][0]["input_schema"]
        assert sent["user"] == body["metadata"]["user_id"]
        assert "cache_control" in answer.headers["x-pointsman-lost"]
        assert "anthropic-beta" not in fake.requests[0].headers, "a beta belongs to its dialect"
        (row,) = await served.rows("generations")
        assert (row["lane"], row["dialect"]) == ("translated", "anthropic-messages")
        assert "cache_control" in row["lost"]


@pytest.mark.parametrize("header", ["x-api-key", "api-key", "authorization"])
async def test_keys_come_in_every_header(header: str) -> None:
    async with gateway() as (served, _):
        value = "Bearer pm-test" if header == "authorization" else "pm-test"
        served.client.headers.pop("authorization", None)
        body = {"model": "native/m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        asked = await served.client.post("/v1/messages", json=body, headers={header: value})
        assert asked.status_code == 200
        wrong = await served.client.post("/v1/messages", json=body, headers={header: value + "x"})
        assert wrong.status_code == 401
        assert wrong.json()["error"]["type"] == "authentication_error", "told in the client's dialect"


async def test_user_and_metadata_and_attribution_are_kept() -> None:
    async with gateway() as (served, fake):
        body = {
            "model": "chat/m",
            "messages": [{"role": "user", "content": "x"}],
            "user": "u-1",
            "metadata": {"team": "a"},
        }
        headers = {"http-referer": "https://app.example.org/", "x-title": "An App"}
        answer = await served.client.post("/v1/chat/completions", json=body, headers=headers)
        assert answer.status_code == 200
        assert (fake.requests[0].json["user"], fake.requests[0].json["metadata"]) == ("u-1", {"team": "a"})
        assert not fake.requests[0].headers.keys() & headers.keys(), "who asks is the gateway's to know"
        (row,) = await served.rows("generations")
        assert row["app"] == "An App"


async def test_a_key_that_must_wait_or_is_refused_is_replaced_within_the_request() -> None:
    def answers(received: Received) -> Script:
        if received.headers["x-api-key"] == "sk-first-key":
            return Script.json(REFUSED, status=401)
        return Script.json(MESSAGE)

    async with gateway(answers) as (served, fake):
        body = {"model": "native/m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        for _ in range(3):
            answer = await served.client.post("/v1/messages", json=body)
            assert answer.status_code == 200
        assert answer.headers["x-pointsman-attempts"] == "1"
        used = [received.headers["x-api-key"] for received in fake.requests]
        assert used == ["sk-first-key", *["sk-second-key"] * 3], "the refused one is out"


async def test_when_every_key_must_wait_the_client_is_told_for_how_long() -> None:
    limited = Script.json(LIMITED, status=429, headers={"retry-after": "7"})
    async with gateway(lambda received: limited) as (served, fake):
        body = {"model": "native/m", "max_tokens": 9, "messages": [{"role": "user", "content": "x"}]}
        answer = await served.client.post("/v1/messages", json=body)
        assert (answer.status_code, answer.json()["error"]["type"]) == (429, "rate_limit_error")
        assert (answer.headers["retry-after"], answer.headers["x-should-retry"]) == ("7", "false")
        assert len(fake.requests) == 2, "each key once"


async def test_tokens_are_counted_by_the_provider_or_estimated() -> None:
    def answers(received: Received) -> Script:
        return Script.json({"input_tokens": 14})

    async with gateway(answers) as (served, fake):
        body = {"model": "native/m", "messages": [{"role": "user", "content": "Hello there. " * 100}]}
        counted = await served.client.post("/v1/messages/count_tokens", json=body)
        assert (counted.status_code, counted.json()) == (200, {"input_tokens": 14})
        assert fake.requests[0].path.endswith("/messages/count_tokens")
        estimated = await served.client.post("/v1/messages/count_tokens", json={**body, "model": "chat/m"})
        assert estimated.status_code == 200
        assert 200 < estimated.json()["input_tokens"] < 600
        assert len(fake.requests) == 1, "nobody else was asked"
        rows = await served.rows("generations")
        assert [row["lane"] for row in rows] == ["bytes", "local"]
