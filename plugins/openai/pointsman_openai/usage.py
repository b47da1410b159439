"""Usage objects: the many spellings read, one written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.types import MOST_TOKENS, Usage, token_count

__all__ = ["read_usage", "usage_object", "written_usage"]

COUNTED = frozenset({"prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "total_tokens"})
"""Members beside which there is nothing to read where there are no others."""
DETAILED = COUNTED | {
    *("prompt_tokens_details", "input_tokens_details"),
    *("completion_tokens_details", "output_tokens_details"),
}
"""Members that tell everything where there are no others."""
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
    prompt = _details(data, "prompt_tokens_details", "input_tokens_details")
    completion = _details(data, "completion_tokens_details", "output_tokens_details")
    cache_read = _count(prompt, "cached_tokens") or 0
    cache_write = _count(prompt, "cache_write_tokens") or 0
    reasoning = _count(completion, "reasoning_tokens") or 0
    if not DETAILED.issuperset(data):
        cache_read = cache_read or _count(data, *CACHED) or 0
        cache_write = cache_write or _count(data, "cache_creation_input_tokens") or 0
        reasoning = reasoning or _count(data, "reasoning_tokens") or 0
    cache_read = min(cache_read, told)
    return Usage(
        told,
        written,
        cache_read,
        min(cache_write, told - cache_read),
        min(reasoning, written),
        raw=data,
    )


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
