"""The usage object of this dialect, both ways."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pointsman.types import Usage, UsageDetails, token_count
from pointsman_openai.usage import read_usage, served

__all__ = ["usage_in", "usage_object"]

SEARCH = "web_search_call"


def usage_in(answer: Mapping[str, Any]) -> Usage | None:
    """The usage of an answer, with the service tier that served it and its searches of the web, which are
    told beside it or by its output alone."""
    usage = served(read_usage(answer.get("usage")), answer)
    if usage is None or (usage.details is not None and usage.details.searches):
        return usage
    told, output = answer.get("tool_usage"), answer.get("output")
    tool = told.get("web_search") if isinstance(told, dict) else None
    searches = token_count(tool.get("num_requests")) if isinstance(tool, dict) else None
    if searches is None:
        searches = sum(map(_is_search, output)) if isinstance(output, list) else 0
    if searches:
        usage.details = replace(usage.details or UsageDetails(), searches=searches)
    return usage


def _is_search(item: Any) -> bool:
    """Whether an item is a search; pages that were opened are none."""
    if not isinstance(item, dict) or item.get("type") != SEARCH:
        return False
    action = item.get("action")
    return not isinstance(action, dict) or action.get("type", "search") == "search"


def usage_object(usage: Usage) -> dict[str, Any]:
    """Usage as clients of this dialect expect it: what the provider wrote where it is of this dialect."""
    raw = usage.raw
    if "input_tokens" in raw and "output_tokens" in raw and "total_tokens" in raw:
        return dict(raw)
    return {
        "input_tokens": usage.input,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "output_tokens": usage.output,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        "total_tokens": usage.input + usage.output,
    }
