"""Prices of genai-prices in the shape that `price:` has in a configuration.

What cannot be said in that shape is left out and named, so that it is counted; where leaving it out would
make answers look cheaper than they are, the whole price is unknown.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any, Protocol

__all__ = ["as_price"]

KEYS: Mapping[str, tuple[str, int]] = {
    "input_mtok": ("input", 1),
    "output_mtok": ("output", 1),
    "cache_read_mtok": ("cache_read", 1),
    "cache_write_mtok": ("cache_write", 1),
    "cache_write_5m_mtok": ("cache_write", 1),
    "cache_write_1h_mtok": ("cache_write_1h", 1),
    "output_reasoning_mtok": ("reasoning", 1),
    "input_audio_mtok": ("audio_input", 1),
    "output_audio_mtok": ("audio_output", 1),
    "cache_audio_read_mtok": ("cache_read_audio", 1),
    "input_image_mtok": ("image_input", 1),
    "output_image_mtok": ("image_output", 1),
    "requests_kcount": ("request", 1000),
    "web_searches_kcount": ("search", 1000),
}
"""What a price is called here, and of how many it is there; tokens are by the million in both."""
NEVER_COUNTED = frozenset(
    {
        "cache_image_read_mtok",
        "code_executions_kcount",
        "input_annotated_document_kpages",
        "input_document_kpages",
        "input_video_mtok",
        "output_video_mtok",
        "social_searches_kcount",
        "storage_searches_kcount",
    }
)
"""Prices of what no usage that is read here counts, beside which the others hold."""
SERVICE_TIERS: Mapping[tuple[str, str], str] = {
    ("processing", "batch"): "batch",
    ("service_tier", "flex"): "flex",
    ("service_tier", "priority"): "priority",
    ("service_tier", "fast"): "priority",
}
"""Which service tier the context of a variant stands for; `fast` is the newer name of `priority`."""
USUAL = ("service_tier", "default")
ALWAYS = date.min
NANO = Decimal(10) ** -9

Mapped = dict[str, Any]


class _Model(Protocol):
    """What is read of `genai_prices.types.ModelInfo`."""

    prices: Any
    price_variants: Any


class _Unsaid(Exception):
    """A price, or a part of one, has no place in the shape; the text names it for the count."""


def as_price(model: _Model, lost: Counter[str]) -> Mapped | list[Mapped] | None:
    """The price of a model, or its history from the oldest on, or None. `lost` counts what was left out."""
    try:
        history = list(_history(model.prices))
        variants = [each for each in map(_variant, model.price_variants or ()) if each is not None]
        begins = sorted({begin for begin, *_ in (*history, *variants)})
        found = [_at(begin, history, variants, lost) for begin in begins]
    except _Unsaid as unsaid:
        lost[str(unsaid)] += 1
        return None
    found = [each for index, each in enumerate(found) if index == 0 or _bare(each) != _bare(found[index - 1])]
    return found[0] if len(found) == 1 else found


def _bare(price: Mapped) -> Mapped:
    return {key: value for key, value in price.items() if key != "from"}


def _history(prices: Any) -> Iterator[tuple[date, Any, list[tuple[str, Any]]]]:
    """From when on which prices count, and in which hours others instead. Hours belong to what stands
    before them."""
    if not isinstance(prices, list):
        yield ALWAYS, prices, []
        return
    begun: tuple[date, Any, list[tuple[str, Any]]] | None = None
    for index, each in enumerate(prices):
        start, hours = (
            getattr(each.constraint, "start_date", None),
            getattr(each.constraint, "start_time", None),
        )
        if hours is not None and begun is not None:
            begun[2].append((_hours(each.constraint), each.prices))
            continue
        if hours is not None or (start is None) != (index == 0):
            raise _Unsaid("constraint")
        if begun is not None:
            yield begun
        begun = (start or ALWAYS, each.prices, [])
    if begun is not None:
        yield begun


def _hours(constraint: Any) -> str:
    """`01:00-04:00 UTC`."""
    return f"{_clock(constraint.start_time)}-{_clock(constraint.end_time)} UTC"


def _clock(value: time) -> str:
    moment = datetime.combine(date(2000, 1, 1), value, value.tzinfo or UTC).astimezone(UTC)
    if moment.second or moment.microsecond:
        raise _Unsaid("constraint")
    return f"{moment:%H:%M}"


def _variant(variant: Any) -> tuple[date, tuple[str, str], Any] | None:
    """From when on a variant counts, in which context, with which prices."""
    start = getattr(variant.constraint, "start_date", ALWAYS if variant.constraint is None else None)
    (context,) = variant.when.items() if len(variant.when) == 1 else (("", ""),)
    if context == USUAL and not _given(variant.prices):
        return None
    return (start, context, variant.prices) if start is not None else (ALWAYS, ("", ""), variant.prices)


def _given(prices: Any) -> dict[str, Any]:
    return {key: value for key, value in vars(prices).items() if value is not None}


def _at(begin: date, history: Sequence[Any], variants: Sequence[Any], lost: Counter[str]) -> Mapped:
    """The whole price from a day on."""
    _, prices, windows = [each for each in history if each[0] <= begin][-1]
    base, tiers = _layers(prices, lost)
    price: Mapped = {**base}
    if tiers:
        price["tiers"] = tiers
    if windows:
        price["windows"] = [{"time": hours, **_window(other, base, tiers)} for hours, other in windows]
    served: dict[str, Any] = {}
    for start, context, other in variants:
        tier = SERVICE_TIERS.get(context)
        if start > begin:
            continue
        try:
            if tier is None:
                raise _Unsaid(f"variant {context[0] or 'of several'}")
            served.setdefault(tier, _service_tier(other, tiers))
        except _Unsaid as unsaid:
            lost[str(unsaid)] += 1
    if served:
        price["service_tiers"] = served
    if begin != ALWAYS:
        price["from"] = begin.isoformat()
    return price


def _layers(prices: Any, lost: Counter[str]) -> tuple[dict[str, str], list[Mapped]]:
    """The prices by their names here, and those past each tier. Raises _Unsaid where none can be given."""
    base: dict[str, str] = {}
    steps: dict[int, Mapped] = {}
    for key, value in _given(prices).items():
        if key not in KEYS:
            if key not in NEVER_COUNTED:
                raise _Unsaid(key)
            lost[key] += 1
            continue
        name, per = KEYS[key]
        base[name] = _text(getattr(value, "base", value), per)
        for step in getattr(value, "tiers", ()):
            steps.setdefault(step.start, {})[name] = _text(step.price, per)
    if not base:
        raise _Unsaid("no price")
    return base, [{"above": start, **steps[start]} for start in sorted(steps)]


def _window(prices: Any, base: Mapping[str, str], tiers: Sequence[Mapped]) -> dict[str, str]:
    """The prices of some hours, which say all that is said of the others."""
    found, steps = _layers(prices, Counter())
    if steps or tiers or found.keys() != base.keys():
        raise _Unsaid("hours")
    return found


def _service_tier(prices: Any, tiers: Sequence[Mapped]) -> Mapped:
    """The prices of a service tier; those of long requests begin where the usual ones do."""
    found, steps = _layers(prices, Counter())
    if not steps:
        return found
    if [step["above"] for step in steps] != [tier["above"] for tier in tiers]:
        raise _Unsaid("service tier with tiers of its own")
    return {**found, "tiers": steps}


def _text(price: Decimal, per: int) -> str:
    """A price to the nano-dollar; what is finer comes of sums in floating point."""
    return f"{(price / per).quantize(NANO).normalize():f}"
