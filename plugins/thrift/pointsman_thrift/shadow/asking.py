"""Asking: what a rival is asked in the place of the model that answered, and what is kept from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.exchange import Plan
from pointsman.types import Chat, Media

__all__ = ["comparable", "most_written", "restrictions", "rivals_body"]

LEFT_OUT = frozenset(
    {
        *("models", "provider", "route", "fallbacks", "stream_options", "session_id", "preset"),
        *("prompt_cache_key", "n", "store", "metadata", "safety_identifier", "user"),
    }
)
"""Members that say where a request may go, how its answer is sent or kept, or who it is for."""
ELSEWHERE = frozenset({"previous_response_id", "conversation", "background", "plugins", "web_search_options"})
"""Members by which an answer hangs on more than the request: another model would not have that, or would do
it again, with what that costs."""
RESTRICTIONS = ("only", "ignore", "data_collection", "zdr", "enforce_distillable_text")
"""Of preferences those that say who may have a request's text."""
LIMITS = ("max_tokens", "max_completion_tokens", "max_output_tokens")
PRESET = "@preset/"
TIMES, LEAST = 4, 4_000
"""A rival may write so many times what the answer has, and so many tokens in any case: what is longer is not
compared, so that no single one costs more than was set aside for it."""


def comparable(body: Mapping[str, Any], chat: Chat) -> bool:
    """Whether another model can be asked just the same, and a judge of texts can read all of it."""
    if any(body.get(name) for name in ELSEWHERE) or body.get("preset"):
        return False
    if PRESET in str(body.get("model", "")):
        return False
    return not any(isinstance(part, Media) for message in chat.messages for part in message.parts)


def restrictions(plan: Plan | None) -> dict[str, Any]:
    """Who may have the text by what the request, its key and its rule prefer, as `provider` of a request."""
    said: Mapping[str, Any] = (plan.preferences.get("provider") or {}) if plan is not None else {}
    return {name: said[name] for name in RESTRICTIONS if said.get(name)}


def most_written(chat: Chat, written: int) -> int:
    """How many tokens a rival may write, of a chat that was answered in so many."""
    given = chat.params.get("max_tokens")
    most = max(LEAST, TIMES * written)
    return min(given, most) if isinstance(given, int) and given > 0 else most


def rivals_body(
    body: Mapping[str, Any], rival: str, *, most: int, restricted: Mapping[str, Any]
) -> dict[str, Any]:
    """The request as a rival gets it: it may write `most` tokens, where its dialect has a word for that."""
    asked = {name: value for name, value in body.items() if name not in LEFT_OUT}
    asked |= {"model": rival, "stream": False}
    named = next((name for name in LIMITS if name in asked), None)
    if named is None:
        named = "max_output_tokens" if "input" in asked else "max_tokens" if "messages" in asked else None
    if named is not None:
        asked[named] = most
    elif isinstance(asked.get("contents"), list):
        asked["generationConfig"] = {**(asked.get("generationConfig") or {}), "maxOutputTokens": most}
    if restricted:
        asked["provider"] = dict(restricted)
    return asked
