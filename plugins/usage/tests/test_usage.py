"""The plugin: which requests leave a row, through a real gateway."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read
from pointsman.gateway import Gateway
from pointsman.ledger import reader
from pointsman.server import Server
from pointsman.setup import assemble

Serve = Callable[[], AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


async def ask(client: httpx.AsyncClient, model: str, **fields: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a secret question"}], **fields}
    return await client.post("/v1/chat/completions", json=body, headers={"x-title": "Notebook"})


async def rows(gateway: Gateway) -> list[dict[str, Any]]:
    await gateway.ledger.flush()
    return await gateway.ledger.select("select * from generations order by at")


async def test_a_complete_answer_leaves_one_row_with_everything_known(serve: Serve) -> None:
    async with serve() as (gateway, client):
        answer = await ask(client, "big")
        (row,) = await rows(gateway)
    first, total = row.pop("first_content_ms"), row.pop("total_ms")
    assert 0 <= first <= total
    at = row.pop("at")
    assert at.endswith("+00:00")
    assert len(at) == len("2026-11-20T10:00:00.000+00:00")
    assert row == {
        "id": answer.headers["x-generation-id"],
        "request_id": answer.headers["x-request-id"],
        "key_id": "anonymous",
        "key_name": "anonymous",
        "app": "Notebook",
        "dialect": "openai-chat",
        "surface": "chat",
        "model_asked": "big",
        "model": "acme/large",
        "provider": "lab",
        "endpoint": "lab/large",
        "route": "rest",
        "stream": 0,
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
        "estimated": 0,
        "cost_nano": 3_750,
        "price_source": "lab list",
        "error_type": None,
        "error": None,
    }


async def test_a_streamed_answer_leaves_the_same_amounts(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/large", stream=True)
        (row,) = await rows(gateway)
    assert (row["stream"], row["outcome"], row["finish"]) == (1, "complete", "length")
    assert (row["input_tokens"], row["cost_nano"]) == (1000, 3_750)


async def test_an_answer_without_a_price_has_tokens_and_no_cost(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/free")
        (row,) = await rows(gateway)
    assert (row["output_tokens"], row["cost_nano"], row["price_source"]) == (50, None, None)


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
    assert (row["outcome"], row["status"], row["attempts"]) == ("failed", 502, 1)
    assert (row["error_type"], row["error"]) == ("provider_unavailable", "the lab is closed")
    assert (row["input_tokens"], row["cost_nano"], row["first_content_ms"]) == (None, None, None)


async def test_an_answer_that_broke_off_is_incomplete_with_what_it_used(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "lab/cut", stream=True)
        (row,) = await rows(gateway)
    assert (row["outcome"], row["status"], row["error_type"]) == ("incomplete", 200, "provider_unavailable")
    assert (row["estimated"], row["output_tokens"]) == (1, 2)


async def test_a_request_whose_client_left_is_recorded_as_cancelled(config: Path) -> None:
    server = Server(Gateway(assemble(read(config, env={}), env={})))
    address = await server.start()
    body = {"model": "lab/hangs", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}
    async with (
        httpx.AsyncClient() as client,
        client.stream("POST", f"{address}/v1/chat/completions", json=body) as answer,
    ):
        assert answer.status_code == 200
    await server.stop()
    with reader("sqlite:///pointsman.db", config.parent) as ledger:
        (row,) = ledger.select_sync("select * from generations")
    assert (row["outcome"], row["status"], row["error"]) == ("cancelled", 499, None)
    assert (row["endpoint"], row["estimated"], row["output_tokens"]) == ("lab/hangs", 1, 2)


@pytest.mark.parametrize("model", ["nowhere", ""])
async def test_a_request_without_any_candidate_leaves_no_row(serve: Serve, model: str) -> None:
    async with serve() as (gateway, client):
        assert (await ask(client, model)).status_code in (400, 404)
        assert await rows(gateway) == []


async def test_no_row_holds_text_of_the_request(serve: Serve) -> None:
    async with serve() as (gateway, client):
        await ask(client, "big")
        assert "secret" not in str(await rows(gateway))
