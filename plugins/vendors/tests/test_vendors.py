"""The vendors as pointsman sees them."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pointsman_vendors
from pointsman.config import ProviderSettings
from pointsman.plugins import Plugin, PluginSet
from pointsman.providers import HttpProvider, Kind, Providers
from pointsman.secrets import Secret
from pointsman_vendors import FILES
from pointsman_vendors.rows import Vendor, read_all

ROWS = {vendor.name: vendor for vendor in read_all(FILES)}
LOOKED_FOR = "ollama vllm llama-cpp lmstudio sglang jan koboldcpp text-generation-webui docker-model-runner"
LOOKED_FOR += " lemonade gpt4all litert-lm lmdeploy xinference aphrodite"
"""The local servers: the first at each port."""


@pytest.fixture(scope="module")
def kinds() -> Providers:
    """The kinds as the plugin registers them."""
    kinds = Providers()

    def register(kind: str, factory: Any, *, default: bool = False, **found: Any) -> None:
        kinds.add(Kind(kind, factory, "vendors", **found), default=default)

    plugin = Plugin("vendors", pointsman_vendors, pointsman_vendors.__file__, "0", "test")
    PluginSet([plugin]).run_registration("register_providers", lambda owner: register)
    return kinds


def made(kinds: Providers, name: str, **settings: Any) -> HttpProvider:
    provider = kinds.make(name, ProviderSettings(**settings))
    assert isinstance(provider, HttpProvider)
    return provider


def test_there_are_enough_of_them(kinds: Providers) -> None:
    assert len(ROWS) >= 120
    aliases = {alias for vendor in ROWS.values() for alias in vendor.aliases}
    assert set(kinds.names()) == {*ROWS, *aliases, "openai-compatible"}


@pytest.mark.parametrize("vendor", ROWS.values(), ids=ROWS)
def test_every_row_makes_a_provider(kinds: Providers, vendor: Vendor) -> None:
    own = {"base_url": vendor.base_url.replace("{", "").replace("}", "")} if vendor.has_blank else {}
    provider = made(kinds, vendor.name, **own)
    assert provider.kind == vendor.name
    assert (provider.unready() is None) == (not vendor.key_required)
    assert provider.serves("openai-chat", vendor.surfaces[0])
    assert provider.discover == vendor.local
    assert provider.about.title == vendor.title
    assert provider.about.verified == vendor.recorded
    assert urlsplit(vendor.docs).scheme == "https"
    assert urlsplit(vendor.base_url).scheme == ("http" if vendor.local else "https")
    assert not vendor.base_url.endswith("/")
    assert vendor.source
    assert not provider.quirks.drop & provider.quirks.rename.keys()


def test_a_key_or_an_address_leads_to_one_vendor() -> None:
    services = [vendor for vendor in ROWS.values() if not vendor.local]
    variables = Counter(vendor.key_variable for vendor in services)
    assert [name for name, count in variables.items() if count > 1] == []
    assert all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name or "") for name in variables)
    assert max(Counter(vendor.base_url for vendor in services).values()) == 1


def test_countries_are_given_by_their_codes() -> None:
    assert all(re.fullmatch(r"([A-Z]{2})?", vendor.headquarters) for vendor in ROWS.values())


def test_a_key_makes_a_service_ready(kinds: Providers) -> None:
    assert made(kinds, "groq").unready() == "its api_key is missing"
    assert made(kinds, "groq", api_key=Secret("k")).unready() is None


def test_settings_win_over_the_row(kinds: Providers) -> None:
    lab = made(
        kinds, "lab", vendor="vllm", base_url="http://10.0.0.7:8000/v1", discover=False, dialects=("other",)
    )
    assert (lab.name, lab.kind, lab.base_url) == ("lab", "vllm", "http://10.0.0.7:8000/v1")
    assert not lab.discover
    assert lab.dialects == {"other"}


def test_an_alias_is_the_same_vendor(kinds: Providers) -> None:
    assert made(kinds, "llama.cpp").kind == "llama-cpp"
    assert made(kinds, "lm-studio").kind == "lmstudio"


def test_surfaces_a_vendor_lacks_are_not_offered(kinds: Providers) -> None:
    groq = made(kinds, "groq")
    assert not groq.serves("openai-chat", "embeddings")
    assert groq.serves("openai-responses", "chat")
    assert made(kinds, "ollama").serves("openai-chat", "embeddings")
    assert not made(kinds, "voyage").serves("openai-chat", "chat")


def test_a_base_url_alone_is_enough(kinds: Providers) -> None:
    house = made(kinds, "house", base_url="https://llm.example.org/v1")
    assert house.kind == "openai-compatible"
    assert house.unready() is None
    assert house.serves("openai-chat", "embeddings")
    assert not house.discover


def test_the_environment_finds_local_servers_once_for_each_port(kinds: Providers) -> None:
    assert {provider.name for provider in kinds.from_environment({}, ())} == set(LOOKED_FOR.split())


@pytest.mark.parametrize(
    "name", [name for name, vendor in ROWS.items() if vendor.key_variable and not vendor.has_blank]
)
def test_the_environment_finds_every_service_by_its_key(kinds: Providers, name: str) -> None:
    variable = ROWS[name].key_variable or ""
    found = {provider.name: provider for provider in kinds.from_environment({variable: "k"}, ())}
    assert found.keys() - set(LOOKED_FOR.split()) == {name}
    assert found[name].unready() is None
    assert found[name].discover == (ROWS[name].listing is not None)


def test_a_key_alone_does_not_find_those_who_give_each_customer_an_address(kinds: Providers) -> None:
    blank = [vendor for vendor in ROWS.values() if vendor.has_blank]
    assert {vendor.name for vendor in blank} == {"cloudflare", "databricks", "infomaniak", "snowflake"}
    keys = {vendor.key_variable or "": "k" for vendor in blank}
    found = {provider.name for provider in kinds.from_environment(keys, ())}
    assert found == set(LOOKED_FOR.split())


def test_local_servers_get_no_key_from_the_environment(kinds: Providers) -> None:
    found = kinds.from_environment({"OLLAMA_API_KEY": "k", "VLLM_API_KEY": "k"}, ())
    keyed = [each.name for each in found if isinstance(each, HttpProvider) and len(each.keys)]
    assert keyed == ["ollama-cloud"]


def test_the_readme_explains_every_key_of_a_row() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    missing = [name for name in Vendor.__struct_fields__ if f"| `{name}" not in readme and name != "name"]
    assert missing == []
