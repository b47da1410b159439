"""The vendors as pointsman sees them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

import pointsman_vendors
from pointsman.config import ProviderSettings
from pointsman.errors import StartupError
from pointsman.plugins import Plugin, PluginSet
from pointsman.providers import HttpProvider, Kind, Providers
from pointsman.secrets import Secret
from pointsman_vendors import VENDORS, make_generic
from pointsman_vendors.rows import Vendor, read_vendors

ROWS = {vendor.name: vendor for vendor in read_vendors(VENDORS)}
PATHS = {"chat": "/chat/completions", "completions": "/completions", "embeddings": "/embeddings"}
RECORDED = {
    "ollama": "ollama",
    "vllm": "local-openai-compat",
    "groq": "groq",
    "together": "together",
    "deepseek": "deepseek",
    "mistral": "mistral",
    "openrouter": "openrouter",
    "cerebras": "cerebras",
}
"""The file of recordings for each vendor that has any."""
CLOUD_OF_A_LOCAL_SERVER = "ollama.com"


@pytest.fixture
def kinds() -> Providers:
    """The kinds as the plugin registers them."""
    kinds = Providers()

    def register(kind: str, factory: Any, *, default: bool = False, **found: str | None) -> None:
        kinds.add(Kind(kind, factory, "vendors", **found), default=default)

    plugin = Plugin("vendors", pointsman_vendors, pointsman_vendors.__file__, "0", "test")
    PluginSet([plugin]).run_registration("register_providers", lambda owner: register)
    return kinds


def made(kinds: Providers, name: str, **settings: Any) -> HttpProvider:
    provider = kinds.make(name, ProviderSettings(**settings))
    assert isinstance(provider, HttpProvider)
    return provider


def test_the_first_dozen_is_there(kinds: Providers) -> None:
    names = "ollama vllm llama-cpp lmstudio groq together fireworks deepseek mistral xai openrouter cerebras"
    assert list(ROWS) == names.split()
    assert set(kinds.names()) == {*ROWS, "llama.cpp", "lm-studio", "openai-compatible"}


@pytest.mark.parametrize("vendor", ROWS.values(), ids=ROWS)
def test_every_row_makes_a_provider(kinds: Providers, vendor: Vendor) -> None:
    provider = made(kinds, vendor.name)
    assert provider.kind == vendor.name
    assert provider.base_url == vendor.base_url
    assert (provider.unready() is None) == (not vendor.key_required)
    assert provider.serves("openai-chat", "chat")
    assert provider.discover == vendor.local
    assert urlsplit(vendor.docs).scheme == "https"
    assert not provider.quirks.drop & provider.quirks.rename.keys()


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
    assert made(kinds, "ollama").serves("openai-chat", "embeddings")


def test_a_base_url_alone_is_enough(kinds: Providers) -> None:
    house = made(kinds, "house", base_url="https://llm.example.org/v1")
    assert house.kind == "openai-compatible"
    assert house.unready() is None
    assert house.serves("openai-chat", "embeddings")
    assert not house.discover


def test_the_generic_kind_needs_a_base_url() -> None:
    with pytest.raises(StartupError, match=r"'x'.*base_url"):
        make_generic("x", ProviderSettings())


def test_the_environment_finds_services_by_key_and_local_servers_once(kinds: Providers) -> None:
    found = {provider.name for provider in kinds.from_environment({"GROQ_API_KEY": "k"}, ())}
    assert found == {"ollama", "vllm", "llama-cpp", "lmstudio", "groq"}


def test_local_servers_get_no_key_from_the_environment(kinds: Providers) -> None:
    keys = {"OLLAMA_API_KEY": "k", "VLLM_API_KEY": "k", "LLAMA_API_KEY": "k"}
    found = kinds.from_environment(keys, ())
    assert [len(provider.keys) for provider in found if isinstance(provider, HttpProvider)] == [0] * 4


def test_the_readme_lists_every_vendor() -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
    for vendor in ROWS.values():
        row = next(line for line in readme.splitlines() if line.startswith(f"| `{vendor.name}`"))
        assert f"`{vendor.base_url}`" in row
        assert f"`{vendor.key_variable}`" in row or vendor.key_variable is None
        assert all(f"`{alias}`" in row for alias in vendor.aliases)


def recorded(name: str) -> Iterator[dict[str, Any]]:
    """The recorded requests of a vendor for the surfaces we have."""
    shared = Path(os.environ.get("POINTSMAN_SHARED") or Path(__file__).parents[4] / "shared")
    path = shared / "cassettes" / f"{RECORDED[name]}.jsonl"
    if not path.is_file():
        pytest.skip("no recorded traffic: set POINTSMAN_SHARED")
    for line in path.read_text(encoding="utf-8").splitlines():
        record = json.loads(line)
        if record["path_url"].endswith(tuple(PATHS.values())) and record["host"] != CLOUD_OF_A_LOCAL_SERVER:
            yield record


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_traffic_went_where_the_row_says(name: str) -> None:
    vendor = ROWS[name]
    found = list(recorded(name))
    assert found
    base = urlsplit(vendor.base_url)
    for record in found:
        assert record["host"] == base.netloc, record["id"]
        assert record["path_url"] in {base.path + PATHS[each] for each in vendor.surfaces}, record["id"]


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_streams_tell_usage_unasked_where_the_row_says_always(name: str) -> None:
    always = ROWS[name].quirks.stream_usage == "always"
    for record in recorded(name):
        asked = (record["request"].get("stream_options") or {}).get("include_usage")
        ended = record["is_sse"] and "[DONE]" in record["response_body"]
        if ended and not asked:
            assert ('"usage":{' in record["response_body"]) == always, record["id"]


@pytest.mark.parametrize("name", RECORDED)
def test_what_a_row_drops_was_never_accepted(name: str) -> None:
    dropped = ROWS[name].quirks.drop
    for record in recorded(name):
        if record["status"] == 200:
            assert not dropped & record["request"].keys(), record["id"]
