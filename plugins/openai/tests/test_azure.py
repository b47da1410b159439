"""Azure OpenAI: addresses, deployments, credentials, refusals."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from pointsman.catalogue import Endpoint
from pointsman.config import ProviderSettings
from pointsman.errors import ConfigError, StartupError
from pointsman.providers import Listed
from pointsman.secrets import Secret
from pointsman.testing import FakeProvider, Running, Script, running
from pointsman_openai import ChatCodec, EmbeddingsCodec, ResponsesCodec, azure
from pointsman_openai.azure import AzureProvider, check_version, make_provider

RESOURCE = "https://mine.openai.azure.com"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "gpt-4.1-mini-2025-04-14",
    "choices": [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "Fine.", "refusal": None},
            "finish_reason": "stop",
            "content_filter_results": {"hate": {"filtered": False, "severity": "safe"}},
        }
    ],
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {}}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}
FILTERED = {
    "error": {
        "message": "The response was filtered due to the content management policy.",
        "type": None,
        "param": "prompt",
        "code": "content_filter",
        "status": 400,
        "innererror": {
            "code": "ResponsibleAIPolicyViolation",
            "content_filter_result": {"violence": {"filtered": True, "severity": "high"}},
        },
    }
}


def provider(base_url: str = RESOURCE, **extra: Any) -> AzureProvider:
    return make_provider(
        "azure", ProviderSettings(base_url=base_url, api_key=Secret("key-of-azure"), extra=extra)
    )


@pytest.mark.parametrize(
    ("version", "codec", "url"),
    [
        (None, ChatCodec(), "/openai/v1/chat/completions"),
        (None, ResponsesCodec(), "/openai/v1/responses"),
        ("preview", EmbeddingsCodec(), "/openai/v1/embeddings?api-version=preview"),
        (
            "2024-10-21",
            ChatCodec(),
            "/openai/deployments/my%20own/chat/completions?api-version=2024-10-21",
        ),
        ("2024-10-21", EmbeddingsCodec(), "/openai/deployments/my%20own/embeddings?api-version=2024-10-21"),
        ("2025-04-01-preview", ResponsesCodec(), "/openai/responses?api-version=2025-04-01-preview"),
    ],
)
def test_addresses_go_by_the_version(version: str | None, codec: Any, url: str) -> None:
    assert provider(api_version=version).url(codec, model="my own", stream=False) == RESOURCE + url


@pytest.mark.parametrize("given", ["", "/", "/openai", "/openai/", "/openai/v1", "/openai/v1/"])
def test_the_address_of_a_resource_may_be_given_with_its_path(given: str) -> None:
    assert provider(RESOURCE + given).base_url == RESOURCE


@pytest.mark.parametrize(
    "given", [f"{RESOURCE}/openai/deployments/mini", f"{RESOURCE}/openai/v1/chat", azure.ADDRESS]
)
def test_an_address_of_anything_else_is_refused(given: str) -> None:
    with pytest.raises(StartupError, match=r"must be the resource's address alone, as in https://my-res"):
        provider(given)


def test_without_an_address_there_is_no_resource() -> None:
    with pytest.raises(StartupError, match=r"base_url is missing.*my-resource"):
        make_provider("azure", ProviderSettings(api_key=Secret("key")))


def test_the_credential_is_a_key_or_a_token() -> None:
    headers: dict[str, str] = {}
    provider().sign(f"{RESOURCE}/openai/v1/x", headers)
    assert headers == {"api-key": "key-of-azure"}
    headers = {}
    provider(bearer=True).sign(f"{RESOURCE}/openai/v1/x", headers)
    assert headers == {"authorization": "Bearer key-of-azure"}
    assert make_provider("azure", ProviderSettings(base_url=RESOURCE)).unready() == "its api_key is missing"


def test_a_model_is_its_own_deployment_unless_another_is_named() -> None:
    azure = provider(deployments={"gpt-5.2": "prod"})
    assert azure.called(Endpoint(azure, "gpt-5.2")) == "prod"
    assert azure.called(Endpoint(azure, "gpt-5.2", extra={"deployment": "own"})) == "own"
    assert azure.called(Endpoint(azure, "gpt-4.1", extra={"deployment": None})) == "gpt-4.1"


async def test_its_models_are_those_it_was_told_of() -> None:
    async with httpx.AsyncClient() as http:
        assert await provider(deployments={"a": "x", "b": "y"}).list_models(http) == [
            Listed("a"),
            Listed("b"),
        ]
        assert await provider().list_models(http) == []


@pytest.mark.parametrize(
    ("deployments", "discover", "listed"),
    [({"a": "x"}, None, True), ({}, None, False), ({"a": "x"}, False, False), ({}, True, True)],
)
def test_those_are_asked_for_unless_it_is_said_otherwise(
    deployments: dict[str, str], discover: bool | None, listed: bool
) -> None:
    settings = ProviderSettings(base_url=RESOURCE, discover=discover, extra={"deployments": deployments})
    assert make_provider("azure", settings).discover is listed


async def test_the_models_of_a_resource_are_those_that_are_deployed() -> None:
    config = {
        "plugins": {"catalogue": {"prices": False}},
        "providers": {
            "azure": {"base_url": RESOURCE, "api_key": "x", "deployments": {"gpt-5.2": "p", "own": "q"}}
        },
    }
    async with running(config) as served:
        models = served.gateway.setup.catalogue.models.values()
        found = [each.id for model in models for each in model.endpoints if each.provider.name == "azure"]
    assert found == ["azure/gpt-5.2", "azure/own"]


@pytest.mark.parametrize(
    ("version", "asks"),
    [
        (None, "ask"),
        ("v1", "ask"),
        ("2024-02-01", "never"),
        ("2024-09-01-preview", "ask"),
        ("2025-01-01", "ask"),
    ],
)
def test_older_versions_tell_no_usage_in_streams(version: str | None, asks: str) -> None:
    assert provider(api_version=version).quirks.stream_usage == asks


@pytest.mark.parametrize(
    ("version", "speaks"),
    [(None, True), ("2024-10-21", False), ("2025-03-01-preview", True), ("preview", True)],
)
def test_older_versions_have_no_responses(version: str | None, speaks: bool) -> None:
    azure = provider(api_version=version)
    assert azure.serves("openai-chat", "chat")
    assert azure.serves("openai-responses", "chat") is speaks
    settings = ProviderSettings(
        base_url=RESOURCE, dialects=("openai-responses",), extra={"api_version": version}
    )
    assert make_provider("azure", settings).dialects == {"openai-responses"}


def test_what_is_known_of_it() -> None:
    azure = provider()
    assert azure.serves("openai-responses", "chat")
    assert (azure.about.title, azure.about.verified, azure.about.trains) == ("Azure OpenAI", True, False)


@pytest.mark.parametrize("version", ["2024", "2024-10-21-beta", "newest", ""])
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(ValueError, match="a version is a date"):
        check_version(version)
    check_version(None)
    check_version("latest")


@asynccontextmanager
async def lab(answer: Any, **settings: Any) -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with FakeProvider(answer) as fake:
        section = {
            "vendor": "azure",
            "base_url": fake.url.removesuffix("/v1"),
            "api_key": "key-of-azure",
            **settings,
        }
        config = {
            "plugins": {name: {} for name in ("openai", "anthropic", "usage")},
            "providers": {"cloud": section},
            "models": {
                "openai/mini": {
                    "endpoints": [
                        {"endpoint": "cloud/gpt-4.1-mini", "deployment": "mini-eu"},
                    ]
                }
            },
        }
        async with running(config) as served:
            yield served, fake


ASKED = {"model": "openai/mini", "messages": [{"role": "user", "content": "Hi"}]}


async def test_a_deployment_is_asked_at_its_own_address_with_the_key_in_its_header() -> None:
    async with lab(lambda received: Script.json(ANSWER), api_version="2024-10-21") as (served, fake):
        answer = await served.client.post("/v1/chat/completions", json=ASKED)
        assert (answer.status_code, answer.json()) == (200, ANSWER)
        (received,) = fake.requests
        assert received.path == "/openai/deployments/mini-eu/chat/completions?api-version=2024-10-21"
        assert received.headers["api-key"] == "key-of-azure"
        assert "authorization" not in received.headers
        assert received.json == {**ASKED, "model": "mini-eu"}


async def test_the_newer_api_has_the_deployment_for_a_model() -> None:
    async with lab(lambda received: Script.json(ANSWER)) as (served, fake):
        body = {"model": "openai/mini", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        answer = await served.client.post("/v1/messages", json=body)
        assert (answer.status_code, answer.json()["content"][0]["text"]) == (200, "Fine.")
        assert fake.requests[0].path == "/openai/v1/chat/completions"
        assert fake.requests[0].json["model"] == "mini-eu"


async def test_a_refusal_by_policy_is_told_as_one_in_every_dialect() -> None:
    async with lab(lambda received: Script.json(FILTERED, status=400), dialects=["openai-chat"]) as (
        served,
        _,
    ):
        own = await served.client.post("/v1/chat/completions", json=ASKED)
        assert (own.status_code, own.json()) == (400, FILTERED)
        body = {"model": "openai/mini", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
        other = await served.client.post("/v1/messages", json=body)
        error = other.json()["error"]
        assert (other.status_code, error["type"]) == (400, "invalid_request_error")
        assert error["error_type"] == "content_policy_violation"
        assert (error["metadata"]["code"], error["metadata"]["param"]) == ("content_filter", "prompt")


async def test_a_wait_is_passed_on() -> None:
    error = {"error": {"code": "429", "message": "Requests to this deployment have exceeded the rate limit."}}
    headers = {"retry-after": "9", "retry-after-ms": "8200", "x-ratelimit-remaining-requests": "0"}
    async with lab(lambda received: Script.json(error, status=429, headers=headers)) as (served, _):
        answer = await served.client.post("/v1/chat/completions", json=ASKED)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "9")


async def test_settings_that_are_wrong_are_shown() -> None:
    with pytest.raises(ConfigError, match=r"(?s)api_version.*a version is a date"):
        async with lab(lambda received: Script.json(ANSWER), api_version="yesterday"):
            pass


def test_filter_results_are_carried() -> None:
    """What stands beside an answer is the client's to see, or is told as lost."""
    from pointsman.losses import Losses
    from pointsman.types import Request
    from pointsman_openai.answer import decode_response

    response = decode_response(json.dumps(ANSWER).encode())
    losses = Losses()
    body = json.loads(ChatCodec().encode_response(response, request=Request.of(ASKED), losses=losses))
    assert body["prompt_filter_results"] == ANSWER["prompt_filter_results"]
    assert body["choices"][0]["content_filter_results"] == ANSWER["choices"][0]["content_filter_results"]  # type: ignore[index]
