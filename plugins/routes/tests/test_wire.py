"""What requests prefer, over real sockets: in every dialect, and what of it the providers get to see."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Hang, Received, Running, Script, running

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "large",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}
MESSAGES = [{"role": "user", "content": "Hello"}]
ASKS: dict[str, tuple[str, dict[str, Any]]] = {
    "chat": ("/v1/chat/completions", {"model": "acme/large", "messages": MESSAGES}),
    "openrouter": ("/api/v1/chat/completions", {"model": "acme/large", "messages": MESSAGES}),
    "messages": ("/v1/messages", {"model": "acme/large", "messages": MESSAGES, "max_tokens": 9}),
    "responses": ("/v1/responses", {"model": "acme/large", "input": "Hello"}),
}
"""A request in each dialect."""


@asynccontextmanager
async def served(
    more: str = "", played: Script | None = None
) -> AsyncIterator[tuple[Running, list[Received]]]:
    """A server in front of two providers, and what they get."""
    async with FakeProvider(lambda _: played or Script.json(ANSWER)) as fake:
        config = f"""
ledger: {{url: "sqlite:///pointsman.db"}}
providers:
  dear: {{base_url: "{fake.url}", dialects: [openai-chat], price: {{input: 5, output: 9}}}}
  cheap: {{base_url: "{fake.url}", dialects: [openai-chat], price: {{input: 1, output: 2}}}}
