"""Usage objects: the many spellings read, one written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from pointsman.counts import MOST_TOKENS, Usage, UsageDetails, token_count
from pointsman.money import reported_usd

__all__ = ["read_bill", "read_more", "read_usage", "served", "usage_object", "written_usage"]

COUNTED = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
"""Members beside which there is nothing to read where there are no others."""
PROMPT_DETAILS = ("prompt_tokens_details", "input_tokens_details", "prompt_token_details")
COMPLETION_DETAILS = (
    *("completion_tokens_details", "output_tokens_details"),
    *("completion_token_details", "output_token_details"),
)
DETAILED = COUNTED.union(PROMPT_DETAILS, COMPLETION_DETAILS)
"""Members that tell everything where there are no others."""
TOOLS = ("server_tool_use_details", "server_tool_use", "server_side_tool_usage_details")
SEARCHES = ("web_search_requests", "web_search_calls", "num_search_queries", "num_sources_used")
"""What hosts call the searches that they made, among what they tell of their tools or beside the tokens."""
TICKS = 10
"""In a nano-dollar: one host bills in ten-thousand-millionths of a dollar."""
NOTHING = UsageDetails()
CACHED = ("prompt_cache_hit_tokens", "cached_tokens", "num_cached_tokens", "cache_read_input_tokens")
"""What hosts call tokens read from a cache, where they tell it beside the prompt's."""


def read_usage(data: Any) -> Usage | None:
    """The tokens a usage object counts, or None where it counts none.

    `prompt_tokens` and `completion_tokens` are also called `input_tokens` and `output_tokens`. A total
    beyond their sum counts reasoning that some hosts leave out of the completion, and is the input where
    a host gives nothing else. Tokens read from a cache have five spellings.
    """
    if not isinstance(data, dict):
        return None
    told = data.get("prompt_tokens", data.get("input_tokens"))
    written = data.get("completion_tokens", data.get("output_tokens"))
    total = data.get("total_tokens")
    if not (
        told.__class__ is written.__class__ is total.__class__ is int
        and told >= 0
        and written >= 0
        and told + written == total <= MOST_TOKENS
    ):
        counted = _counted(data)
        if counted is None:
            return None
        told, written = counted
    if COUNTED.issuperset(data):
        return Usage(told, written, raw=data)
    prompt = _details(data, *PROMPT_DETAILS)
    completion = _details(data, *COMPLETION_DETAILS)
    cache_read = _count(prompt, "cached_tokens") or 0
    cache_write = _count(prompt, "cache_write_tokens") or 0
    reasoning = _count(completion, "reasoning_tokens") or 0
    more = reported = None
    if not DETAILED.issuperset(data):
        cache_read = cache_read or _count(data, *CACHED) or 0
        cache_write = cache_write or _count(data, "cache_creation_input_tokens") or 0
        reasoning = reasoning or _count(data, "reasoning_tokens") or 0
        more, reported = read_more(data), read_bill(data)
    elif _has_media(prompt) or _has_media(completion):
        more = read_more(data)
    cache_read, cache_write = min(cache_read, told), min(cache_write, told)
    if cache_write > told - cache_read:  # what was written was read at once, and is counted among both
        both = min(cache_write, cache_read)
        cache_write -= both
        more = replace(more or NOTHING, cache_write_read=both)
    return Usage(
        told,
        written,
        cache_read,
        min(cache_write, told - cache_read),
        min(reasoning, written),
        raw=data,
        details=more,
        reported_nano=reported,
    )


def served(usage: Usage | None, answer: Mapping[str, Any]) -> Usage | None:
    """Usage with the tier that served, where the answer tells it."""
    tier = answer.get("service_tier")
    if usage is not None and isinstance(tier, str):
        usage.service_tier = tier
    return usage


def read_more(data: Mapping[str, Any]) -> UsageDetails | None:
    """The rarer counts of a usage object, or None where there are none."""
    prompt = _details(data, *PROMPT_DETAILS)
    completion = _details(data, *COMPLETION_DETAILS)
    found = UsageDetails(
        cache_write_1h=_count(_details(data, "cache_creation"), "ephemeral_1h_input_tokens") or 0,
        audio_input=_count(prompt, "audio_tokens") or 0,
        audio_output=_count(completion, "audio_tokens") or 0,
        image_input=_count(prompt, "image_tokens") or 0,
        image_output=_count(completion, "image_tokens") or 0,
        searches=_count(_details(data, *TOOLS), *SEARCHES) or _count(data, *SEARCHES) or 0,
    )
    return None if found == NOTHING else found


def read_bill(data: Mapping[str, Any]) -> int | None:
    """What a usage object says that the answer is billed at, in nano-USD; None where it does not say.

    Where a host was given a key of one's own to use, it bills its fee alone, and names beside it what the
    key's owner pays.
    """
    ticks = data.get("cost_in_usd_ticks")
    if type(ticks) is int and ticks >= 0:
        return (ticks + TICKS // 2) // TICKS
    cost = data.get("cost", data.get("estimated_cost"))
    if isinstance(cost, dict):
        cost = cost.get("total_cost")
    bill = reported_usd(cost)
    if bill is not None and data.get("is_byok") is True:
        upstream = _details(data, "cost_details").get("upstream_inference_cost")
        bill += reported_usd(upstream) or 0
    return bill


def _counted(data: Mapping[str, Any]) -> tuple[int, int] | None:
    """Input and output of an object that does not tell them, and their sum, in the usual words."""
    given = _count(data, "prompt_tokens", "input_tokens")
    output = _count(data, "completion_tokens", "output_tokens")
    total = _count(data, "total_tokens")
    if given is None and output is None and total is None:
        return None
    written = output or 0
    told = given if given is not None else max(0, (total or 0) - written)
    return told, max(written, (total or 0) - told)


def _count(data: Mapping[str, Any], *names: str) -> int | None:
    """The first of these members that is a count."""
    for name in names:
        value = data.get(name)
        if value is not None and (count := token_count(value)) is not None:
            return count
    return None


def _has_media(details: Mapping[str, Any]) -> bool:
    return bool(details) and bool(details.get("audio_tokens") or details.get("image_tokens"))


def _details(data: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        value = data.get(name)
        if isinstance(value, dict):
            return value
    return {}


def usage_object(usage: Usage) -> dict[str, Any]:
    """Usage as clients of this dialect expect it."""
    return {
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {
            "cached_tokens": usage.cache_read,
            "cache_write_tokens": usage.cache_write,
        },
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning},
    }


def written_usage(usage: Usage) -> dict[str, Any]:
    """Usage for a client, as its provider told it where that spoke this dialect."""
    counts = usage_object(usage)
    if not isinstance(usage.raw.get("prompt_tokens"), int):
        return counts
    raw = {name: value for name, value in usage.raw.items() if value is not None or name not in counts}
    return {**counts, **raw}
