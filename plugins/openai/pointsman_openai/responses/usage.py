"""The usage object of this dialect."""

from __future__ import annotations

from typing import Any

from pointsman.types import Usage

__all__ = ["usage_object"]


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