models: {{acme/large: {{endpoints: [dear/large, cheap/large]}}}}
{more}
"""
        async with running(config) as server:
            yield server, fake.requests


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_every_dialect_asks_for_the_cheap_one(dialect: str) -> None:
    path, body = ASKS[dialect]
    async with served() as (server, requests):
        for provider, expected in (({"sort": "price"}, "cheap"), ({"order": ["dear"]}, "dear")):
            answer = await server.client.post(path, json={**body, "provider": provider})
            assert answer.status_code == 200, answer.text
            assert answer.headers["x-pointsman-provider"] == expected
            assert "x-pointsman-lost" not in answer.headers
            assert "provider" not in requests[-1].json


@pytest.mark.parametrize("dialect", [*ASKS])
async def test_every_dialect_tells_what_is_wrong_and_what_is_not_there(dialect: str) -> None:
    path, body = ASKS[dialect]
    async with served() as (server, requests):
        wrong = await server.client.post(path, json={**body, "provider": {"srot": "price"}})
        assert wrong.status_code == 400
        assert "did you mean `sort`?" in wrong.text
        nothing = await server.client.post(path, json={**body, "provider": {"zdr": True}})
        assert nothing.status_code == 404
        assert not requests
    row = nothing.json()["error"]
    if dialect == "chat":
        assert {each["by"] for each in row["metadata"]["excluded_by"]} == {"routes"}


async def test_models_and_suffixes_go_together() -> None:
    async with served() as (server, requests):
        body = {"models": ["acme/nothing:floor", "acme/large:floor"], "messages": MESSAGES}
        answer = await server.client.post("/v1/chat/completions", json=body)
        assert (answer.status_code, answer.headers["x-pointsman-provider"]) == (200, "cheap")
        assert requests[0].json["model"] == "large"
        assert "models" not in requests[0].json


def rule(use: str) -> str:
    return f"routes: [{{name: chosen, use: {{{use}}}}}]"


async def test_a_rules_highest_price_leaves_the_dear_one_out() -> None:
    body = {"model": "acme/large", "messages": MESSAGES}
    asks: tuple[dict[str, Any], ...] = ({}, {"order": ["dear"]}, {"max_price": {"prompt": 9}})
    async with served(rule("max_price: {prompt: 2}")) as (server, _):
        for asked in asks:
            answer = await server.client.post("/v1/chat/completions", json={**body, "provider": asked})
            assert answer.headers["x-pointsman-provider"] == "cheap"
    async with served(rule("max_price: {prompt: 0.5}")) as (server, requests):
        answer = await server.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 404
        assert not requests


async def test_a_rules_endpoints_are_a_ceiling_and_an_order() -> None:
    body = {"model": "acme/large", "messages": MESSAGES}
    async with served(rule("endpoints: [cheap/large, dear/large]")) as (server, _):
        for asked, expected in (({}, "cheap"), ({"order": ["dear"]}, "dear"), ({"sort": "price"}, "cheap")):
            answer = await server.client.post("/v1/chat/completions", json={**body, "provider": asked})
            assert answer.headers["x-pointsman-provider"] == expected
    async with served(rule("endpoints: [dear/large]")) as (server, _):
        for asked, status in (({"order": ["cheap"]}, 200), ({"only": ["cheap"]}, 404)):
            answer = await server.client.post("/v1/chat/completions", json={**body, "provider": asked})
            assert answer.status_code == status
            assert answer.headers.get("x-pointsman-provider", "dear") == "dear"


@pytest.mark.parametrize(("said", "attempts"), [("attempts: 1", 1), ("attempts: 2", 2), ("", 2)])
async def test_a_rules_attempts_count(said: str, attempts: int) -> None:
    body = {"model": "acme/large", "messages": MESSAGES}
    failing = Script.json({"error": {"message": "no"}}, status=500)
    async with served(rule(said), failing) as (server, requests):
        answer = await server.client.post("/v1/chat/completions", json=body)
        assert answer.status_code >= 500
        assert len(requests) == attempts


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])
async def test_a_rules_deadline_ends_all_attempts_together(stream: bool) -> None:
    body = {"model": "acme/large", "messages": MESSAGES, "stream": stream}
    silent = Script(steps=(Hang(),), framing="raw")
    async with served(rule("deadline: 300ms"), silent) as (server, requests):
        answer = await server.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == 504
        assert len(requests) == 1, "no time is left for the other endpoint"


async def test_a_deadline_that_is_kept_changes_nothing() -> None:
    async with served(rule("deadline: 30s")) as (server, _):
        body = {"model": "acme/large", "messages": MESSAGES}
        assert (await server.client.post("/v1/chat/completions", json=body)).status_code == 200


@pytest.mark.parametrize(("whole", "own", "status"), [("warn", "reject", 400), ("reject", "warn", 200)])
async def test_a_rules_word_on_losses_counts_before_the_whole_files(
    whole: str, own: str, status: int
) -> None:
    body = {"model": "acme/large", "input": "Hello", "truncation": "auto"}
    async with served(f"on_loss: {whole}\n{rule(f'on_loss: {own}')}") as (server, _):
        answer = await server.client.post("/v1/responses", json=body)
        assert answer.status_code == status, answer.text
        assert ("x-pointsman-lost" in answer.headers) is (status == 200)


def generation(name: str, total: float, first: float) -> dict[str, Any]:
    return {
        "id": f"gen-{name}-{total}",
        "request_id": "r",
        "at": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "dialect": "openai-chat",
        "surface": "chat",
        "model_asked": "acme/large",
        "endpoint": f"{name}/large",
        "stream": True,
        "outcome": "complete",
        "attempts": 1,
        "output_tokens": 1000,
        "estimated": False,
        "first_content_ms": first,
        "total_ms": total,
    }


@pytest.mark.parametrize(
    ("model", "provider"),
    [
        ("acme/large", {"sort": "throughput"}),
        ("acme/large", {"preferred_min_throughput": 500}),
        ("acme/large:nitro", {}),
    ],
)
async def test_speed_is_what_was_seen(model: str, provider: dict[str, Any]) -> None:
    body = {"model": model, "messages": MESSAGES, "provider": provider}
    async with served() as (server, _):
        for name, total, first in (("dear", 9000.0, 100.0), ("cheap", 1000.0, 900.0)):
            server.gateway.ledger.insert("generations", generation(name, total, first))
        await server.gateway.ledger.flush()
        fast = await server.client.post("/v1/chat/completions", json=body)
        assert fast.headers["x-pointsman-provider"] == "cheap"
        assert "x-pointsman-lost" not in fast.headers
        quick = await server.client.post(
            "/v1/chat/completions", json={**body, "model": "acme/large", "provider": {"sort": "latency"}}
        )
        assert quick.headers["x-pointsman-provider"] == "dear"


@pytest.mark.parametrize(
    ("on_loss", "status", "told"), [("warn", 200, True), ("drop", 200, False), ("reject", 400, False)]
)
async def test_what_nothing_is_known_of_is_lost_and_not_silently(
    on_loss: str, status: int, told: bool
) -> None:
    body = {"model": "acme/large", "messages": MESSAGES, "provider": {"sort": "exacto"}}
    async with served(f"on_loss: {on_loss}") as (server, _):
        answer = await server.client.post("/v1/chat/completions", json=body)
        assert answer.status_code == status
        assert (answer.headers.get("x-pointsman-lost") == "provider.sort") is told
        if status == 200:
            assert (await server.rows("generations"))[0]["lost"] == "provider.sort"
        else:
            assert answer.json()["error"]["param"] == "provider.sort"
