"""What listings say: the shapes that hosts have, and what stays unknown."""

from __future__ import annotations

import time
from typing import Any

import pytest

from pointsman_catalogue.said import facts_of
from pointsman_prices.book import read_price

BIG = {"id": "acme/big", "name": "Acme: Big", "created": 1_760_000_000}


@pytest.mark.parametrize(
    ("said", "facts"),
    [
        (
            {
                **BIG,
                "description": "The big one.",
                "context_length": 131072,
                "architecture": {
                    "input_modalities": ["text", "image", "hologram"],
                    "output_modalities": ["text"],
                    "tokenizer": "Acme",
                },
                "top_provider": {"context_length": 65536, "max_completion_tokens": 8192},
                "supported_parameters": ["tools", "temperature"],
                "expiration_date": "2027-01-31",
            },
            {
                "name": "Acme: Big",
                "description": "The big one.",
                "created": 1_760_000_000,
                "context": 131072,
                "max_output": 8192,
                "input_modalities": ["text", "image"],
                "output_modalities": ["text"],
                "parameters": ["tools", "temperature"],
                "tokenizer": "Acme",
                "deprecated": "2027-01-31",
            },
        ),
        ({"context_window": 8192, "max_completion_tokens": 4096}, {"context": 8192, "max_output": 4096}),
        ({"deprecated": True}, {"deprecated": ""}),
        ({"deprecated": True, "deprecation_date": "2026-12-01"}, {"deprecated": "2026-12-01"}),
        ({"max_model_len": 4096, "owned_by": "vllm", "root": "/models/x"}, {"context": 4096}),
        (
            {
                "max_context_length": 32768,
                "capabilities": {"completion_chat": True, "function_calling": True, "vision": False},
                "deprecation": "2026-12-01T00:00:00Z",
                "name": "acme-big-2411",
            },
            {
                "context": 32768,
                "input_modalities": ["text"],
                "parameters": ["tools", "tool_choice"],
                "deprecated": "2026-12-01",
            },
        ),
        (
            {"context_length": 9, "supports_image_in": True, "quantization": "FP8"},
            {"context": 9, "input_modalities": ["text", "image"], "quantization": "fp8"},
        ),
        (
            {
                "display_name": "Big 4",
                "created_at": "2025-10-01T00:00:00Z",
                "max_input_tokens": 9,
                "max_tokens": 3,
            },
            {"name": "Big 4", "created": 1_759_276_800, "context": 9, "max_output": 3},
        ),
        (
            {"displayName": "Big", "inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536},
            {"name": "Big", "context": 1_048_576, "max_output": 65_536},
        ),
        (
            {"context_size": 5, "features": ["function-calling", "structured-outputs", "telepathy"]},
            {"context": 5, "parameters": ["tools", "tool_choice", "response_format", "structured_outputs"]},
        ),
        (
            {"context": 5, "max_output": 3, "parameters": ("tools",), "input_modalities": ("text",)},
            {"context": 5, "max_output": 3, "parameters": ["tools"], "input_modalities": ["text"]},
        ),
    ],
)
def test_what_rows_of_listings_say(said: dict[str, Any], facts: dict[str, Any]) -> None:
    assert facts_of("acme/big", said) == facts


@pytest.mark.parametrize(
    ("said", "price"),
    [
        (
            {
                "pricing": {
                    "prompt": "0.0000015",
                    "completion": "0.000006",
                    "request": "0",
                    "image": "0.001",
                    "web_search": "0.01",
                    "internal_reasoning": "0",
                    "input_cache_read": "0.00000015",
                }
            },
            {"input": "1.5", "output": "6", "cache_read": "0.15", "image": "0.001", "search": "0.01"},
        ),
        ({"pricing": {"prompt": "0", "completion": "0"}}, {"input": "0", "output": "0"}),
        (
            {"pricing": {"prompt": "0.000002", "completion": "0.000004", "discount": 0.25}},
            {"input": "1.5", "output": "3"},
        ),
        (
            {
                "pricing": {
                    "prompt": "0.000001",
                    "completion": "0.000002",
                    "overrides": [
                        {"min_prompt_tokens": 200000.0, "prompt": "0.000002"},
                        {"utc_start": 100.0, "utc_end": "0400", "prompt": "0"},
                    ],
                }
            },
            {
                "input": "1",
                "output": "2",
                "tiers": [{"above": 200000, "input": "2"}],
                "windows": [{"time": "01:00-04:00 UTC", "input": "0"}],
            },
        ),
        (
            {"pricing": {"hourly": 0, "input": 0.3, "output": 0.9, "base": 0, "finetune": 0}},
            {"input": "0.3", "output": "0.9"},
        ),
        (
            {
                "metadata": {
                    "pricing": {"input_tokens": 0.04, "output_tokens": 0.1, "cache_read_tokens": 0.01}
                }
            },
            {"input": "0.04", "output": "0.1", "cache_read": "0.01"},
        ),
        (
            {"input_token_price_per_m": 3900, "output_token_price_per_m": 3900},
            {"input": "0.39", "output": "0.39"},
        ),
        ({"price": {"input": 1, "output": 2}}, {"input": 1, "output": 2}),
        (
            {
                "id": "m",
                "price": {
                    "input": {"usd": 0.38, "tao": 0.001},
                    "output": {"usd": 1.72, "tao": 0.005},
                    "input_cache_read": {"usd": 0.19, "tao": 0.0005},
                },
            },
            {"input": "0.38", "output": "1.72", "cache_read": "0.19"},
        ),
        (
            {"metadata": {"pricing": {"input_tokens": 1, "output_tokens": 2, "cache_read_tokens": 0}}},
            {"input": "1", "output": "2"},
        ),
        (
            {
                "pricing": {
                    "prompt": "0.000001",
                    "completion": "0.000002",
                    "overrides": [{"min_prompt_tokens": 200000, "internal_reasoning": "0"}],
                }
            },
            {"input": "1", "output": "2"},
        ),
    ],
)
def test_prices_whose_unit_shows(said: dict[str, Any], price: dict[str, Any]) -> None:
    assert facts_of("m", said) == {"price": price}
    read_price(price)


@pytest.mark.parametrize(
    "said",
    [
        {"pricing": {"prompt": 0.5, "completion": 1.5}},  # of a token, a thousand, a million?
        {"pricing": {"input": 0.5, "output": 1.5}},
        {"pricing": {"prompt": "-1", "completion": "-1"}},  # it depends
        {"pricing": {"prompt": "cheap", "completion": "0.1"}},
        {"pricing": {"prompt": "NaN", "completion": "0.1"}},
        {"pricing": {"prompt": "1E+999999", "completion": "0.1"}},
        {"pricing": {"prompt": "0.1", "completion": "0.1", "overrides": [{"min_prompt_tokens": 1e999}]}},
        {"id": "m", "price": {"input": 0.5, "output": 1.5}},
        {"id": "m", "price": {"input": {"usd": "cheap"}, "output": {"usd": 1}}},
        {"pricing": {"prompt": "0.1", "completion": "0.1", "image_output": "0.04"}},
        {"pricing": {"prompt": "0.1", "completion": "0.1", "overrides": [{"utc_start": 100}]}},
        {"pricing": {"prompt": "0.1", "completion": "0.1", "overrides": 5}},
        {
            "pricing": {
                "prompt": "0.1",
                "completion": "0.1",
                "overrides": [{"min_prompt_tokens": above, "prompt": "0.2"} for above in range(1, 52)],
            }
        },
        {"pricing": {"prompt": "0.1", "completion": "0.1", "overrides": [{"prompt": "0.2"}]}},
        {"pricing": {"prompt": "0.1", "completion": "0.1", "overrides": [{"utc_start": 9999, "utc_end": 0}]}},
        {"pricing": {"hourly": 2, "input": 0, "output": 0, "base": 0}},  # sold by the hour
        {"pricing": {"hourly": 2, "input": True, "output": 1, "base": 0}},
        {"pricing": "free"},
        {"context_length": 0},
        {"context_length": "long"},
        {"context_length": True},
        {"deprecated": False},
        {"context_length": 10**30},
        {"max_tokens": 8192},  # of what?
        {"created": 0},
        {"created": 12.5},
        {"created": True},
        {"created_at": "yesterday"},
        {"created_at": "0001-01-01"},
        {"name": "m", "description": "  ", "quantization": "unknown", "deprecated": "soon"},
        {"name": "another-id"},
        {"input_modalities": ["text", 5], "supported_parameters": "all", "supported_features": [5]},
        {"architecture": "moe", "metadata": None, "capabilities": []},
    ],
)
def test_what_does_not_show_stays_unknown(said: dict[str, Any]) -> None:
    assert facts_of("m", said) == {}


def test_servers_that_say_now_do_not_know_when_a_model_was_made() -> None:
    assert facts_of("m", {"created": int(time.time())}) == {}


def test_texts_have_a_bound() -> None:
    assert len(facts_of("m", {"description": "x" * 100_000})["description"]) == 4000


def test_half_a_character_is_a_question_mark() -> None:
    facts = facts_of("m", {"description": "a \ud800 b", "supported_parameters": ["tools", "\udfff"]})
    assert facts == {"description": "a ? b", "parameters": ["tools", "?"]}


def test_a_day_that_is_none_leaves_the_seconds() -> None:
    assert facts_of("m", {"created_at": "soon", "created": 1_760_000_000}) == {"created": 1_760_000_000}
