"""What an answer costs: prices that depend on the hour, the length and the service tier, in integer nano-USD.

Prices are US dollars per million tokens, as their providers print them. A price that nobody wrote is
unknown, and the answer unpriced; it is never zero.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pointsman import hookimpl
from pointsman.config import Percent
from pointsman.members import mentioned
from pointsman.money import MILLION, Cost, round_cost
from pointsman.outlook import Quote

from .alarms import Alarms
from .book import Book, price_at, price_of, service_tier
from .images import with_images
from .settings import BillingSettings, Priced, PriceSettings, Settings, check_history

if TYPE_CHECKING:
    from pointsman.catalogue import Endpoint
    from pointsman.exchange import Candidate, Exchange
    from pointsman.registers import RegisterCommand, RegisterRouting, RegisterSettings
    from pointsman.types import Usage

    from .settings import ServiceTier

__all__ = ["POINTSMAN_API", "Book", "PriceSettings", "Prices", "price_at", "price_of"]

POINTSMAN_API = 1

TIER = "service_tier"
REPORTED = "as its provider reports it"


class Prices:
    """The plugin."""

    def __init__(self) -> None:
        self._alarms = Alarms()

    @hookimpl
    def plugin_settings(self, register: RegisterSettings) -> None:
        """Settings, `billing:`, `price` of a provider and of an endpoint, `markup` of those who pay."""
        register(Settings)
        register(BillingSettings, section="billing")
        for record in ("key", "team", "organisation"):
            register.field(
                record,
                "markup",
                Percent | None,
                default=None,
                help="Billed on top of each cost, in place of what the record above it says.",
            )
        for record, what in (("provider", "all its models"), ("endpoint", "it, whatever its provider's")):
            register.field(
                record,
                "price",
                Priced | None,
                default=None,
                check=check_history,
                help=f"US dollars per million tokens for {what}; or a list of prices, each `from` a day.",
            )

    @hookimpl
    def register_routing(self, register: RegisterRouting) -> None:
        """Let rules ask for windows of prices."""
        help = "Whether an endpoint of the model asked for has the price of one of its windows at this hour."
        register.variable("price.window", bool, in_window, help=help)

    @hookimpl
    def register_commands(self, register: RegisterCommand) -> None:
        """Add `pointsman prices`."""
        from .command import prices

        register(prices)

    @hookimpl
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Drop unpriced endpoints where a price is required."""
        if not exchange.setup.settings("prices").require_price:
            return None
        kept = []
        for candidate in candidates:
            if _has_price(candidate.endpoint):
                kept.append(candidate)
            else:
                exchange.exclude(candidate, by="prices", why="its price is not known (prices.require_price)")
        return kept

    @hookimpl
    def price_usage(self, exchange: Exchange, usage: Usage) -> Cost | None:
        """The cost at the price that counts now at the endpoint asked about; without one, what its provider
        reports."""
        endpoint = exchange.pricing
        if endpoint is None:
            return None
        if (attempts := exchange.attempts) and (served := attempts[-1].served) is not None:
            attempt = attempts[-1]
            if served != endpoint.native_id and attempt.endpoint is endpoint:
                self._alarms.model(exchange, attempt, served)
        book, reported = price_of(endpoint), usage.reported_nano
        if book is None and reported is None:
            return None
        markup = _markup_of(exchange)
        if book is None:
            cost = None
        elif book.asks:
            cost = _cost(exchange, endpoint, book, usage, markup, moment=_moment(exchange))
        else:
            cost = book.cost(usage, 0.0 if book.is_flat else _moment(exchange), markup=markup)
        if reported is None:
            return cost
        if cost is None:
            return round_cost({"reported": reported * MILLION}, REPORTED, markup)
        self._alarms.bill(endpoint, cost, reported)
        return cost

    @hookimpl
    def quote_usage(self, exchange: Exchange, usage: Usage, at: datetime) -> Quote | None:
        """The cost at the price that counts at a moment, and when another one does."""
        endpoint = exchange.pricing
        book = price_of(endpoint) if endpoint is not None else None
        if endpoint is None or book is None:
            return None
        moment = at.timestamp()
        until = book.next_change(moment)
        return Quote(
            _cost(exchange, endpoint, book, usage, _markup_of(exchange), moment=moment),
            datetime.fromtimestamp(until, UTC) if until is not None else None,
        )


def _markup_of(exchange: Exchange) -> int:
    """The nearest markup, from the key outward, in millionths."""
    actor = exchange.actor
    if actor is not None:
        for level in actor.levels:
            markup: Percent | None = level.extra.get("markup")
            if markup is not None:
                return markup
    everybody: BillingSettings = exchange.setup.section("billing")
    return everybody.markup


def _moment(exchange: Exchange) -> float:
    """Which prices count, in seconds since 1970: those of now, in a dry run those of when its request
    comes."""
    return exchange.at.timestamp() if exchange.gateway.rehearsing else time.time()


def in_window(exchange: Exchange) -> bool:
    """Whether an endpoint of the model asked for has the price of one of its windows."""
    resolution = exchange.setup.catalogue.resolve(exchange.peek.model)
    moment = exchange.at.timestamp()
    for endpoint in resolution.endpoints if resolution is not None else ():
        book = price_of(endpoint)
        page = book.page(moment) if book is not None else None
        if page is not None and page.in_window(moment):
            return True
    return False


def _has_price(endpoint: Endpoint) -> bool:
    book = price_of(endpoint)
    return book is not None and book.page(time.time()) is not None


def _cost(
    exchange: Exchange, endpoint: Endpoint, book: Book, usage: Usage, markup: int, *, moment: float
) -> Cost | None:
    asked = None
    if book.has_service_tiers and usage.service_tier is None:
        asked = _asked_tier(exchange, endpoint)
    if book.counts_images and not (usage.details is not None and usage.details.images):
        counted = with_images(exchange, usage)
        if counted is None:
            return None
        usage = counted
    return book.cost(usage, moment, asked=asked, markup=markup)


def _asked_tier(exchange: Exchange, endpoint: Endpoint) -> ServiceTier | None:
    """The service tier that the request asks for, or that is asked for in its place."""
    fields, plan, attempt = exchange.request.fields, exchange.plan, exchange.attempt
    word = mentioned(fields, TIER) or mentioned(fields, "serviceTier")
    if word is None and attempt is not None and attempt.endpoint is endpoint and attempt.candidate.way:
        word = attempt.candidate.way.params.get(TIER)
    if word is None and plan is not None:
        word = plan.params.get(TIER)
    word = word or endpoint.params.get(TIER)
    return service_tier(word) if isinstance(word, str) else None
