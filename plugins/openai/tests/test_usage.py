"""Usage objects."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Usage, UsageDetails
from pointsman_openai.usage import read_usage, usage_object, written_usage


def counts(data: Any) -> tuple[int, ...]:
    usage = read_usage(data)
    assert usage is not None
    assert usage.raw is data
    assert not usage.estimated
    return usage.input, usage.output, usage.cache_read, usage.cache_write, usage.reasoning


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"prompt_tokens": 8, "completion_tokens": 10, "total_tokens": 18}, (8, 10, 0, 0, 0)),
        ({"input_tokens": 8, "output_tokens": 10}, (8, 10, 0, 0, 0)),
        ({"prompt_tokens": 8, "total_tokens": 8}, (8, 0, 0, 0, 0)),
        ({"prompt_tokens": 8.0, "completion_tokens": None}, (8, 0, 0, 0, 0)),
        (
            {
                "prompt_tokens": 50,
                "completion_tokens": 40,
                "prompt_tokens_details": {"cached_tokens": 30, "cache_write_tokens": 5},
                "completion_tokens_details": {"reasoning_tokens": 20},
            },
            (50, 40, 30, 5, 20),
        ),
        (
            {
                "input_tokens": 50,
                "output_tokens": 40,
                "input_tokens_details": {"cached_tokens": 30},
                "output_tokens_details": {"reasoning_tokens": 20},
            },
            (50, 40, 30, 0, 20),
        ),
        ({"prompt_tokens": 50, "completion_tokens": 4, "prompt_tokens_details": None}, (50, 4, 0, 0, 0)),
        (
            {"prompt_tokens": 50, "prompt_cache_hit_tokens": 20, "prompt_cache_miss_tokens": 30},
            (50, 0, 20, 0, 0),
        ),
        ({"prompt_tokens": 50, "cached_tokens": 9}, (50, 0, 9, 0, 0)),
        ({"prompt_tokens": 50, "num_cached_tokens": 9}, (50, 0, 9, 0, 0)),
        (
            {"prompt_tokens": 50, "cache_read_input_tokens": 9, "cache_creation_input_tokens": 3},
            (50, 0, 9, 3, 0),
        ),
    ],
)
def test_every_spelling_is_read(data: dict[str, Any], expected: tuple[int, ...]) -> None:
    assert counts(data) == expected


def test_sound_images_and_searches_are_counted_apart() -> None:
    usage = read_usage(
        {
            "prompt_tokens": 50,
            "completion_tokens": 40,
            "total_tokens": 90,
            "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 20, "image_tokens": 10},
            "completion_tokens_details": {"audio_tokens": 30, "image_tokens": 5},
        }
    )
    assert usage is not None
    assert usage.details == UsageDetails(audio_input=20, audio_output=30, image_input=10, image_output=5)


@pytest.mark.parametrize(
    ("data", "searches"),
    [
        ({"server_tool_use_details": {"web_search_requests": 2}}, 2),
        ({"server_tool_use": {"web_search_requests": 3}}, 3),
        ({"server_side_tool_usage_details": {"web_search_calls": 4, "x_search_calls": 0}}, 4),
        ({"num_search_queries": 5}, 5),
        ({"num_sources_used": 6}, 6),
    ],
)
def test_searches_have_several_names(data: dict[str, Any], searches: int) -> None:
    usage = read_usage({"prompt_tokens": 1, **data})
    assert usage is not None
    assert usage.details == UsageDetails(searches=searches)


def test_writes_to_the_cache_that_stay_an_hour_are_counted_apart() -> None:
    told = {"cache_creation_input_tokens": 9, "cache_creation": {"ephemeral_1h_input_tokens": 4}}
    usage = read_usage({"prompt_tokens": 50, **told})
    assert usage is not None
    assert (usage.cache_write, usage.details) == (9, UsageDetails(cache_write_1h=4))


@pytest.mark.parametrize(
    ("data", "nano"),
    [
        ({"cost": 0.00114}, 1_140_000),
        ({"cost": 0, "is_byok": False}, 0),
        ({"cost": 0.001, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.02}}, 21_000_000),
        ({"cost": 0, "is_byok": True, "cost_details": None}, 0),
        ({"cost_in_usd_ticks": 37_756_000}, 3_775_600),
        ({"cost_in_usd_ticks": 5}, 1),
        ({"cost_in_usd_ticks": 25 * 10**12}, 2_500 * 10**9),
        ({"cost": {"input_tokens_cost": 0.002, "total_cost": 0.007}}, 7_000_000),
        ({"estimated_cost": 0.0000123}, 12_300),
        ({"cost": None}, None),
        ({"cost": "much"}, None),
        ({"cost": -1}, None),
        ({"cost_in_usd_ticks": -1}, None),
        ({}, None),
    ],
)
def test_what_is_billed_is_read_in_every_spelling(data: dict[str, Any], nano: int | None) -> None:
    usage = read_usage({"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, **data})
    assert usage is not None
    assert usage.reported_nano == nano


def test_a_total_alone_is_the_input() -> None:
    assert counts({"total_tokens": 12}) == (12, 0, 0, 0, 0)
    assert counts({"completion_tokens": 2, "total_tokens": 12}) == (10, 2, 0, 0, 0)


def test_reasoning_left_out_of_the_completion_is_counted_from_the_total() -> None:
    data = {
        "prompt_tokens": 12,
        "completion_tokens": 9,
        "total_tokens": 300,
        "completion_tokens_details": {"reasoning_tokens": 279},
    }
    assert counts(data) == (12, 288, 0, 0, 279)
    assert counts({"prompt_tokens": 66, "completion_tokens": 6, "total_tokens": 100}) == (66, 34, 0, 0, 0)


def test_parts_never_exceed_the_whole() -> None:
    data = {
        "prompt_tokens": 10,
        "completion_tokens": 10,
        "prompt_tokens_details": {"cached_tokens": 8, "cache_write_tokens": 9},
        "completion_tokens_details": {"reasoning_tokens": 11},
    }
    assert counts(data) == (10, 10, 8, 1, 10)
    usage = read_usage(data)
    assert usage is not None
    assert usage.details == UsageDetails(cache_write_read=8)


@pytest.mark.parametrize(
    "data", [None, {}, [], "many", {"prompt_tokens": "8"}, {"prompt_tokens": -1}, {"prompt_tokens": True}]
)
def test_what_counts_nothing_is_no_usage(data: Any) -> None:
    assert read_usage(data) is None


def test_usage_written_is_usage_read() -> None:
    usage = Usage(input=50, output=40, cache_read=30, cache_write=5, reasoning=20)
    assert counts(usage_object(usage)) == (50, 40, 30, 5, 20)
    assert usage_object(usage)["total_tokens"] == 90


def test_usage_of_this_dialect_is_written_as_it_was_told() -> None:
    told = {"prompt_tokens": 5, "completion_tokens": 2, "queue_time": 0.5, "prompt_tokens_details": None}
    usage = read_usage(told)
    assert usage is not None
    assert written_usage(usage) == {**usage_object(usage), "queue_time": 0.5}


def test_usage_of_another_dialect_is_written_in_our_words() -> None:
    usage = Usage(input=5, output=2, raw={"input_tokens": 3, "cache_read_input_tokens": 2})
    assert written_usage(usage) == usage_object(usage)
