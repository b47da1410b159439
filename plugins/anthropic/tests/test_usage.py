"""Usage objects."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Usage, UsageDetails
from pointsman_anthropic.usage import merged, read_usage, usage_object

WHOLE = {
    "input_tokens": 10,
    "cache_read_input_tokens": 100,
    "cache_creation_input_tokens": 1000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1000, "ephemeral_1h_input_tokens": 0},
    "output_tokens": 7,
    "output_tokens_details": {"thinking_tokens": 5},
    "service_tier": "priority",
}


def test_the_input_counts_what_the_cache_read_and_wrote() -> None:
    usage = read_usage(WHOLE)
    assert usage is not None
    assert (usage.input, usage.cache_read, usage.cache_write) == (1110, 100, 1000)
    assert (usage.output, usage.reasoning, usage.service_tier) == (7, 5, "priority")
    assert usage.raw == WHOLE


def test_cache_writes_told_by_age_alone_are_added_up() -> None:
    data = {
        "input_tokens": 1,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
    }
    usage = read_usage(data)
    assert usage is not None
    assert (usage.cache_write, usage.input) == (5, 6)


def test_writes_for_an_hour_and_searches_are_counted_apart() -> None:
    data = {
        "input_tokens": 1,
        "cache_creation_input_tokens": 5,
        "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 3},
        "server_tool_use": {"web_search_requests": 4, "web_fetch_requests": 1},
        "cost": 0.25,
    }
    usage = read_usage(data)
    assert usage is not None
    assert usage.details == UsageDetails(cache_write_1h=3, searches=4)
    assert usage.reported_nano == 250_000_000


@pytest.mark.parametrize("tools", [{"web_search_requests": 0}, {"web_search_requests": "x"}, 7, None])
def test_without_searches_there_are_no_details(tools: Any) -> None:
    usage = read_usage({"input_tokens": 1, "server_tool_use": tools})
    assert usage is not None
    assert (usage.details, usage.reported_nano) == (None, None)


@pytest.mark.parametrize(
    "data", [None, 3, [], {}, {"input_tokens": None}, {"input_tokens": True}, {"input_tokens": -1}]
)
def test_what_counts_nothing_is_none(data: Any) -> None:
    assert read_usage(data) is None


def test_odd_details_do_not_matter() -> None:
    usage = read_usage(
        {"input_tokens": 1, "output_tokens": "x", "output_tokens_details": 3, "service_tier": 4}
    )
    assert usage is not None
    assert (usage.input, usage.output, usage.reasoning, usage.service_tier) == (1, 0, 0, None)


def test_a_later_event_adds_and_never_takes_away() -> None:
    start = {"input_tokens": 10, "output_tokens": 1, "service_tier": "standard"}
    later = {"input_tokens": 0, "output_tokens": 20, "server_tool_use": None}
    assert merged(start, later) == {
        "input_tokens": 10,
        "output_tokens": 20,
        "service_tier": "standard",
        "server_tool_use": None,
    }
    assert merged(None, None) == {}


def test_written_usage_leaves_the_cache_out_of_the_input() -> None:
    usage = Usage(input=110, output=5, cache_read=90, cache_write=10, reasoning=2, service_tier="standard")
    assert usage_object(usage, own=False) == {
        "input_tokens": 10,
        "cache_creation_input_tokens": 10,
        "cache_read_input_tokens": 90,
        "output_tokens": 5,
        "output_tokens_details": {"thinking_tokens": 2},
        "service_tier": "standard",
    }


def test_the_providers_own_object_is_preferred_where_it_is_of_this_dialect() -> None:
    usage = read_usage(WHOLE)
    assert usage_object(usage, own=True) == WHOLE
    assert "cache_creation" not in usage_object(usage, own=False)
    assert usage_object(None, own=True) == {"input_tokens": 0, "output_tokens": 0}
