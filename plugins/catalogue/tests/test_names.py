"""Canonical names: what vendors' ids mean, and when nothing certain can be said."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.setup import assemble
from pointsman_catalogue.compile import Compiled
from pointsman_catalogue.names import Named, Names, naming

CANONICAL = (
    "anthropic/claude-haiku-4.5",
    "deepseek/deepseek-v3.2",
    "google/gemma-3-27b-it",
    "meta-llama/llama-3.1-8b-instruct",
    "meta-llama/llama-3.3-70b-instruct",
    "meta/muse-spark-open",
    "mistralai/mistral-nemo",
    "moonshotai/kimi-k2",
    "openai/gpt-4o",
    "openai/gpt-oss-120b",
    "perplexity/llama-3.1-sonar-large-128k-online",
    "qwen/qwen-2.5-vl-72b-instruct",
    "qwen/qwen2.5-vl-72b-instruct",
    "qwen/qwen3-235b-a22b-2507",
    "qwen/qwen3-32b",
    "z-ai/glm-4.7",
)
ELSEWHERE = {"azure", "bedrock", "cursor", "doubleword", "elevenlabs", "github-copilot", "quicksilverpro"}
ELSEWHERE |= {"typesafe", "vertex"}
"""Vendors of genai-prices for which no plugin of the standard set has a kind of provider, as yet."""


@pytest.fixture(scope="module")
def names() -> Names:
    return Names(CANONICAL)


@pytest.mark.parametrize(
    ("vendor", "native_id", "model", "quantization"),
    [
        ("anthropic", "claude-haiku-4-5-20251001", "anthropic/claude-haiku-4.5", ""),
        ("anthropic", "claude-haiku-4-5-latest", "anthropic/claude-haiku-4.5", ""),
        ("bedrock", "global.anthropic.claude-haiku-4-5-20251001-v1:0", "anthropic/claude-haiku-4.5", ""),
        ("bedrock", "openai.gpt-oss-120b-1:0", "openai/gpt-oss-120b", ""),
        ("cerebras", "qwen-3-32b", "qwen/qwen3-32b", ""),
        ("cerebras", "zai-glm-4.7", "z-ai/glm-4.7", ""),
        ("cloudflare", "@cf/google/gemma-3-27b-it", "google/gemma-3-27b-it", ""),
        (
            "cloudflare",
            "@cf/meta/llama-3.3-70b-instruct-fp8-fast",
            "meta-llama/llama-3.3-70b-instruct",
            "fp8",
        ),
        ("databricks", "databricks-meta-llama-3-3-70b-instruct", "meta-llama/llama-3.3-70b-instruct", ""),
        ("fireworks", "accounts/fireworks/models/deepseek-v3p2", "deepseek/deepseek-v3.2", ""),
        ("fireworks", "llama-v3p1-8b-instruct", "meta-llama/llama-3.1-8b-instruct", ""),
        ("groq", "llama-3.3-70b-versatile", "meta-llama/llama-3.3-70b-instruct", ""),
        ("groq", "moonshotai/kimi-k2-instruct", "moonshotai/kimi-k2", ""),
        ("hyperbolic", "Qwen/Qwen3-235B-A22B-Instruct-2507", "qwen/qwen3-235b-a22b-2507", ""),
        ("modal", "nvidia/GLM-4.7-NVFP4", "z-ai/glm-4.7", "nvfp4"),
        ("openai", "gpt-4o", "openai/gpt-4o", ""),
        ("ovhcloud", "Meta-Llama-3_3-70B-Instruct", "meta-llama/llama-3.3-70b-instruct", ""),
        ("ovhcloud", "Mistral-Nemo-Instruct-2407", "mistralai/mistral-nemo", ""),
        ("perplexity", "perplexity/glm-4.7", "z-ai/glm-4.7", ""),
        ("together", "meta-models/Muse-Spark-Open", "meta/muse-spark-open", ""),
        ("openrouter", "somebody/new", "somebody/new", ""),
    ],
)
def test_an_id_leads_to_the_name_of_its_model(
    names: Names, vendor: str, native_id: str, model: str, quantization: str
) -> None:
    assert names.at(vendor, native_id) == Named(model, True, quantization)


@pytest.mark.parametrize(
    ("vendor", "native_id"),
    [
        ("groq", "llama-9-70b"),  # no such model
        ("together", "Qwen/Qwen3-Coder"),
        ("together", "somebody/gpt-4o"),  # by somebody else, as they say
        ("groq", "mystery"),
        ("baseten", "zai-org/GLM-4.7-Fast"),  # served otherwise, or another model
        ("mistral", "mistral-small-latest"),  # today's, tomorrow's another
        ("bedrock", "mistral.mistral-nemo-9"),
        ("openrouter", "no-author"),
    ],
)
def test_where_nothing_certain_can_be_said_the_name_is_the_vendors(
    names: Names, vendor: str, native_id: str
) -> None:
    assert not names.at(vendor, native_id).certain


@pytest.mark.parametrize(
    ("vendor", "native_id", "named"),
    [
        ("mistral", "magistral-small-2509", Named("mistralai/magistral-small-2509", True)),
        ("mistral", "zai-glm-9", Named("mistral/zai-glm-9", False)),  # another maker's family
        ("perplexity", "sonar-pro", Named("perplexity/sonar-pro", True)),
        ("voyage", "voyage-4", Named("voyage/voyage-4", True)),
        ("groq", "groq-own", Named("groq/groq-own", False)),  # it hosts others' models only
    ],
)
def test_who_makes_models_names_them(names: Names, vendor: str, native_id: str, named: Named) -> None:
    assert names.at(vendor, native_id) == named


@pytest.mark.parametrize(
    ("vendor", "native_id"),
    [
        ("openrouter", "/"),
        ("openrouter", "acme/"),
        ("openrouter", "/big"),
        ("openai", "/"),
        ("groq", "openai/"),
    ],
)
def test_half_a_name_is_none(names: Names, vendor: str, native_id: str) -> None:
    assert names.at(vendor, native_id) == Named(f"{vendor}/{native_id}", False)


def test_names_that_only_separators_tell_apart_are_told_by_an_alias_or_not_at_all() -> None:
    assert Names(["qwen/qwen-3", "qwen/qwen3"]).at("groq", "qwen/qwen3").certain is False
    assert Names(CANONICAL).at("ovhcloud", "Qwen2.5-VL-72B-Instruct").model == "qwen/qwen2.5-vl-72b-instruct"


def test_aliases_lead_to_names_that_there_are(everything: Compiled) -> None:
    canonical = {row.model for row in everything.rows if row.vendor == "openrouter"}
    assert set(naming().aliases.values()) <= canonical


def test_vendors_are_called_as_their_kinds_are() -> None:
    setup = assemble(read_text("", name="p", env={}, base=Path.cwd()), env={**os.environ})
    rules = naming()
    used = {rules.source(name).vendor for name, each in rules.vendors.items() if not each.skip}
    assert {name for name in used - ELSEWHERE if setup.kinds.get(name) is None} == set()
