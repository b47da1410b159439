"""OpenAI as a provider."""

from __future__ import annotations

import pytest

from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.facts import About
from pointsman.secrets import Secret
from pointsman.testing import recordings, shared_path
from pointsman_openai import ChatCodec
from pointsman_openai.provider import make_provider

SHARED = shared_path()


def test_the_usual_address() -> None:
    provider = make_provider("openai", ProviderSettings(api_key=Secret("sk-1")))
    assert provider.unready() is None
    assert provider.serves("openai-chat", "embeddings")
    assert provider.url(ChatCodec(), model="m", stream=False) == "https://api.openai.com/v1/chat/completions"


def test_the_account_is_named_by_headers() -> None:
    settings = ProviderSettings(api_key=Secret("sk-1"), headers={"openai-organization": "org-1"})
    headers: dict[str, str] = {}
    make_provider("openai", settings).sign("https://api.openai.com/v1/models", headers)
    assert headers == {"authorization": "Bearer sk-1", "openai-organization": "org-1"}


def test_a_provider_without_a_key_says_so() -> None:
    assert make_provider("openai", ProviderSettings()).unready() == "its api_key is missing"


def test_settings_override_address_and_dialects() -> None:
    settings = ProviderSettings(base_url="http://10.0.0.1/v1/", dialects=("other",))
    provider = make_provider("second", settings)
    assert (provider.name, provider.kind, provider.base_url) == ("second", "openai", "http://10.0.0.1/v1")
    assert provider.dialects == {"other"}


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(StartupError):
        make_provider("openai", ProviderSettings(base_url="ftp://x/v1"))


def test_it_speaks_both_of_its_dialects_and_takes_no_thoughts_back() -> None:
    provider = make_provider("openai", ProviderSettings())
    assert provider.dialects == {"openai-chat", "openai-responses"}
    assert provider.quirks.reasoning == "never"
    assert provider.quirks.keeps == {"max_completion_tokens", "developer"}


def test_what_is_known_of_it_is_known_at_its_own_address() -> None:
    about = make_provider("openai", ProviderSettings()).about
    assert (about.trains, about.retains, about.cancels, about.verified) == (False, True, True, True)
    assert make_provider("openai", ProviderSettings(base_url="https://proxy.example/v1")).about == About()


@pytest.mark.skipif(SHARED is None, reason="recorded traffic is not here (POINTSMAN_SHARED)")
def test_recorded_traffic_went_there_and_told_its_limits_so() -> None:
    assert SHARED is not None
    provider = make_provider("openai", ProviderSettings())
    url = provider.url(ChatCodec(), model="m", stream=False)
    there = [each for each in recordings(SHARED) if f"https://{each.row['host']}{each.path}" == url]
    told = {name.lower() for each in there for name in each.row["resp_headers"]}
    assert there
    assert set(provider.about.limit_headers) <= told
