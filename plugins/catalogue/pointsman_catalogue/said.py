"""What listings say: the facts in a row of a provider's `/models`, whatever its shape.

Read is what many hosts call by the same names, and what has a shape that only one of them uses. A price is
read where its unit shows; everything else stays unknown.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeVar

__all__ = ["facts_of"]

Said = Mapping[str, Any]
T = TypeVar("T")

CONTEXT = (
    "context",
    "context_length",
    "context_window",
    "max_context_length",
    "max_model_len",
    "context_size",
    "max_input_tokens",
    "inputTokenLimit",
    "metadata.context_length",
)
MAX_OUTPUT = (
    "max_output",
    "max_completion_tokens",
    "max_output_tokens",
    "outputTokenLimit",
    "top_provider.max_completion_tokens",
)
DESCRIPTION = ("description", "metadata.description")
NAMES = ("display_name", "displayName", "name", "title")
MODALITIES = frozenset(
    {"text", "image", "audio", "video", "file", "embeddings", "speech", "transcription", "rerank"}
)
FEATURES: Mapping[str, tuple[str, ...]] = {
    "tools": ("tools", "tool_choice"),
    "function-calling": ("tools", "tool_choice"),
    "function_calling": ("tools", "tool_choice"),
    "json_mode": ("response_format",),
    "structured_outputs": ("response_format", "structured_outputs"),
    "structured-outputs": ("response_format", "structured_outputs"),
    "reasoning": ("reasoning",),
}
"""Abilities, as hosts name them, and the members of requests that they stand for."""
PER_TOKEN: Mapping[str, str] = {
    "prompt": "input",
    "completion": "output",
    "input_cache_read": "cache_read",
    "input_cache_write": "cache_write",
    "input_cache_write_1h": "cache_write_1h",
    "internal_reasoning": "reasoning",
    "audio": "audio_input",
    "audio_output": "audio_output",
    "input_audio_cache": "cache_read_audio",
    "image_token": "image_input",
}
ALWAYS_PRICED = ("prompt", "completion")
EACH: Mapping[str, str] = {"request": "request", "image": "image", "web_search": "search"}
LONGEST_TEXT = 4000
MOST_TOKENS = 10**12
"""More than any model has: what is larger is no number of tokens."""
MOST_OVERRIDES = 50
EARLIEST = 1_500_000_000
"""Seconds since 1970: models of chat are younger."""
FRESH = 86_400.0
"""Seconds: servers that do not know when a model was made say that it was just now."""
NANO = Decimal(10) ** -9
CLOCK = re.compile(r"([01]\d|2[0-4])([0-5]\d)")


def facts_of(native_id: str, said: Said) -> dict[str, Any]:
    """What a listing's row says of a model, by the names of `pointsman.facts`."""
    facts: dict[str, Any] = {
        "name": _name(native_id, said),
        "description": _first(said, DESCRIPTION, _text),
        "created": _created(said),
        "context": _first(said, CONTEXT, _count),
        "max_output": _first(said, MAX_OUTPUT, _count) or _beside_input(said),
        "input_modalities": _modalities(said, "input_modalities") or _seen(said),
        "output_modalities": _modalities(said, "output_modalities"),
        "parameters": _parameters(said),
        "quantization": _first(said, ("quantization",), _word),
        "tokenizer": _first(said, ("tokenizer", "architecture.tokenizer"), _text),
        "deprecated": _first(
            said, ("deprecated", "deprecation", "deprecation_date", "expiration_date"), _day
        ),
        "price": _price(said),
    }
    found = {name: value for name, value in facts.items() if value}
    if said.get("deprecated") is True:
        found.setdefault("deprecated", "")
    return found


def _at(said: Any, path: str) -> Any:
    for name in path.split("."):
        said = said.get(name) if isinstance(said, Mapping) else None
    return said


def _first(said: Said, paths: Iterable[str], read: Callable[[Any], T | None]) -> T | None:
    return next((value for path in paths if (value := read(_at(said, path))) is not None), None)


def _text(value: Any) -> str | None:
    """A text, with `?` for half a character: no JSON and no ledger takes one."""
    if not isinstance(value, str):
        return None
    return value.strip()[:LONGEST_TEXT].encode(errors="replace").decode() or None


def _word(value: Any) -> str | None:
    text = _text(value)
    return text.lower() if text is not None and text.lower() != "unknown" else None


def _count(value: Any) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and 0 < value <= MOST_TOKENS else None


def _day(value: Any) -> str | None:
    try:
        return date.fromisoformat(value[:10]).isoformat() if isinstance(value, str) else None
    except ValueError:
        return None


def _name(native_id: str, said: Said) -> str | None:
    """What people call it: not the id again, nor another id."""
    names = (_text(_at(said, path)) for path in NAMES)
    return next((each for each in names if each and each != native_id and each != each.lower()), None)


def _created(said: Said) -> int | None:
    created = said.get("created")
    if isinstance(said.get("created_at"), str):
        with suppress(ValueError, OverflowError):
            created = int(datetime.fromisoformat(said["created_at"]).timestamp())
    if isinstance(created, bool) or not isinstance(created, int):
        return None
    return created if EARLIEST < created < time.time() - FRESH else None


def _beside_input(said: Said) -> int | None:
    """`max_tokens` is of the answer where that of the request is told apart."""
    return _count(said.get("max_tokens")) if "max_input_tokens" in said else None


def _modalities(said: Said, name: str) -> list[str] | None:
    for value in (said.get(name), _at(said, f"architecture.{name}")):
        if isinstance(value, list | tuple) and value and all(isinstance(each, str) for each in value):
            return [each.lower() for each in value if each.lower() in MODALITIES]
    return None


