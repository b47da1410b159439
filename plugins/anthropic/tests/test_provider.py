"""Anthropic as a provider."""

from __future__ import annotations

import httpx
import pytest

from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.secrets import Secret
from pointsman.testing import recordings, shared_path
from pointsman_anthropic import MessagesCodec
from pointsman_anthropic.provider import MOST_PAGES, make_provider

SHARED = shared_path()


def test_the_usual_address() -> None:
    provider = make_provider("anthropic", ProviderSettings(api_key=Secret("sk-ant-1")))
    assert provider.unready() is None
    assert provider.serves("anthropic-messages", "count_tokens")
    assert not provider.serves("openai-chat", "chat")
    assert provider.url(MessagesCodec(), model="m", stream=True) == "https://api.anthropic.com/v1/messages"


def test_the_key_has_a_header_of_its_own_and_the_version_a_default() -> None:
    provider = make_provider("anthropic", ProviderSettings(api_key=Secret("sk-ant-1")))
    headers: dict[str, str] = {}
    provider.sign("https://api.anthropic.com/v1/messages", headers)
    assert headers == {"x-api-key": "sk-ant-1", "anthropic-version": "2023-06-01"}
    headers = {"anthropic-version": "2030-01-01"}
    provider.sign("https://api.anthropic.com/v1/messages", headers)
    assert headers["anthropic-version"] == "2030-01-01"


def test_a_provider_without_a_key_says_so() -> None:
    assert make_provider("anthropic", ProviderSettings()).unready() == "its api_key is missing"


def test_settings_override_address_and_dialects() -> None:
    settings = ProviderSettings(base_url="http://10.0.0.1/v1/", dialects=("other",))
    provider = make_provider("second", settings)
    assert (provider.name, provider.kind, provider.base_url) == ("second", "anthropic", "http://10.0.0.1/v1")
    assert provider.dialects == {"other"}
    assert provider.unready() is None


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(StartupError):
        make_provider("anthropic", ProviderSettings(base_url="ftp://x/v1"))


async def listed(pages: list[object]) -> tuple[list[str], list[str]]:
    """The models a provider lists in these pages, and the queries it was asked."""
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["x-api-key"] == "sk-ant-1"
        asked.append(request.url.query.decode())
        return httpx.Response(200, json=pages[min(len(asked), len(pages)) - 1])

    provider = make_provider("anthropic", ProviderSettings(api_key=Secret("sk-ant-1")))
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        return [each.id for each in await provider.list_models(http)], asked


async def test_models_are_listed_page_by_page() -> None:
    pages: list[object] = [
        {"data": [{"id": "a"}, {"id": "b"}, {}, "odd"], "has_more": True, "last_id": "b/c"},
        {"data": [{"id": "c"}], "has_more": False, "last_id": "c"},
    ]
    assert await listed(pages) == (["a", "b", "c"], ["limit=1000", "limit=1000&after_id=b%2Fc"])


async def test_a_list_without_end_has_one() -> None:
    found, asked = await listed([{"data": [{"id": "a"}], "has_more": True, "last_id": "a"}])
    assert len(found) == len(asked) == MOST_PAGES


@pytest.mark.parametrize("page", [[], {"data": None}, {}])
async def test_what_is_no_list_of_models_is_refused(page: object) -> None:
    with pytest.raises(ValueError, match="list of models"):
        await listed([page])


def test_what_is_known_of_it_is_known_at_its_own_address() -> None:
    about = make_provider("anthropic", ProviderSettings()).about
    assert (about.trains, about.retains, about.cancels, about.verified) == (False, True, True, True)
    elsewhere = make_provider("anthropic", ProviderSettings(base_url="https://proxy.example/v1"))
    assert elsewhere.about == About()
    assert make_provider("anthropic", ProviderSettings()).quirks.continues == "last"
    assert elsewhere.quirks.continues is None


@pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")
def test_recorded_traffic_went_there_and_told_its_limits_so() -> None:
    assert SHARED is not None
    provider = make_provider("anthropic", ProviderSettings())
    url = provider.url(MessagesCodec(), model="m", stream=False)
    there = [each for each in recordings(SHARED) if f"https://{each.row['host']}{each.path}" == url]
    told = {name.lower() for each in there for name in each.row["resp_headers"]}
    assert there
    assert set(provider.about.limit_headers) <= told
