"""Which models a key may use: when it asks for one, and wherever else an endpoint came from."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.catalogue import Endpoint, Model
from pointsman.testing import Running

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

KEY = {"x-api-key": "pm-alice-0123456789", "x-pointsman-explain": "true"}


@pytest.fixture
def section(digest: Callable[[str], str]) -> Callable[[str], str]:
    """The section with one key that may use these models."""
    return lambda models: f"keys: [{{name: alice, key_hash: {digest(KEY['x-api-key'])}, models: {models}}}]\n"


def endpoints(answer: httpx.Response) -> list[str]:
    """The endpoints that were left to try."""
    record = json.loads(answer.headers["x-pointsman-decision"])
    return [candidate["endpoint"] for candidate in record["candidates"]]


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        ('["*"]', "acme/large"),
        ("[acme/large]", "acme/large"),
        ("[acme/large]", "big"),
        ("[big]", "acme/large"),
        ("[big]", "big"),
        ('["acme/*"]', "fast"),
        ('["*/small"]', "fast"),
        ("[nothing, fast]", "acme/small"),
        ("[lab/small]", "lab/small"),
        ('["lab/*"]', "lab/large-v1"),
        ("[acme/small]", "lab/small"),
        ("[large-v1]", "large-v1"),
        ("[acme/large]", "large-v2"),
    ],
)
async def test_a_key_may_use_a_model_under_any_of_its_names(
    serve: Serve, ask: Ask, section: Callable[[str], str], models: str, asked: str
) -> None:
    async with serve(section(models)) as served:
        assert (await ask(served, KEY, model=asked)).status_code == 200


@pytest.mark.parametrize(
    ("models", "asked"),
    [
        ("[acme/small]", "acme/large"),
        ("[acme/small]", "big"),
        ("[acme/small]", "lab/large-v1"),
        ("[acme/small]", "large-v1"),
        ("[ACME/LARGE]", "acme/large"),
        ("[spare/large-v2]", "lab/large-v1"),
        ("[]", "acme/large"),
    ],
)
async def test_a_model_outside_the_list_is_refused_by_name(
    serve: Serve, ask: Ask, section: Callable[[str], str], models: str, asked: str
) -> None:
    async with serve(section(models)) as served:
        answer = await ask(served, KEY, model=asked)
        error = answer.json()["error"]
        assert answer.status_code == 403
        assert error["message"] == f"key 'alice' may not use model {asked!r}"
        assert error["param"] == "model"


async def test_a_key_for_one_endpoint_is_not_served_by_another(
    serve: Serve, ask: Ask, section: Callable[[str], str]
) -> None:
    async with serve(section("[spare/large-v2]")) as served:
        answer = await ask(served, KEY, model="spare/large-v2")
        assert answer.headers["x-pointsman-provider"] == "spare"
        assert endpoints(answer) == ["spare/large-v2"]


async def test_a_rule_cannot_lead_to_a_model_that_the_key_may_not_use(
    serve: Serve, ask: Ask, section: Callable[[str], str]
) -> None:
    routes = "routes: [{name: up, when: {model: fast}, use: {models: [acme/large]}}]"
    async with serve(section("[acme/small]") + routes) as served:
        answer = await ask(served, KEY, model="fast")
        assert answer.status_code == 403
        assert answer.json()["error"]["message"] == (
            "key 'alice' may not use any model that rule 'up' leads to"
        )


@pytest.mark.parametrize(
    ("models", "left"),
    [("[acme/small]", ["lab/small"]), ("[fast, spare/*]", ["lab/small", "spare/large-v2"])],
)
async def test_fallbacks_that_the_key_may_not_use_are_left_out_with_the_reason(
    serve: Serve, ask: Ask, section: Callable[[str], str], models: str, left: list[str]
) -> None:
    routes = "routes: [{name: rest, use: {fallbacks: [acme/large]}}]"
    async with serve(section(models) + routes) as served:
        answer = await ask(served, KEY, model="fast")
        assert endpoints(answer) == left
        excluded = json.loads(answer.headers["x-pointsman-decision"])["excluded"]
        assert {"endpoint": "lab/large-v1", "by": "keys", "why": "key 'alice' may not use it"} in [
            {name: each[name] for name in ("endpoint", "by", "why")} for each in excluded
        ]


async def test_a_fallback_that_the_key_may_use_serves_in_place_of_a_model_it_may_not(
    serve: Serve, ask: Ask, section: Callable[[str], str]
) -> None:
    routes = "routes: [{name: rest, use: {fallbacks: [fast]}}]"
    async with serve(section("[acme/small]") + routes) as served:
        answer = await ask(served, KEY, model="acme/large")
        assert answer.headers["x-pointsman-model"] == "acme/small"
        assert endpoints(answer) == ["lab/small"]


@pytest.mark.parametrize("native_id", ["twin", "fast"])
async def test_a_native_id_that_means_something_else_or_nothing_opens_no_endpoint(
    serve: Serve, ask: Ask, section: Callable[[str], str], native_id: str
) -> None:
    fallbacks = f"routes: [{{name: rest, use: {{fallbacks: [lab/{native_id}, spare/{native_id}]}}}}]"
    async with serve(section(f"[lab/small, {native_id}]") + fallbacks) as served:
        catalogue = served.gateway.setup.catalogue
        for provider in catalogue.providers.values():
            catalogue.add(Model(f"acme/of-{provider.name}", [Endpoint(provider, native_id)]))
        assert endpoints(await ask(served, KEY, model="lab/small")) == ["lab/small"]


async def test_a_model_that_does_not_exist_is_not_found_for_every_key(
    serve: Serve, ask: Ask, section: Callable[[str], str]
) -> None:
    async with serve(section("[acme/small]")) as served:
        answer = await ask(served, KEY, model="acme/smal")
        assert answer.status_code == 400
        assert "acme/small" in answer.json()["error"]["message"]
        assert "acme/large" not in answer.text


@pytest.mark.parametrize(
    ("model", "status"), [("acme/small:floor", 200), ("fast:nitro", 200), ("acme/large:floor", 403)]
)
async def test_a_suffix_makes_no_other_model_of_it(
    serve: Serve, ask: Ask, section: Callable[[str], str], model: str, status: int
) -> None:
    async with serve(section("[acme/small]")) as served:
        answer = await ask(served, KEY, model=model)
        assert answer.status_code == status
        if status == 403:
            assert "may not use model 'acme/large:floor'" in answer.json()["error"]["message"]
