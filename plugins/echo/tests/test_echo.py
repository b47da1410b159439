"""The plugin: which models there are, and under which names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman_echo.provider import BUILT_IN


async def test_only_echo_and_the_scripts_are_listed(echoing: Callable[..., Any]) -> None:
    async with echoing({"hello": {"text": "Hi"}}) as it:
        listed = (await it.client.get("/v1/models")).json()["data"]
        assert [model["id"] for model in listed] == ["echo/echo", "echo/hello"]


async def test_everything_built_in_is_there_without_configuration(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        for native_id in BUILT_IN:
            assert it.gateway.setup.catalogue.resolve(f"echo/{native_id}") is not None


async def test_an_unknown_name_is_not_found_and_the_nearest_offered(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = await it.post("echo/ecko")
        assert answer.status_code == 400
        assert "echo/echo" in answer.json()["error"]["message"]


async def test_it_can_stand_in_a_model_and_under_another_name(echoing: Callable[..., Any]) -> None:
    sections = {
        "providers": {"lab": {"vendor": "echo"}},
        "models": {"a/b": {"endpoints": ["lab/fault-19", "lab/hello"]}},
        "routes": [{"name": "as written", "use": {"pick": "ordered"}}],
    }
    async with echoing({"hello": {"text": "Hi"}}, sections) as it:
        answer = await it.post("a/b")
        assert answer.json()["choices"][0]["message"]["content"] == "Hi"
        assert answer.headers["x-pointsman-attempts"] == "2"
        assert (await it.post("lab/echo")).status_code == 200
        assert (await it.post("lab/nothing")).status_code == 400


async def test_a_configured_provider_of_that_name_has_its_own_timeout(echoing: Callable[..., Any]) -> None:
    async with echoing(sections={"providers": {"echo": {"timeout": "50ms"}}}) as it:
        assert (await it.post("echo/slow")).status_code == 504


async def test_a_provider_of_another_kind_may_have_that_name(echoing: Callable[..., Any]) -> None:
    other = {"vendor": "openai", "base_url": "http://127.0.0.1:9/v1", "api_key": "k"}
    async with echoing({"hello": {"text": "Hi"}}, {"providers": {"echo": other}}) as it:
        assert (await it.client.get("/v1/models")).json()["data"] == []
        assert (await it.post("echo/hello")).status_code == 503


@pytest.mark.parametrize("stream", [False, True])
async def test_a_wrong_script_in_a_request_is_the_clients_mistake(
    echoing: Callable[..., Any], stream: bool
) -> None:
    async with echoing() as it:
        answer = await it.post("echo/echo", echo={"txt": "x"}, stream=stream)
        assert answer.status_code == 400
        assert answer.json()["error"]["param"] == "echo"
        assert "`txt`" in answer.json()["error"]["message"]


async def test_embeddings_are_made(echoing: Callable[..., Any]) -> None:
    async with echoing() as it:
        answer = await it.post("echo/echo", path="/v1/embeddings", input=["a b", [1, 2, 3]], dimensions=4)
        body = answer.json()
        assert [len(row["embedding"]) for row in body["data"]] == [4, 4]
        assert body["usage"]["prompt_tokens"] == 5
