"""The book: the price of an endpoint, compiled once, and what a usage costs by it at a time.

An endpoint's own price counts before its provider's, and that before what is known of the endpoint (the fact
`price`). They are not mixed: the first there is counts alone.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pointsman.catalogue import Endpoint
from pointsman.config import ConfigError, Schema, build_data
from pointsman.facts import Fact
from pointsman.money import Cost
from pointsman.types import Usage

from .layers import Given, layered, tier_of
from .rates import Rates
from .settings import SERVICE_TIERS, Priced, PriceSettings, ServiceTier, as_data, check_history, history
from .windows import Week

__all__ = ["Book", "Page", "book_of", "price_at", "price_of", "read_price", "said_price", "service_tier"]

log = logging.getLogger(__name__)

CONFIGURATION = "configuration"
FACT = "price"
NOTE = "prices"
SETTLED = object()
"""Stands for a price that no fact can change."""
CATALOGUE = "catalogue"
MOST_BOOKS = 16_384
"""Compiled prices that are remembered."""
BY_WORD: Mapping[str, ServiceTier] = {**{word: word for word in SERVICE_TIERS}, "fast": "priority"}
"""What words mean; `fast` is the newer name of `priority`."""
LONGEST_TOLD = 300
_plain = Schema()
"""Nobody adds keys to a price."""


def service_tier(word: str | None) -> ServiceTier | None:
    """The service tier that a provider's or client's word means; None for the usual one."""
    return BY_WORD.get(word.lower()) if word is not None else None


class Page:
    """One price of a history. `begins` is when, in seconds since 1970; `origin` is source and date in one."""

    __slots__ = ("_limits", "_rates", "_week", "begins", "date", "origin", "price", "source")

    def __init__(self, price: PriceSettings, source: str, date: str) -> None:
        self.price = price
        self.source = source if price.source is None else price.source
        self.date = price.date or (date if price.source is None else "")
        self.origin = f"{self.source}, {self.date}" if self.date else self.source
        self.begins = price.begins.seconds if price.begins is not None else float("-inf")
        self._limits = tuple(tier.above for tier in price.tiers)
        windows = [(window.time, window.days) for window in price.windows]
        self._week = Week(windows) if windows else None
        self._rates: dict[tuple[int, int, ServiceTier | None], Rates] = {}

    def rates(self, tokens: int, time: float, service: ServiceTier | None = None) -> Rates:
        """What counts for a request of so many tokens at a time."""
        window = self._week.at(time) if self._week is not None else -1
        tier = sum(tokens > limit for limit in self._limits) if self._limits else 0
        place = window, tier, service
        found = self._rates.get(place)
        if found is None:
            prices = layered(self.price, window=window, tier=tier, service=service)
            found = self._rates[place] = Rates({key: given.nano for key, given in prices.items()})
        return found

    @property
    def is_always(self) -> bool:
        """Whether it counts at any time."""
        return self.price.begins is None

    @property
    def is_flat(self) -> bool:
        """Whether hour, length and service tier make no difference."""
        return self._week is None and not self._limits and self.price.service_tiers is None

    def prices(self, time: float, *, tier: int = 0, service: ServiceTier | None = None) -> dict[str, Given]:
        """Every price at a time, with the layer that gave it."""
        window = self._week.at(time) if self._week is not None else -1
        return layered(self.price, window=window, tier=tier, service=service)

    def in_window(self, time: float) -> bool:
        """Whether one of its windows counts at a time."""
        return self._week is not None and self._week.at(time) >= 0

    def next_window(self, time: float) -> float | None:
        """When a window begins or ends next; None for never."""
        return self._week.next_change(time) if self._week is not None else None


class Book:
    """A price with its history. `layer` says whose it is: endpoint, provider or catalogue; `counts_images`
    and `has_service_tiers` what it asks about a request, if it `asks` anything. Where it `is_flat`, the time
    makes no difference either."""

    __slots__ = (
        "_flat",
        "_pages",
        "_single",
        "asks",
        "counts_images",
        "has_service_tiers",
        "is_flat",
        "layer",
    )

    def __init__(self, price: Priced, layer: str, source: str = CONFIGURATION, date: str = "") -> None:
        self.layer = layer
        self._pages = [Page(each, source, date) for each in history(price)]
        self._single = self._pages[0] if len(self._pages) == 1 and self._pages[0].is_always else None
        self._flat = self._single.rates(0, 0) if self._single is not None and self._single.is_flat else None
        """What counts always and for all."""
        self.has_service_tiers = any(page.price.service_tiers is not None for page in self._pages)
        self.counts_images = any("image" in _everywhere(page.price) for page in self._pages)

        self.asks = self.counts_images or self.has_service_tiers
        self.is_flat = self._flat is not None

    def page(self, time: float) -> Page | None:
        """The price that counts at a time, in seconds since 1970; None before the first one begins."""
        if self._single is not None:
            return self._single
        return next((page for page in self._pages if page.begins <= time), None)

    def cost(
        self, usage: Usage, time: float, *, asked: ServiceTier | None = None, markup: int = 0
    ) -> Cost | None:
        """What a usage costs at a time; None where that is not known.

        The service tier that served counts, and where the provider does not tell it the one `asked` for, if
        that has prices. One that served and has none makes the cost unknown.
        """
        page, served, service = self.page(time), usage.service_tier, None
        if page is None:
            return None
        if served is not None:
            service = BY_WORD.get(served.lower())
            if service is not None and tier_of(page.price, service) is None:
                return None
        elif asked is not None and tier_of(page.price, asked) is not None:
            service = asked
        rates = self._flat
        if rates is None:
            length = max(usage.input, usage.cache_read + usage.cache_write)  # or the usage contradicts itself
            rates = page.rates(length, time, service)
        return rates.cost(usage, page.origin, markup)

    def next_change(self, time: float) -> float | None:
        """When other prices count next; None for never."""
        page = self.page(time)
        changes = [each.begins for each in self._pages if each.begins > time]
        if page is not None and (window := page.next_window(time)) is not None:
            changes.append(window)
        return min(changes, default=None)


def _everywhere(price: PriceSettings) -> set[str]:
    """The keys that any layer of a price gives."""
    served = [each for service in SERVICE_TIERS if (each := tier_of(price, service)) is not None]
    long = [tier for each in served for tier in each.tiers]
    layers = [price, *price.windows, *price.tiers, *served, *long]
    return {key for layer in layers for key in layer.prices()}


class _Origin:
    """What a price was made of, told apart by identity, and the endpoint that it was first asked of."""

    __slots__ = ("endpoint", "layer", "value")

    def __init__(self, value: Any, layer: str, endpoint: str) -> None:
        self.value = value
        self.layer = layer
        self.endpoint = endpoint

    def __hash__(self) -> int:
        return id(self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Origin) and self.value is other.value


def price_of(endpoint: Endpoint) -> Book | None:
    """The price of an endpoint; None where it is unknown. One that cannot be read is told in the log once."""
    known = endpoint.notes.get(NOTE)
    if known is not None:
        fact, book = known
        if fact is SETTLED or endpoint.facts.get(FACT) is fact:
            found: Book | None = book
            return found
    origin, book = _looked_up(endpoint)
    endpoint.notes[NOTE] = origin, book
    return book


def _looked_up(endpoint: Endpoint) -> tuple[object, Book | None]:
    """The fact that an endpoint's price is made of, or SETTLED where a configuration gives it; the price."""
    given = _given(endpoint)
    if given is not None:
        return SETTLED, _compiled(_Origin(*given, endpoint.id))
    fact = endpoint.facts.get(FACT)
    return fact, book_of(fact, endpoint.id) if fact is not None else None


