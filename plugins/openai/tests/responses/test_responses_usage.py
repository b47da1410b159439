"""The usage object."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.types import Usage, UsageDetails
from pointsman_openai.responses.usage import usage_in, usage_object

COUNTED = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14}
SEARCH = {"type": "web_search_call", "action": {"type": "search", "query": "x"}}
OPENED = {"type": "web_search_call", "action": {"type": "open_page"}}


def test_usage_of_elsewhere_is_written_with_all_members() -> None:
    usage = Usage(input=10, output=4, cache_read=3, cache_write=2, reasoning=1, raw={"input_tokens": 5})
    assert usage_object(usage) == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 2},
        "output_tokens": 4,
        "output_tokens_details": {"reasoning_tokens": 1},
        "total_tokens": 14,
    }


def test_usage_of_this_dialect_is_as_its_provider_wrote_it() -> None:
    raw = {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14, "is_byok": False}
    assert usage_object(Usage(input=10, output=4, raw=raw)) == raw


@pytest.mark.parametrize(
    ("answer", "searches"),
    [
        ({"output": [SEARCH, OPENED, SEARCH, {"type": "message"}, "odd"]}, 2),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": 3}}}, 3),
        ({"output": [SEARCH], "tool_usage": {"web_search": {"num_requests": 0}}}, 0),
        ({"output": [{"type": "web_search_call", "status": "completed"}], "tool_usage": None}, 1),
        ({"output": [OPENED]}, 0),
        ({"output": None}, 0),
    ],
)
def test_searches_are_told_beside_the_tokens_or_by_the_output(answer: dict[str, Any], searches: int) -> None:
    usage = usage_in({"usage": COUNTED, **answer})
    assert usage is not None
    assert usage.details == (UsageDetails(searches=searches) if searches else None)


def test_searches_that_the_usage_counts_itself_are_not_counted_again() -> None:
    counted = {**COUNTED, "server_tool_use": {"web_search_requests": 5}}
    usage = usage_in({"usage": counted, "output": [SEARCH]})
    assert usage is not None
    assert usage.details == UsageDetails(searches=5)


def test_the_tier_that_served_is_the_answers() -> None:
    usage = usage_in({"usage": COUNTED, "service_tier": "flex", "output": []})
    assert usage is not None
    assert usage.service_tier == "flex"
    assert usage_in({"output": [SEARCH]}) is None
