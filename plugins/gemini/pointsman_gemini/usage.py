"""Usage objects, both ways.

What was cached is part of the prompt here; thoughts are counted apart from the answer, and so is what the
provider's own tools put into the prompt.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.types import Usage, UsageDetails, token_count

__all__ = ["read_usage", "usage_object"]

TIERS = {"ON_DEMAND_FLEX": "flex", "ON_DEMAND_PRIORITY": "priority"}
"""The tier that served, by kind of traffic, for hosts that tell no tier."""


def read_usage(data: Any, *, searches: int = 0) -> Usage | None:
    """The tokens a usage object counts, or None where it counts none. `searches` are told elsewhere."""
    if not isinstance(data, dict):
        return None
    prompt, total = token_count(data.get("promptTokenCount")), token_count(data.get("totalTokenCount"))
    written = token_count(data.get("candidatesTokenCount"))
    if prompt is None and written is None and total is None:
        return None
    told = (prompt or 0) + (token_count(data.get("toolUsePromptTokenCount")) or 0)
    thoughts = token_count(data.get("thoughtsTokenCount")) or 0
    output = (written or 0) + thoughts
    if total is not None and total > told + output:  # what a host leaves out of its parts was thought
        thoughts += total - told - output
        output = total - told
    return Usage(
        input=told,
        output=output,
        cache_read=min(token_count(data.get("cachedContentTokenCount")) or 0, told),
        reasoning=thoughts,
        raw=data,
        service_tier=_tier(data),
        details=_details(data, searches),
    )


def _tier(data: Mapping[str, Any]) -> str | None:
    tier = data.get("serviceTier")
    return tier if isinstance(tier, str) else TIERS.get(str(data.get("trafficType")))


def _details(data: Mapping[str, Any], searches: int) -> UsageDetails | None:
    """The tokens of sounds and pictures, and how often the web was searched."""
    prompt = _modalities(data, "promptTokensDetails", "toolUsePromptTokensDetails")
    cached = _modalities(data, "cacheTokensDetails")
    written = _modalities(data, "candidatesTokensDetails")
    found = UsageDetails(
        cache_read_audio=cached.get("AUDIO", 0),
        audio_input=prompt.get("AUDIO", 0),
        audio_output=written.get("AUDIO", 0),
        image_input=prompt.get("IMAGE", 0),
        image_output=written.get("IMAGE", 0),
        searches=searches,
    )
    return found if found != UsageDetails() else None


def _modalities(data: Mapping[str, Any], *names: str) -> dict[str, int]:
    """Tokens by modality, of several lists together."""
    found: dict[str, int] = {}
    for name in names:
        rows = data.get(name)
        for row in rows if isinstance(rows, list) else ():
            if isinstance(row, dict):
                modality = str(row.get("modality"))
                found[modality] = found.get(modality, 0) + (token_count(row.get("tokenCount")) or 0)
    return found


def usage_object(usage: Usage, *, own: bool) -> dict[str, Any]:
    """Usage as clients of this dialect expect it; `own` says that a provider of this dialect counted, whose
    object is the better one."""
    if own and usage.raw:
        return dict(usage.raw)
    body: dict[str, Any] = {
        "promptTokenCount": usage.input,
        "candidatesTokenCount": usage.output - usage.reasoning,
        "totalTokenCount": usage.input + usage.output,
    }
    if usage.reasoning:
        body["thoughtsTokenCount"] = usage.reasoning
    if usage.cache_read:
        body["cachedContentTokenCount"] = usage.cache_read
    if usage.service_tier is not None:
        body["serviceTier"] = usage.service_tier
    return body
