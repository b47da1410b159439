"""Decision records: which are kept, and who may read them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.exchange import Actor, Exchange, Plan
from pointsman.gateway import Gateway
from pointsman_routes.decisions import keep

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]

NONE = "explain: {sample: 0}\n"
ALL = "explain: {sample: 1}\n"


async def ask(client: httpx.AsyncClient, model: str, *, key: str = "alice", **headers: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a secret question"}]}
    return await client.post("/v1/chat/completions", json=body, headers={"x-api-key": key, **headers})


async def record_of(
    gateway: Gateway,
    client: httpx.AsyncClient,
    answer: httpx.Response,
    *,
    key: str = "alice",
    prefix: str = "/v1",
) -> httpx.Response:
    """The answer to a question for a record, asked once everything queued is on disk."""
    await gateway.ledger.flush()
    path = f"{prefix}/decisions/{answer.headers['x-generation-id']}"
    return await client.get(path, headers={"x-api-key": key})


async def test_an_ordinary_request_outside_the_sample_leaves_no_record(serve: Serve) -> None:
    async with serve(NONE) as (gateway, client):
        answer = await ask(client, "fast")
        assert answer.status_code == 200
        told = await record_of(gateway, client, answer)
        assert told.status_code == 404
        assert "no decision record" in told.json()["error"]["message"]


async def test_a_request_in_the_sample_leaves_its_record(serve: Serve) -> None:
    async with serve(ALL) as (gateway, client):
        answer = await ask(client, "fast")
        record = (await record_of(gateway, client, answer)).json()
        assert record["id"] == answer.headers["x-generation-id"]
        assert record["choice"] == "lab/small"
        assert [attempt["endpoint"] for attempt in record["outcomes"]["attempts"]] == ["lab/small"]


async def test_a_request_that_asks_for_it_is_recorded_as_it_was_told(serve: Serve) -> None:
    async with serve(NONE) as (gateway, client):
        answer = await ask(client, "fast", **{"x-pointsman-explain": "true"})
        record = (await record_of(gateway, client, answer)).json()
        assert record["requested"] == "fast"
        assert f'"{record["id"]}"' in answer.headers["x-pointsman-decision"]


async def test_a_key_that_may_not_see_records_gets_none_by_the_header(serve: Serve) -> None:
    async with serve(NONE) as (gateway, client):
        answer = await ask(client, "fast", key="blind", **{"x-pointsman-explain": "true"})
        assert (await record_of(gateway, client, answer, key="root")).status_code == 404


@pytest.mark.parametrize(("model", "status", "attempts"), [("nowhere", 400, 0), ("acme/broken", 503, 1)])
async def test_a_request_that_failed_is_always_recorded(
    serve: Serve, model: str, status: int, attempts: int
) -> None:
    async with serve(NONE) as (gateway, client):
        answer = await ask(client, model)
        assert answer.status_code == status
        record = (await record_of(gateway, client, answer)).json()
        assert record["requested"] == model
        assert len(record["outcomes"]["attempts"]) == attempts


@pytest.mark.parametrize(("plan", "kept"), [(Plan(None, ("fast",)), 1), (None, 0)])
async def test_a_client_that_left_has_a_record_only_once_something_was_decided(
    serve: Serve, plan: Plan | None, kept: int
) -> None:
    async with serve(NONE) as (gateway, _):
        exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
        exchange.actor = Actor("alice", "key-alice")
        exchange.plan = plan
        exchange.outcome = "cancelled"
        keep(exchange)
        await gateway.ledger.flush()
        assert len(await gateway.ledger.select("select id from decisions")) == kept


@pytest.mark.parametrize(("share", "low", "high"), [(0, 0, 0), (0.5, 60, 140), (1, 200, 200)])
async def test_the_sample_is_the_share_that_the_file_asks_for(
    serve: Serve, share: float, low: int, high: int
) -> None:
    async with serve(f"explain: {{sample: {share}}}\n") as (gateway, client):
        for _ in range(200):
            await ask(client, "fast")
        await gateway.ledger.flush()
        (row,) = await gateway.ledger.select("select count(*) as kept from decisions")
        assert low <= row["kept"] <= high


async def test_a_record_holds_no_text_of_the_request(serve: Serve) -> None:
    async with serve(ALL) as (gateway, client):
        record = await record_of(gateway, client, await ask(client, "fast"))
        assert "secret" not in record.text


@pytest.mark.parametrize("prefix", ["/v1", "/api/v1"])
async def test_the_key_that_asked_reads_its_record_under_both_prefixes(serve: Serve, prefix: str) -> None:
    async with serve(ALL) as (gateway, client):
        told = await record_of(gateway, client, await ask(client, "fast"), prefix=prefix)
        assert told.status_code == 200
        assert told.json()["requested"] == "fast"


@pytest.mark.parametrize(("key", "status"), [("alice", 200), ("bob", 404), ("root", 200), ("blind", 404)])
async def test_a_record_is_for_its_own_key_and_for_administrators(
    serve: Serve, key: str, status: int
) -> None:
    async with serve(ALL) as (gateway, client):
        answer = await ask(client, "fast")
        assert (await record_of(gateway, client, answer, key=key)).status_code == status


async def test_a_key_that_may_not_see_records_does_not_see_its_own(serve: Serve) -> None:
    async with serve(ALL) as (gateway, client):
        answer = await ask(client, "fast", key="blind")
        assert (await record_of(gateway, client, answer, key="blind")).status_code == 404


async def test_records_are_not_told_without_a_key(serve: Serve) -> None:
    async with serve(ALL) as (_, client):
        assert (await client.get("/v1/decisions/gen-1")).status_code == 401
