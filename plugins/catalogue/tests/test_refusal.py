"""Refusals: who would serve a model, and what else may have been meant."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import Any

import httpx
import pytest

from pointsman.testing import Running
from pointsman_catalogue.rows import Row

Serve = Callable[..., Any]
RowOf = Callable[..., Row]


async def ask(server: Running, model: str, **headers: str) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return await server.client.post("/v1/chat/completions", json=body, headers=headers)


@pytest.fixture
def rows(row: RowOf) -> list[Row]:
    vendors = (
        "together",
        "fireworks",
        "deepinfra",
        "novita",
        "mistral",
        "xai",
        "cerebras",
        "openrouter",
        "zai",
    )
    return [
        row("groq", "small-groq", "acme/small"),
        row("together", "big-together", "acme/big"),
        row("xai", "big-xai", "acme/big"),
        *(row(vendor, "all", "acme/all") for vendor in vendors),
    ]


async def test_a_model_that_others_would_serve_is_not_found_and_they_are_named(
    serve: Serve, rows: list[Row]
) -> None:
    async with serve("groq: {api_key: k}", rows=rows) as server:
        for name in ("acme/big", "together/big-together"):
            answer = await ask(server, name)
            error = answer.json()["error"]
            assert (answer.status_code, error["code"], error["param"]) == (404, "no_endpoints", "model")
            assert "together (set TOGETHER_API_KEY)" in error["message"]
        would = (await ask(server, "acme/big")).json()["error"]["metadata"]["would_serve"]
        assert would == [
            {"provider": "together", "key_variable": "TOGETHER_API_KEY"},
            {"provider": "xai", "key_variable": "XAI_API_KEY"},
        ]
        many = (await ask(server, "acme/all")).json()["error"]
        assert "and 1 more" in many["message"]
        assert len(many["metadata"]["would_serve"]) == 9


async def test_an_unknown_model_is_a_bad_request_with_names_that_look_alike(
    serve: Serve, rows: list[Row]
) -> None:
    async with serve("groq: {api_key: k}", rows=rows) as server:
        answer = await ask(server, "acme/bigg")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"], error["param"]) == (400, "model_not_found", "model")
        assert "did you mean acme/big" in error["message"]
        nothing = (await ask(server, "zzzzzzzz")).json()["error"]["message"]
        assert "GET /v1/models lists what there is" in nothing
        long = (await ask(server, "x" * 50_000)).json()["error"]["message"]
        assert len(long) < 250


async def test_a_model_that_a_configured_provider_does_not_list_any_more(
    serve: Serve, rows: list[Row]
) -> None:
    models = "models: {acme/other: {endpoints: [groq/x]}}"
    async with serve("groq: {api_key: k}", rows=rows, more=models) as server:
        server.gateway.setup.catalogue.learn("groq", [])
        answer = await ask(server, "acme/small")
        error = answer.json()["error"]
        assert (answer.status_code, error["code"]) == (404, "model_unavailable_upstream")
        assert "groq, which is configured but does not list it" in error["message"]


async def test_names_that_a_key_may_not_use_are_not_told(serve: Serve, rows: list[Row]) -> None:
    hashed = sha256(b"sk-alice-1234").hexdigest()
    keys = f"keys: [{{name: a, key_hash: {hashed}, models: [mine/*]}}]\n"
    models = "models: {mine/one: {endpoints: [groq/x]}, ours/secret: {endpoints: [groq/y]}}"
    async with serve("groq: {api_key: k}", rows=rows, more=keys + models, key="sk-alice-1234") as server:
        assert "mine/one" in (await ask(server, "mine/onee")).text
        assert "secret" not in (await ask(server, "ours/sekret")).text
        assert "acme/small" in (await ask(server, "acme/smalll")).text, "what everybody knows is no secret"
