"""The plugin as pointsman sees it, and through a real server."""

from __future__ import annotations

import importlib
import json
import pkgutil
from typing import Any

import pytest

import pointsman_anthropic
from pointsman.config import ProviderSettings
from pointsman.dialects import Dialects
from pointsman.plugins import Plugin, PluginSet
from pointsman.providers import Kind, Providers
from pointsman.testing import FakeProvider, Recording, Script, replaying, running

MODULES = sorted(module.name for module in pkgutil.iter_modules(pointsman_anthropic.__path__))
CONFIG = """
plugins: {{anthropic: {{}}, routes: {{}}}}
providers:
  lab: {{vendor: anthropic, base_url: "{url}", api_key: sk-lab}}
  other: {{vendor: anthropic, base_url: "{url}", api_key: sk-lab, dialects: [openai-chat]}}
log: {{level: error}}
"""
HELLO: dict[str, Any] = {"max_tokens": 5, "messages": [{"role": "user", "content": "Hello there"}]}


@pytest.fixture
def plugins() -> PluginSet:
    return PluginSet([Plugin("anthropic", pointsman_anthropic, pointsman_anthropic.__file__, "0", "test")])


def test_the_plugin_declares_the_api_it_was_written_for() -> None:
    assert pointsman_anthropic.POINTSMAN_API == 1


def test_two_surfaces_are_registered(plugins: PluginSet) -> None:
    dialects = Dialects()
    plugins.run_registration("register_dialects", lambda owner: lambda codec: dialects.add(codec, owner))
    assert [codec.path for codec in dialects] == ["/messages", "/messages/count_tokens"]
    assert dialects.names() == ["anthropic-messages"]


def test_the_provider_is_found_by_its_key(plugins: PluginSet) -> None:
    kinds = Providers()

    def register(kind: str, factory: object, *, key_variable: str) -> None:
        kinds.add(Kind(kind, factory, "anthropic", key_variable))  # type: ignore[arg-type]

    plugins.run_registration("register_providers", lambda owner: register)
    assert kinds.make("anthropic", ProviderSettings()).kind == "anthropic"
    (found,) = kinds.from_environment({"ANTHROPIC_API_KEY": "sk-ant-1"}, ())
    assert found.unready() is None


@pytest.mark.parametrize("name", MODULES)
def test_public_names_are_complete(name: str) -> None:
    module = importlib.import_module(f"pointsman_anthropic.{name}")
    assert module.__doc__
    own = {
        each
        for each, value in vars(module).items()
        if getattr(value, "__module__", None) == module.__name__ and not each.startswith("_")
    }
    assert own <= set(module.__all__)


async def test_recorded_answers_arrive_as_they_were(
    answers: list[Recording], streams: list[Recording]
) -> None:
    wanted = [*answers[:40], *streams]
    async with FakeProvider(replaying(wanted)) as fake, running(CONFIG.format(url=fake.url)) as server:
        for each in wanted:
            body = {**each.request, "model": f"lab/{each.id}"}
            answer = await server.client.post(
                "/v1/messages", json=body, headers={"anthropic-beta": "b-1", "x-other": "x"}
            )
            assert (answer.status_code, answer.content) == (200, each.body), each.id
            assert fake.requests[-1].json == {**each.request, "model": each.id}
        headers = fake.requests[0].headers
        assert (headers["x-api-key"], headers["anthropic-version"]) == ("sk-lab", "2023-06-01")
        assert headers["anthropic-beta"] == "b-1"
        assert not {"authorization", "x-other"} & headers.keys()


async def test_a_providers_error_arrives_as_it_was() -> None:
    body = {"type": "error", "error": {"type": "invalid_request_error", "message": "No"}, "request_id": "r"}
    async with (
        FakeProvider(Script.json(body, status=400)) as fake,
        running(CONFIG.format(url=fake.url)) as server,
    ):
        answer = await server.client.post("/v1/messages", json={**HELLO, "model": "lab/claude"})
        assert (answer.status_code, answer.json()) == (400, body)


async def test_our_errors_have_the_shape_of_the_dialect() -> None:
    async with running(CONFIG.format(url="http://127.0.0.1:1/v1")) as server:
        answer = await server.client.post("/v1/messages", json={"model": "lab/claude"})
        error = answer.json()
        assert (answer.status_code, error["type"], error["error"]["type"]) == (
            400,
            "error",
            "invalid_request_error",
        )
        assert error["error"]["metadata"]["param"] == "messages"


async def test_a_provider_counts_where_it_can() -> None:
    async with (
        FakeProvider(Script.json({"input_tokens": 42})) as fake,
        running(CONFIG.format(url=fake.url)) as server,
    ):
        answer = await server.client.post("/v1/messages/count_tokens", json={**HELLO, "model": "lab/claude"})
        assert (answer.status_code, answer.json()) == (200, {"input_tokens": 42})
        assert fake.requests[0].path.endswith("/messages/count_tokens")


async def test_tokens_are_estimated_where_it_cannot() -> None:
    async with FakeProvider([]) as fake, running(CONFIG.format(url=fake.url)) as server:
        answer = await server.client.post("/v1/messages/count_tokens", json={**HELLO, "model": "other/m"})
        size = len(json.dumps(HELLO["messages"], separators=(",", ":")))
        assert (answer.status_code, answer.json()) == (200, {"input_tokens": -(-size // 4)})
        assert fake.requests == []
