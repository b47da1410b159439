"""Usage: what is counted apart, and what within."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pointsman.testing import Recording
from pointsman.types import Usage, UsageDetails
from pointsman_gemini.usage import read_usage, usage_object


def test_thoughts_and_the_prompts_of_tools_are_apart_and_the_cache_is_within() -> None:
    raw = {
        "promptTokenCount": 100,
        "cachedContentTokenCount": 60,
        "toolUsePromptTokenCount": 10,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "totalTokenCount": 160,
        "serviceTier": "standard",
    }
    assert read_usage(raw) == Usage(
        input=110, output=50, cache_read=60, reasoning=30, raw=raw, service_tier="standard"
    )


def test_sounds_pictures_and_searches_are_told() -> None:
    raw = {
        "promptTokenCount": 300,
        "promptTokensDetails": [
            {"modality": "TEXT", "tokenCount": 10},
            {"modality": "AUDIO", "tokenCount": 90},
            {"modality": "IMAGE", "tokenCount": 200},
            "odd",
        ],
        "cacheTokensDetails": [{"modality": "AUDIO", "tokenCount": 40}],
        "candidatesTokensDetails": [{"modality": "IMAGE", "tokenCount": 1290}],
        "candidatesTokenCount": 1290,
    }
    usage = read_usage(raw, searches=2)
    assert usage is not None
    assert usage.details == UsageDetails(
        cache_read_audio=40, audio_input=90, image_input=200, image_output=1290, searches=2
    )


@pytest.mark.parametrize(
    ("raw", "input_", "output", "reasoning"),
    [
        ({"promptTokenCount": 9}, 9, 0, 0),
        ({"candidatesTokenCount": 4}, 0, 4, 0),
        ({"promptTokenCount": 66, "candidatesTokenCount": 6, "totalTokenCount": 100}, 66, 34, 28),
        ({"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 2}, 9, 4, 0),
        ({"promptTokenCount": True, "totalTokenCount": 5}, 0, 5, 5),
    ],
)
def test_what_is_missing_is_made_up_for_by_the_total(
    raw: dict[str, Any], input_: int, output: int, reasoning: int
) -> None:
    usage = read_usage(raw)
    assert usage is not None
    assert (usage.input, usage.output, usage.reasoning) == (input_, output, reasoning)


@pytest.mark.parametrize("raw", [None, [], {}, {"trafficType": "ON_DEMAND"}, {"promptTokenCount": "9"}])
def test_what_counts_nothing_is_none(raw: Any) -> None:
    assert read_usage(raw) is None


@pytest.mark.parametrize(
    ("traffic", "tier"), [("ON_DEMAND", None), ("ON_DEMAND_FLEX", "flex"), ("ON_DEMAND_PRIORITY", "priority")]
)
def test_the_tier_is_told_by_the_traffic_where_nothing_else_does(traffic: str, tier: str | None) -> None:
    usage = read_usage({"promptTokenCount": 1, "trafficType": traffic})
    assert usage is not None
    assert usage.service_tier == tier


def test_in_recorded_answers_the_sum_is_the_total(answers: list[Recording]) -> None:
    compared = 0
    for recording in answers:
        raw = json.loads(recording.body).get("usageMetadata") or {}
        usage = read_usage(raw)
        if usage is None:
            continue
        compared += 1
        assert usage.input + usage.output == raw["totalTokenCount"], recording.id
        assert usage.reasoning == raw.get("thoughtsTokenCount", 0), recording.id
    assert compared > 300


def test_usage_for_a_client() -> None:
    usage = Usage(100, 50, cache_read=60, reasoning=30, raw={"prompt_tokens": 100}, service_tier="flex")
    written = usage_object(usage, own=False)
    assert written == {
        "promptTokenCount": 100,
        "candidatesTokenCount": 20,
        "thoughtsTokenCount": 30,
        "cachedContentTokenCount": 60,
        "totalTokenCount": 150,
        "serviceTier": "flex",
    }
    again = read_usage(written)
    assert again is not None
    assert (again.input, again.output, again.cache_read, again.reasoning) == (100, 50, 60, 30)
    assert usage_object(Usage(raw={"promptTokenCount": 1}), own=True) == {"promptTokenCount": 1}
