"""One request, as its row tells it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from pointsman.testing import Running, Script, running
from pointsman_openrouter.generation import _shape, generation

Serve = Callable[..., AbstractAsyncContextManager[Running]]
REFERER = {"http-referer": "https://app.example", "x-title": "App"}


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def chat(served: Running, key: str = "member", model: str = "acme/large", **fields: Any) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **fields}
    answer = await served.client.post(
        "/api/v1/chat/completions", json=body, headers={**headers(key), **REFERER}
    )
    return answer.headers["x-generation-id"]


async def look(served: Running, id: str, key: str = "member") -> httpx.Response:
    return await served.client.get("/api/v1/generation", params={"id": id}, headers=headers(key))


async def test_a_request_is_there_as_soon_as_it_is_answered(
    serve: Serve, validate: Callable[..., None]
) -> None:
    async with serve() as served:
        id = await chat(served, user="somebody")
        answer = await look(served, id)
        assert answer.status_code == 200, answer.text
        validate(answer.json(), "/generation")
        found = answer.json()["data"]
    known = {
        "id": id,
        "model": "acme/large",
        "provider_name": "lab",
        "api_type": "completions",
        "external_user": "somebody",
        "http_referer": "https://app.example",
        "origin": "https://app.example",
        "streamed": False,
        "cancelled": False,
        "finish_reason": "stop",
        "tokens_prompt": 3,
        "native_tokens_completion": 1,
        "native_tokens_reasoning": 0,
        "total_cost": 0.004,
        "usage": 0.004,
        "upstream_inference_cost": 0.004,
        "is_byok": False,
        "workspace_id": None,
        "upstream_id": None,
    }
    assert found.items() >= known.items()
    assert 0 < found["generation_time"] <= found["latency"]
    (attempt,) = found["provider_responses"]
    assert attempt.pop("latency") >= 0
    assert attempt == {
        "endpoint_id": "lab/large",
        "provider_name": "lab",
        "model_permaslug": "acme/large",
        "status": 200,
        "is_byok": False,
    }


async def test_only_who_may_see_a_request_finds_it(serve: Serve) -> None:
    async with serve() as served:
        made = await served.client.post(
            "/api/v1/keys", json={"name": "r", "team": "red"}, headers=headers("root")
        )
        red = made.json()["key"]
        ids = {key: await chat(served, key) for key in ("member", "root", red)}
        seen = {
            key: [(await look(served, id, key)).status_code for id in ids.values()]
            for key in ("root", "the-admin-key", "member", "chief", "viewer", red)
        }
        assert (await look(served, ids[red], "root")).json()["data"]["workspace_id"] == "red"
    assert seen == {
        "root": [200, 200, 200],
        "the-admin-key": [200, 200, 200],
        "member": [200, 404, 404],
        "chief": [404, 404, 200],
        "viewer": [404, 404, 404],
        red: [404, 404, 200],
    }


async def test_a_cost_that_is_not_known_is_not_zero_and_nothing_costs_nothing(
    serve: Serve, validate: Callable[..., None]
) -> None:
    more = "plugins: {prices: {require_price: false}}"
    async with serve(more) as served:
        bare: Any = served.gateway.setup.providers["bare"]
        bare.key_required = False
        unpriced = (await look(served, await chat(served, model="acme/own"))).json()
        validate(unpriced, "/generation")
    assert (unpriced["data"]["total_cost"], unpriced["data"]["usage"]) == (-1, -1)
    assert unpriced["data"]["upstream_inference_cost"] is None
    async with serve(answer=Script.json({"error": {"message": "No"}}, status=500)) as served:
        failed = (await look(served, await chat(served))).json()
        validate(failed, "/generation")
    assert (failed["data"]["total_cost"], failed["data"]["tokens_prompt"]) == (0, None)
    assert {each["status"] for each in failed["data"]["provider_responses"]} == {500}


@pytest.mark.parametrize(("cost", "shown"), [({"cost_nano": None}, -1), ({}, 0)])
async def test_what_attempts_before_the_last_used_is_not_nothing(
    serve: Serve, cost: dict[str, None], shown: int
) -> None:
    first = {"endpoint": "lab/large", "status": 200, "error_type": "timeout", "ms": 9, "byok": False}
    async with serve() as served:
        await chat(served)
        await served.gateway.ledger.flush()
        (row,) = await served.rows("generations")
        unused = dict.fromkeys(("input_tokens", "output_tokens", "cost_nano", "billed_nano"))
        tried = json.dumps([{**first, **cost}, {**first, "status": 500}])
        found = _shape(served.gateway, {**row, **unused, "tried": tried})
    assert (found["total_cost"], found["usage"], found["upstream_inference_cost"]) == (shown, shown, None)


async def test_what_is_asked_for_must_be_said_and_be_there(serve: Serve) -> None:
    async with serve() as served:
        assert (await look(served, "")).status_code == 400
        missing = await look(served, "gen-nothing")
        assert (missing.status_code, missing.json()["error"]["code"]) == (404, 404)
        more = await served.client.get("/api/v1/generation?id=x&full=1", headers=headers("member"))
        assert "no parameter `full`" in more.json()["error"]["message"]


async def test_without_records_there_is_none() -> None:
    async with running("plugins: {usage: false, budgets: false}") as served:
        answer = await served.client.get("/api/v1/generation?id=gen-1")
        assert (answer.status_code, "plugin usage" in answer.text) == (503, True)


@pytest.mark.parametrize(
    ("surface", "api_type"),
    [("chat", "completions"), ("messages", "completions"), ("embeddings", "embeddings"), ("other", None)],
)
async def test_rare_things_of_a_row(
    serve: Serve, validate: Callable[..., None], surface: str, api_type: str | None
) -> None:
    async with serve() as served:
        id = await chat(served)
        await served.gateway.ledger.flush()
        (row,) = await served.rows("generations")
        row |= {
            "surface": surface,
            "more_counts": '{"image_output": 7, "images": 2}',
            "saved_nano": 5_000_000,
            "queue_ms": None,
            "tried": None,
            "provider": None,
            "model": None,
            "outcome": "cancelled",
        }
        found = _shape(served.gateway, row)
        assert (await generation(served.gateway, _root(served), id))["id"] == id
    validate({"data": found}, "/generation")
    assert found["api_type"] == api_type
    assert (found["native_tokens_completion_images"], found["num_media_prompt"]) == (7, 2)
    assert (found["cache_discount"], found["generation_time"], found["cancelled"]) == (0.005, None, True)
    assert (found["provider_name"], found["provider_responses"], found["model"]) == (None, None, "acme/large")


def _root(served: Running) -> Any:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    directory = plugin.target.directory
    return directory.known[directory.named("root").digest].actor
