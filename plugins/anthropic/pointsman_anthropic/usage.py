"""Usage objects, both ways. This dialect's `input_tokens` leave out what the prompt cache read or wrote."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.money import reported_usd
from pointsman.types import Usage, UsageDetails, token_count

__all__ = ["merged", "read_usage", "usage_object"]


def merged(before: Mapping[str, Any] | None, later: Any) -> dict[str, Any]:
    """A stream's usage so far, with what an event reports now: counts are running totals, and an event may
    leave out, or leave at nothing, what an earlier one told."""
    found = dict(before or {})
    if isinstance(later, dict):
        for name, value in later.items():
            if value or name not in found:
                found[name] = value
    return found


def read_usage(data: Any) -> Usage | None:
    """The tokens a usage object counts, or None where it counts none."""
    if not isinstance(data, dict):
        return None
    given, output = token_count(data.get("input_tokens")), token_count(data.get("output_tokens"))
    if given is None and output is None:
        return None
    cache_read = token_count(data.get("cache_read_input_tokens")) or 0
    cache_write = token_count(data.get("cache_creation_input_tokens"))
    created = data.get("cache_creation")
    if not isinstance(created, dict):
        created = {}
    if cache_write is None:
        cache_write = sum(token_count(created.get(name)) or 0 for name in created)
    tools, hour = data.get("server_tool_use"), created.get("ephemeral_1h_input_tokens")
    details = data.get("output_tokens_details")
    reasoning = token_count(details.get("thinking_tokens")) if isinstance(details, dict) else None
    tier = data.get("service_tier")
    return Usage(
        input=(given or 0) + cache_read + cache_write,
        output=output or 0,
        cache_read=cache_read,
        cache_write=cache_write,
        reasoning=min(reasoning or 0, output or 0),
        raw=data,
        service_tier=tier if isinstance(tier, str) else None,
        details=_details(hour, tools) if hour or tools else None,
        reported_nano=reported_usd(data.get("cost")),
    )


def _details(hour: Any, tools: Any) -> UsageDetails | None:
    """Tokens written to the cache for an hour, and searches; None where there are none."""
    written = token_count(hour) or 0
    searches = token_count(tools.get("web_search_requests")) or 0 if isinstance(tools, dict) else 0
    return UsageDetails(cache_write_1h=written, searches=searches) if written or searches else None


def usage_object(usage: Usage | None, *, own: bool) -> dict[str, Any]:
    """Usage as clients of this dialect expect it; `own` says that a provider of this dialect counted, whose
    object is the better one."""
    if usage is None:
        return {"input_tokens": 0, "output_tokens": 0}
    if own and usage.raw:
        return dict(usage.raw)
    body: dict[str, Any] = {
        "input_tokens": max(0, usage.input - usage.cache_read - usage.cache_write),
        "cache_creation_input_tokens": usage.cache_write,
        "cache_read_input_tokens": usage.cache_read,
        "output_tokens": usage.output,
    }
    if usage.reasoning:
        body["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    if usage.service_tier is not None:
        body["service_tier"] = usage.service_tier
    return body