def _seen(said: Said) -> list[str] | None:
    """What a chat model takes by its abilities, where it is said that it sees or that it does not."""
    sees = _at(said, "capabilities.vision")
    if _at(said, "capabilities.completion_chat") is not True:
        sees = said.get("supports_image_in", said.get("supports_image_input"))
    return ["text", *(("image",) if sees else ())] if isinstance(sees, bool) else None


def _parameters(said: Said) -> list[str] | None:
    found: list[str] = []
    for name in ("parameters", "supported_parameters", "supported_sampling_parameters"):
        value = said.get(name)
        if isinstance(value, list | tuple):
            found += [text for each in value if (text := _text(each)) is not None]
    for name in ("supported_features", "features"):
        value = said.get(name)
        if isinstance(value, list):
            found += [
                each for feature in value if isinstance(feature, str) for each in FEATURES.get(feature, ())
            ]
    if _at(said, "capabilities.function_calling") is True or said.get("supports_tools") is True:
        found += FEATURES["tools"]
    return list(dict.fromkeys(found)) or None


def _price(said: Said) -> dict[str, Any] | None:
    """The price, in the shape of `price:`, where the listing shows its unit."""
    pricing, metadata, price = said.get("pricing"), _at(said, "metadata.pricing"), said.get("price")
    try:
        if isinstance(price, Mapping) and "id" not in said:
            return dict(price)  # by our names: a row of a listing has an id
        if isinstance(price, Mapping) and _at(price, "input.usd") is not None:
            usd = {name: _at(each, "usd") for name, each in price.items()}
            names = {"input": "input", "output": "output", "input_cache_read": "cache_read"}
            return _plain(usd, names, Decimal(1))
        if isinstance(pricing, Mapping) and isinstance(pricing.get("prompt"), str):
            return _by_token(pricing)
        if isinstance(pricing, Mapping) and {"input", "output", "base", "hourly"} <= pricing.keys():
            return _plain(pricing, {"input": "input", "output": "output"}, Decimal(1))
        if isinstance(metadata, Mapping) and {"input_tokens", "output_tokens"} <= metadata.keys():
            names = {"input_tokens": "input", "output_tokens": "output", "cache_read_tokens": "cache_read"}
            return _plain(metadata, names, Decimal(1))
        if {"input_token_price_per_m", "output_token_price_per_m"} <= said.keys():
            names = {"input_token_price_per_m": "input", "output_token_price_per_m": "output"}
            return _plain(said, names, Decimal(10_000))
    except (ArithmeticError, ValueError, KeyError, TypeError, AttributeError):
        return None  # of a shape that only seems to be known
    return None


def _plain(said: Said, names: Mapping[str, str], per_dollar: Decimal) -> dict[str, Any] | None:
    """Numbers by the million tokens; nothing at all is what is not sold so, and nothing for what is cached
    is no price of its own."""
    found = {
        ours: _amount(said[name], 1 / per_dollar)
        for name, ours in names.items()
        if said.get(name) is not None
    }
    if all(each == "0" for each in found.values()):
        return None
    return {name: amount for name, amount in found.items() if amount != "0" or name != "cache_read"}


def _by_token(pricing: Said) -> dict[str, Any]:
    """Texts by the token, and what counts at some hours or for long requests. Raises ValueError where a price
    cannot be said."""
    share = 1 - Decimal(str(pricing.get("discount") or 0))
    price: dict[str, Any] = dict(_prices(pricing, share))
    overrides = pricing.get("overrides") or ()
    if len(overrides) > MOST_OVERRIDES:
        raise ValueError("more overrides than a price has")
    for each in overrides:
        layer = dict(_prices(each, share))
        begin: dict[str, Any]
        if "min_prompt_tokens" in each and "utc_start" not in each:
            kind, begin = "tiers", {"above": int(each["min_prompt_tokens"])}
        elif "utc_start" in each and "min_prompt_tokens" not in each:
            kind, begin = "windows", {"time": f"{_clock(each['utc_start'])}-{_clock(each['utc_end'])} UTC"}
        else:
            raise ValueError("an override for long requests at some hours")
        if layer:  # or else it says nothing of what has a price here
            price.setdefault(kind, []).append({**begin, **layer})
    price.get("tiers", []).sort(key=lambda tier: tier["above"])
    return price


def _prices(said: Said, share: Decimal) -> Iterator[tuple[str, str]]:
    """Prices that are given. One of nothing is only said of what every answer has: for the rest it means that
    it is not priced apart. Raises ValueError where pictures in an answer are priced one by one."""
    if _amount(said.get("image_output") or 0, share) != "0":
        raise ValueError("a price of pictures")
    for names, factor in ((PER_TOKEN, Decimal(1_000_000)), (EACH, Decimal(1))):
        for name, ours in names.items():
            if said.get(name) is None:
                continue
            amount = _amount(said[name], factor * share)
            if amount != "0" or name in ALWAYS_PRICED:
                yield ours, amount


def _amount(value: Any, factor: Decimal) -> str:
    """A price as text, to the nano-dollar. Raises ValueError for one that is none."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("no number")
    amount = (Decimal(str(value)) * factor).quantize(NANO)
    if not amount.is_finite() or amount < 0:
        raise ValueError("no price")
    return f"{amount.normalize():f}"


def _clock(value: Any) -> str:
    """`04:00` of 400, as a clock shows it without its colon."""
    match = CLOCK.fullmatch(f"{int(value):04}")
    if match is None:
        raise ValueError("no time of a day")
    return f"{match[1]}:{match[2]}"
