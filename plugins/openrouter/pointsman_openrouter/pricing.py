"""Pricing: a price as OpenRouter writes it, US dollars for one token as text, with what counts at some hours
or past some length.

What is not known is `-1` where the shape wants a price, as OpenRouter says of models whose price depends, and
is left out everywhere else; it is never zero.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from pointsman.catalogue import Endpoint
from pointsman_prices import price_of
from pointsman_prices.layers import layered
from pointsman_prices.rates import SOUND, WRITES
from pointsman_prices.settings import PriceSettings
from pointsman_prices.windows import DAYS, Hours

__all__ = ["UNKNOWN", "Hour", "hours_of", "main_prices", "pricing_of"]

UNKNOWN = "-1"
PER_TOKEN: Mapping[str, str] = {
    "input": "prompt",
    "output": "completion",
    "reasoning": "internal_reasoning",
    "cache_read": "input_cache_read",
    "cache_write": "input_cache_write",
    "cache_write_1h": "input_cache_write_1h",
    "audio_input": "audio",
    "audio_output": "audio_output",
    "cache_read_audio": "input_audio_cache",
    "image_input": "image_token",
    "image_output": "image_output",
}
AMONG: Mapping[str, str] = {
    **dict.fromkeys(("cache_read", "cache_write", "cache_write_1h", "audio_input", "image_input"), "input"),
    **dict.fromkeys(("reasoning", "audio_output", "image_output"), "output"),
    "cache_read_audio": "cache_read",
}
"""What is paid for where it has no price of its own."""
EACH: Mapping[str, str] = {"request": "request", "image": "image", "search": "web_search"}
TOKEN = Decimal(10) ** -15
"""A nano-dollar for a million tokens, as dollars for one."""
ONE = Decimal(10) ** -9
DAY = 24 * 60

Prices = dict[str, int | None]
"""Nano-dollars by the key of a price; None is unknown."""


class Hour(NamedTuple):
    """Hours of a day in UTC, in minutes, and the days on which they begin, by number from Monday; they may go
    on past midnight. `start` and `end` are the same where it is the whole day."""

    start: int
    end: int
    days: tuple[int, ...]

    def conditions(self) -> dict[str, Any]:
        """As conditions of an override. `utc_days` is there where it is not every day."""
        shown: dict[str, Any] = {}
        if self.start != self.end:
            shown |= {"utc_start": _clock(self.start), "utc_end": _clock(self.end)}
        if len(self.days) < len(DAYS):
            shown["utc_days"] = [DAYS[day] for day in self.days]
        return shown


def pricing_of(endpoint: Endpoint, now: float) -> dict[str, Any]:
    """The pricing object of an endpoint at a time, in seconds since 1970.

    Its prices are those outside of all windows and tiers. Of the entries in `overrides` that apply, later
    ones win by key. Prices of service tiers have no place in it.
    """
    price = _price(endpoint, now)
    if price is None:
        return {"prompt": UNKNOWN, "completion": UNKNOWN}
    shown: dict[str, Any] = {"prompt": UNKNOWN, "completion": UNKNOWN, **_shown(_prices(price))}
    overrides = list(_overrides(price, now))
    return {**shown, "overrides": overrides} if overrides else shown


def main_prices(endpoint: Endpoint, now: float) -> tuple[int | None, int | None]:
    """What a million tokens of the request and of the answer cost in nano-dollars, outside of all windows."""
    price = _price(endpoint, now)
    found = _prices(price) if price is not None else {}
    return found.get("input"), found.get("output")


def _price(endpoint: Endpoint, now: float) -> PriceSettings | None:
    book = price_of(endpoint)
    page = book.page(now) if book is not None else None
    return page.price if page is not None else None


def _prices(price: PriceSettings, window: int = -1, tier: int = 0) -> Prices:
    return {key: given.nano for key, given in layered(price, window=window, tier=tier).items()}


def _shown(prices: Prices) -> dict[str, str]:
    tokens = {name: _text(prices[key], TOKEN) for key, name in PER_TOKEN.items() if key in prices}
    return tokens | {name: _text(prices[key], ONE) for key, name in EACH.items() if key in prices}


def _text(nano: int | None, unit: Decimal) -> str:
    return UNKNOWN if nano is None else f"{(nano * unit).normalize():f}"


def _overrides(price: PriceSettings, now: float) -> Iterator[dict[str, Any]]:
    """Entries for windows, for tiers, and for both at once where one after the other is something else."""
    windows, tiers = range(len(price.windows)), range(1, len(price.tiers) + 1)
    places = [(window, 0) for window in windows]
    places += [(-1, tier) for tier in tiers]
    places += [(window, tier) for tier in tiers for window in windows]
    base = _prices(price)
    told: list[tuple[int, int, Prices]] = []
    for window, tier in places:
        counts = dict(base)
        for its_window, its_tier, changed in told:
            if its_window in (-1, window) and its_tier <= tier:
                counts |= changed
        wanted = _prices(price, window, tier)
        changed = {key: nano for key, nano in wanted.items() if counts.get(key) != nano}
        gone = {key: _without(key, wanted) for key in counts.keys() - wanted.keys()}
        changed |= {key: nano for key, nano in gone.items() if counts[key] != nano}
        if not changed:
            continue
        told.append((window, tier, changed))
        above = {"min_prompt_tokens": price.tiers[tier - 1].above} if tier else {}
        hours = _hours(price, window, now) if window >= 0 else [{}]
        yield from ({**above, **each, **_shown(changed)} for each in hours)


def _without(key: str, prices: Prices) -> int | None:
    """What is paid at some prices for what has none among them."""
    if key in ("request", "image"):
        return 0
    apart = SOUND if key in SOUND else WRITES if key == "cache_write_1h" else frozenset()
    among = AMONG.get(key)
    if among is None or apart & prices.keys():
        return None
    return prices[among] if among in prices else _without(among, prices)


def _hours(price: PriceSettings, window: int, now: float) -> list[dict[str, Any]]:
    each = price.windows[window]
    days = [DAYS.index(day) for day in each.days]
    return [hour.conditions() for hour in hours_of(each.time, days, now)]


def hours_of(hours: Hours, days: Sequence[int], now: float) -> list[Hour]:
    """A window's hours in UTC, by its zone's clocks as they are now; `days` are those on which it begins by
    them, none are all. Where midnight in UTC falls into hours of some days, they are two."""
    offset = datetime.fromtimestamp(now, UTC).astimezone(ZoneInfo(hours.zone)).utcoffset()
    ahead = int(offset.total_seconds()) // 60 if offset is not None else 0
    length = (hours.end - hours.start) % DAY or DAY
    later, start = divmod(hours.start - ahead, DAY)
    begins = tuple(sorted({(day + later) % len(DAYS) for day in days or range(len(DAYS))}))
    if len(begins) == len(DAYS) or start + length <= DAY:
        return [Hour(start, (start + length) % DAY, begins)]
    next_days = tuple(sorted((day + 1) % len(DAYS) for day in begins))
    return [Hour(start, 0, begins), Hour(0, start + length - DAY, next_days)]


def _clock(minutes: int) -> int:
    """Minutes of a day as a clock shows them: 630 is 10:30, written 1030."""
    return minutes // 60 * 100 + minutes % 60
