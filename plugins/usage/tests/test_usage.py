"""The plugin: which requests leave a row, over real sockets."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read_text
from pointsman.errors import Unavailable
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import FakeProvider, Script, running
from pointsman_routes.dry import dry_exchange

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]
USED = {"input": 1000, "output": 50, "estimated": False, "cost_nano": 3_750}
TIMES = ("queue_ms", "first_content_ms", "total_ms")


async def ask(
    client: httpx.AsyncClient, model: str, *, headers: dict[str, str] | None = None, **fields: Any
) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a secret question"}], **fields}
    sent = {"x-title": "Notebook", "http-referer": "https://notebook.example", **(headers or {})}
    return await client.post("/v1/chat/completions", json=body, headers=sent)


async def rows(gateway: Gateway, table: str = "generations") -> list[dict[str, Any]]:
    """What is on disk once every exchange has ended."""
    assert await gateway.idle(10)
    await gateway.ledger.flush()
    return await gateway.ledger.select(f"select * from {table} order by at")


async def test_a_complete_answer_leaves_one_row_with_everything_known(serve: Serve) -> None:
    async with serve() as (gateway, client):
        answer = await ask(client, "big", user="u-1", headers={"x-lab-task": "maths", "x-lab-byok": "1"})
        (row,) = await rows(gateway)
    queued, first, total = (row.pop(name) for name in TIMES)
    assert 0 <= queued <= first <= total
    at = row.pop("at")
    assert at.endswith("+00:00")
    assert len(at) == len("2026-11-20T10:00:00.000+00:00")
    tried = json.loads(row.pop("tried"))
    assert all(0 <= each.pop("ms") <= total for each in tried)
    assert tried == [
        {"endpoint": "lab/down", "status": None, "error_type": "provider_unavailable", "byok": True},
        {"endpoint": "lab/large", "status": None, "error_type": None, "byok": True, **USED},
    ]
    assert row == {
        "id": answer.headers["x-generation-id"],
        "request_id": answer.headers["x-request-id"],
        "key_id": "key-1",
        "key_name": "alice",
        "team": "team-1",
        "team_name": "Research",
        "organisation": "org-1",
        "organisation_name": "Acme",
        "tags": None,
        "app": "Notebook",
        "app_url": "https://notebook.example",
        "end_user": "u-1",
        "client_address": None,
        "dialect": "openai-chat",
        "surface": "chat",
        "task": "maths",
        "model_asked": "big",
        "model": "acme/large",
        "provider": "lab",
        "endpoint": "lab/large",
        "served_model": None,
        "service_tier": None,
        "route": "rest",
        "stream": 0,
        "cached": 0,
        "byok": 1,
        "outcome": "complete",
        "status": 200,
        "finish": "length",
        "native_finish": "max_tokens",
        "attempts": 2,
        "lane": "bytes",
        "lost": None,
        "answer_lost": None,
        "input_tokens": 1000,
        "output_tokens": 50,
        "cache_read_tokens": 600,
        "cache_write_tokens": 100,
        "reasoning_tokens": 20,
        "more_counts": None,
        "estimated": 0,
        "cost_nano": 3_750,
        "billed_nano": 4_125,
        "cost_bits": 12,
        "price_source": "lab list",
        "reported_nano": None,
        "saved_nano": None,
        "connect_ms": None,
        "error_type": None,
        "error": None,
    }


async def test_a_streamed_answer_leaves_the_same_amounts(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/large", stream=True)
        (row,) = await rows(gateway)
    assert (row["stream"], row["outcome"], row["finish"]) == (1, "complete", "length")
    assert (row["input_tokens"], row["cost_nano"], row["billed_nano"]) == (1000, 3_750, 4_125)


async def test_a_row_tells_rarer_counts_the_bill_and_which_model_and_tier_served(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/billed")
        (row,) = await rows(gateway)
    assert json.loads(row["more_counts"]) == {"audio_input": 7, "searches": 2}
    assert (row["service_tier"], row["served_model"], row["reported_nano"]) == ("flex", "another", 1_000_000)
    assert row["cost_nano"] == 3_750


async def test_what_nobody_said_is_null(serve: Serve) -> None:
    async with serve() as (gateway, client):
        body = {"model": "lab/large", "messages": [{"role": "user", "content": "Hi"}]}
        await client.post("/v1/chat/completions", json=body)
        (row,) = await rows(gateway)
    assert [row[name] for name in ("app", "app_url", "end_user", "task", "client_address")] == [None] * 5
    assert row["byok"] == 0


async def test_the_clients_address_is_recorded_where_it_is_asked_for(serve: Serve) -> None:
    async with serve("{client_address: true}") as (gateway, client):
        await ask(client, "big")
        (row,) = await rows(gateway)
    assert row["client_address"] == "127.0.0.1"


async def test_a_stored_answer_leaves_a_row_that_says_so_and_costs_nothing(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/stored")
        (row,) = await rows(gateway)
        (day,) = await rows(gateway, "usage_days")
    assert (row["cached"], row["outcome"], row["attempts"], row["tried"]) == (1, "complete", 0, None)
    assert (row["model"], row["provider"], row["endpoint"]) == ("lab/stored", "lab", None)
    assert (row["input_tokens"], row["output_tokens"]) == (10, 5)
    assert (row["cost_nano"], row["billed_nano"], row["price_source"]) == (0, 0, "cache")
    assert (day["requests"], day["cached"], day["input_tokens"], day["cost_nano"]) == (1, 1, 0, 0)


async def test_how_long_connecting_took_is_recorded(tmp_path: Path) -> None:
    answer = {"id": "c", "choices": [{"index": 0, "message": {"content": "Hi"}, "finish_reason": "stop"}]}
    async with FakeProvider([Script.json(answer)] * 2) as fake:
        config = {
            "upstream": {"ahead": 0},
            "providers": {"far": {"base_url": fake.url, "api_key": "k"}},
            "models": {"m": {"endpoints": ["far/m"]}},
        }
        async with running(config, folder=tmp_path) as served:
            for _ in range(2):
                await ask(served.client, "m")
            first, second = await rows(served.gateway)
    assert 0 < first["connect_ms"] <= first["total_ms"]
    assert second["connect_ms"] == 0
    assert json.loads(first["tried"])[0]["status"] == 200


async def test_an_answer_without_a_price_has_tokens_and_no_cost(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/free")
        (row,) = await rows(gateway)
    assert (row["output_tokens"], row["cost_nano"], row["price_source"]) == (50, None, None)
    assert row["billed_nano"] is None


async def test_tokens_that_no_provider_reported_are_marked_as_estimated(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/silent")
        (row,) = await rows(gateway)
    assert row["estimated"] == 1
    assert row["output_tokens"] == 2


async def test_a_failed_request_leaves_its_error_and_no_tokens(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/down")
        (row,) = await rows(gateway)
    assert (row["outcome"], row["status"], row["attempts"]) == ("failed", 503, 1)
    assert (row["error_type"], row["error"]) == ("provider_unavailable", "the lab is closed")
    assert (row["input_tokens"], row["cost_nano"], row["first_content_ms"]) == (None, None, None)


async def test_an_answer_that_broke_off_is_incomplete_with_what_it_used(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/cut", stream=True)
        (row,) = await rows(gateway)
    assert (row["outcome"], row["status"], row["error_type"]) == ("incomplete", 200, "provider_unavailable")
    assert (row["estimated"], row["output_tokens"]) == (1, 2)
    assert row["cost_nano"] > 0


@pytest.mark.parametrize("strict", [{}, {"x-lab-strict": "1"}])
async def test_a_client_that_left_is_charged_what_was_used(serve: Serve, strict: dict[str, str]) -> None:
    async with serve() as (gateway, client):
        body = {"model": "lab/hangs", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
        async with client.stream("POST", "/v1/chat/completions", json=body, headers=strict) as answer:
            assert answer.status_code == 200
        (row,) = await rows(gateway)
        (day,) = await rows(gateway, "usage_days")
    assert (row["outcome"], row["status"], row["error"]) == ("cancelled", 499, None)
    assert (row["endpoint"], row["estimated"], row["output_tokens"]) == ("lab/hangs", 1, 2)
    assert row["billed_nano"] > row["cost_nano"] > 0
    assert (day["cancelled"], day["billed_nano"]) == (1, row["billed_nano"])


@pytest.mark.parametrize("model", ["nowhere", ""])
async def test_a_request_without_any_candidate_leaves_no_row(serve: Serve, model: str) -> None:
    async with serve() as (gateway, client):
        assert (await ask(client, model)).status_code in (400, 404)
        assert await rows(gateway) == []


async def test_no_row_holds_text_of_the_request(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "big")
        assert "secret" not in str(await rows(gateway))
        assert await rows(gateway, "bodies") == []


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["big", "lab/down", "lab/cut"])
async def test_in_strict_mode_the_row_is_on_disk_once_before_the_answer_ends(
    serve: Serve, config: Path, model: str, stream: bool
) -> None:
    async with serve() as (gateway, client):
        answer = await ask(client, model, stream=stream, headers={"x-lab-strict": "1"})
        with sqlite3.connect(f"file:{config.parent / 'pointsman.db'}?mode=ro", uri=True) as seen:
            ids = seen.execute("select id from generations").fetchall()
        seen.close()
        assert ids == [(answer.headers["x-generation-id"],)]
        assert len(await rows(gateway)) == 1
        assert gateway.ledger.health()["duplicates"] == 0
        (day,) = await rows(gateway, "usage_days")
        assert day["requests"] == 1


async def test_in_strict_mode_an_answer_whose_record_is_not_on_disk_ends_with_an_error(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve() as (gateway, client):

        async def refused() -> None:
            raise Unavailable("the record of this request cannot be written now", error_type="server")

        with monkeypatch.context() as patched:
            patched.setattr(gateway.ledger, "flush", refused)
            whole = await ask(client, "big", headers={"x-lab-strict": "1"})
            stream = await ask(client, "big", stream=True, headers={"x-lab-strict": "1"})
        assert whole.status_code == 503
        assert "cannot be written" in whole.text
        assert "cannot be written" in stream.text
        assert "[DONE]" not in stream.text
        assert len(await rows(gateway)) == 2


async def test_in_strict_mode_a_disk_that_hangs_is_one_that_refuses(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve(further="hook_timeout: 50ms\n") as (gateway, client):
        with monkeypatch.context() as patched:
            patched.setattr(gateway.ledger, "flush", asyncio.Event().wait)
            answer = await ask(client, "big", headers={"x-lab-strict": "1"})
        assert answer.status_code == 503
        assert "could not be written in time" in answer.text
        assert (await ask(client, "big", headers={"x-lab-strict": "1"})).status_code == 200


@pytest.mark.parametrize(
    ("usage", "further", "headers", "model", "status"),
    [
        ("{}", "", {}, "big", 200),
        ("{when_full: refuse}", "", {}, "big", 503),
        ("{when_full: refuse}", "", {}, "lab/stored", 503),
        ("{}", "ledger: {durability: strict}\n", {}, "big", 503),
        ("{}", "", {"x-lab-strict": "1"}, "big", 503),
    ],
)
async def test_what_happens_when_the_queue_is_full_is_configured_and_visible(
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    usage: str,
    further: str,
    headers: dict[str, str],
    model: str,
    status: int,
) -> None:
    async with serve(usage, further) as (gateway, client):
        writer = gateway.ledger._writer  # type: ignore[attr-defined]
        monkeypatch.setattr(writer, "most", 0)
        answer = await ask(client, model, headers=headers)
        assert answer.status_code == status
        assert (answer.headers.get("retry-after") == "1") == (status == 503)
        health = (await client.get("/health/ledger")).json()
        assert health["lost"] > 0
        assert health["when_full"] == ("refuse" if "refuse" in usage else "drop")
        monkeypatch.setattr(writer, "most", 1000)
        assert (await ask(client, model, headers=headers)).status_code == 200
        assert len(await rows(gateway)) == 1


async def test_the_health_of_the_ledger_is_shown(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve(further="ledger: {queue: 5000}\n") as (gateway, client):
        answer = await client.get("/health/ledger")
        assert (answer.status_code, answer.json()) == (
            200,
            {
                **{"ok": True, "queued": 0, "most": 5000, "lost": 0, "duplicates": 0, "error": None},
                "when_full": "drop",
            },
        )
        writer = gateway.ledger._writer  # type: ignore[attr-defined]
        monkeypatch.setattr(writer, "_failure", "disk full")
        assert (await client.get("/health/ledger")).status_code == 503


@pytest.mark.parametrize(
    ("headers", "rule"),
    [
        ({"X-Title": "Notebook 2"}, "books"),
        ({"HTTP-Referer": "https://notebook.example"}, "books"),
        ({"X-Title": "Terminal", "HTTP-Referer": "https://notebook.example"}, None),
        ({}, None),
    ],
)
async def test_rules_may_ask_for_applications(
    tmp_path: Path, headers: dict[str, str], rule: str | None
) -> None:
    config = """
plugins: {openai: {}, routes: {}, usage: {}}
routes: [{name: books, when: {app: ["Notebook*", "https://notebook.*"]}}]
"""
    setup = assemble(read_text(config, name="proxy.yaml", env={}, base=tmp_path), env={})
    codec = setup.dialects.get("openai-chat", "chat")
    async with Gateway.dry(setup) as gateway:
        raw = b'{"model": "echo/echo", "messages": [{"role": "user", "content": "Hi"}]}'
        exchange, _ = await dry_exchange(gateway, codec, raw, headers=headers)
        assert exchange.decision.rule == rule