def _given(endpoint: Endpoint) -> tuple[Priced, str] | None:
    """The price that a configuration gives, and whose it is."""
    for place, layer in ((endpoint, "endpoint"), (endpoint.provider, "provider")):
        price = place.extra.get("price")
        if price is not None:
            return price, layer
    return None


def said_price(endpoint: Endpoint) -> Fact | None:
    """The price that a configuration gives an endpoint or its provider, as the fact that it is."""
    given = _given(endpoint)
    return Fact(as_data(given[0]), CONFIGURATION) if given is not None else None


def book_of(fact: Fact, endpoint: str) -> Book | None:
    """A price that is a fact of an endpoint, by its id; None for one that cannot be read, which is told in
    the log once."""
    return _compiled(_Origin(fact, CATALOGUE, endpoint))


def price_at(endpoint: Endpoint, usage: Usage, time: float) -> Cost | None:
    """What a usage costs at an endpoint at a time, in seconds since 1970; None where that is not known."""
    book = price_of(endpoint)
    return book.cost(usage, time) if book is not None else None


@lru_cache(maxsize=MOST_BOOKS)
def _compiled(origin: _Origin) -> Book | None:
    value = origin.value
    if not isinstance(value, Fact):
        return Book(value, origin.layer)
    try:
        return Book(read_price(value.value), origin.layer, value.source, value.date)
    except (ConfigError, ValueError) as error:
        why = " ".join(str(error).split())[:LONGEST_TOLD]
        text = "%s: a price from %s cannot be read, and is not used: %s"
        log.warning(text, origin.endpoint, value.source, why)
        return None


def read_price(data: Any) -> tuple[PriceSettings, ...]:
    """A history of prices from plain data: a mapping, or a list of them. Raises ConfigError or ValueError."""
    several = [data] if isinstance(data, Mapping) else data
    if not isinstance(several, list | tuple) or not all(isinstance(each, Mapping) for each in several):
        raise ValueError("a price is a mapping, or a list of mappings")
    read = tuple(build_data(_plain, PriceSettings, each) for each in several)
    check_history(read)
    return read
