"""The Gemini API as a provider."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.providers import Listed
from pointsman.secrets import Secret
from pointsman_gemini import ContentCodec
from pointsman_gemini.provider import MOST_PAGES, make_provider

KEY = ProviderSettings(api_key=Secret("key-1"))


def test_the_usual_address() -> None:
    provider = make_provider("gemini", KEY)
    assert provider.unready() is None
    assert provider.serves("gemini", "chat")
    assert not provider.serves("openai-chat", "chat")
    base = "https://generativelanguage.googleapis.com/v1beta"
    assert provider.url(ContentCodec(), model="m", stream=False) == f"{base}/models/m:generateContent"
    assert (provider.about.title, provider.about.verified) == ("Gemini API", True)


def test_the_key_has_a_header_of_its_own() -> None:
    headers: dict[str, str] = {}
    make_provider("gemini", KEY).sign("https://generativelanguage.googleapis.com/v1beta/x", headers)
    assert headers == {"x-goog-api-key": "key-1"}


def test_a_provider_without_a_key_says_so() -> None:
    assert make_provider("gemini", ProviderSettings()).unready() == "its api_key is missing"


def test_settings_override_address_and_dialects() -> None:
    settings = ProviderSettings(base_url="http://10.0.0.1/v1/", dialects=("other",))
    provider = make_provider("second", settings)
    assert (provider.name, provider.kind, provider.base_url) == ("second", "gemini", "http://10.0.0.1/v1")
    assert (provider.dialects, provider.unready(), provider.about) == ({"other"}, None, About())
    with pytest.raises(StartupError):
        make_provider("gemini", ProviderSettings(base_url="ftp://x/v1"))


async def listed(pages: list[Any]) -> tuple[list[Listed], list[str]]:
    """The models a provider lists in these pages, and the queries it was asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-goog-api-key"] == "key-1"
        asked.append(request.url.query.decode())
        return httpx.Response(200, json=pages[min(len(asked), len(pages)) - 1])

    provider = make_provider("gemini", KEY)
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return await provider.list_models(http), asked


async def test_models_are_listed_page_by_page_with_what_is_said_of_them() -> None:
    model = {
        "name": "models/gemini-3-pro",
        "displayName": "Gemini 3 Pro",
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 65_536,
        "supportedGenerationMethods": ["generateContent", "countTokens"],
    }
    films = {"name": "models/veo", "supportedGenerationMethods": ["predictLongRunning"]}
    pages = [
        {"models": [model, films, {}, "odd"], "nextPageToken": "b/c"},
        {"models": [{"name": "tunedModels/mine", "supportedGenerationMethods": None}]},
    ]
    said = {"name": "Gemini 3 Pro", "context": 1_048_576, "max_output": 65_536}
    assert await listed(pages) == (
        [Listed("gemini-3-pro", said), Listed("tunedModels/mine")],
        ["pageSize=1000", "pageSize=1000&pageToken=b%2Fc"],
    )


async def test_a_list_without_end_has_one() -> None:
    found, asked = await listed([{"models": [{"name": "models/a"}], "nextPageToken": "a"}])
    assert len(found) == len(asked) == MOST_PAGES


@pytest.mark.parametrize("page", [[], {"models": None}, {}])
async def test_what_is_no_list_of_models_is_refused(page: object) -> None:
    with pytest.raises(ValueError, match="list of models"):
        await listed([page])
