"""What an answer costs: flat prices of the configuration, in integer nano-dollars.

Prices are US dollars per million tokens, as their providers print them. A price that nobody wrote is
unknown, and the answer unpriced; it is never zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any, ClassVar, Self

from pointsman import hookimpl
from pointsman.catalogue import Endpoint
from pointsman.config import Percent, Usd, setting
from pointsman.exchange import Actor, Candidate, Exchange
from pointsman.gateway import Gateway
from pointsman.money import MILLION, Cost, round_cost
from pointsman.registers import RegisterSettings
from pointsman.types import Usage

__all__ = ["POINTSMAN_API", "BillingSettings", "Day", "PriceSettings", "Prices", "cost_of", "price_of"]

POINTSMAN_API = 1


class Day(str):
    """A date, kept as written."""

    expected: ClassVar[str] = "a date such as 2026-11-01"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "format": "date"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a date. Raises ValueError."""
        try:
            return cls(date.fromisoformat(text).isoformat())
        except ValueError:
            raise ValueError(f"{text!r} is not a date") from None


@dataclass(frozen=True)
class PriceSettings:
    """US dollars per million tokens."""

    input: Usd = setting(help="Tokens of the request.", example=0.59)
    output: Usd = setting(help="Tokens of the answer.", example=0.79)
    cache_read: Usd | None = setting(
        default=None, help="Tokens read from the provider's cache; without it the input price."
    )
    cache_write: Usd | None = setting(
        default=None, help="Tokens written to the provider's cache; without it the input price."
    )
    reasoning: Usd | None = setting(default=None, help="Tokens of thought; without it the output price.")
    request: Usd | None = setting(default=None, help="US dollars for each request, whatever its tokens.")
    source: str = setting(default="configuration", help="Where the price comes from.")
    date: Day | None = setting(default=None, help="When it was read there.", example="2026-11-01")

    @cached_property
    def origin(self) -> str:
        """Source and date."""
        return self.source if self.date is None else f"{self.source}, {self.date}"


@dataclass(frozen=True)
class Settings:
    """What happens without a price."""

    require_price: bool = setting(
        default=False, help="Leave endpoints without a price out, rather than answer unpriced."
    )


@dataclass(frozen=True)
class BillingSettings:
    """What is billed beyond what answers cost."""

    markup: Percent = setting(
        default=Percent(0),
        help="On top of each cost, for all that have no markup of their own.",
        example="5%",
    )


class Prices:
    """The plugin."""

    def __init__(self) -> None:
        self._markup = 0

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
                PriceSettings | None,
                default=None,
                help=f"US dollars per million tokens for {what}.",
            )

    @hookimpl
    def startup(self, gateway: Gateway) -> None:
        """Learn the markup of everybody."""
        self._markup = gateway.setup.section("billing").markup

    @hookimpl
    def rank_candidates(self, exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
        """Drop unpriced endpoints where a price is required."""
        if not exchange.setup.settings("prices").require_price:
            return None
        kept = []
        for candidate in candidates:
            if price_of(candidate.endpoint) is not None:
                kept.append(candidate)
            else:
                exchange.exclude(candidate, by="prices", why="its price is not known (prices.require_price)")
        return kept

    @hookimpl
    def price_usage(self, exchange: Exchange, usage: Usage) -> Cost | None:
        """The cost at the price of the endpoint asked about."""
        endpoint = exchange.pricing
        price = price_of(endpoint) if endpoint is not None else None
        return cost_of(usage, price, self._markup_of(exchange.actor)) if price is not None else None

    def _markup_of(self, actor: Actor | None) -> int:
        """The nearest markup, from the key outward, in millionths."""
        if actor is not None:
            for level in actor.levels:
                markup: Percent | None = level.extra.get("markup")
                if markup is not None:
                    return markup
        return self._markup


def price_of(endpoint: Endpoint) -> PriceSettings | None:
    """The price of an endpoint: its own, else its provider's, else unknown."""
    price: PriceSettings | None = endpoint.extra.get("price") or endpoint.provider.extra.get("price")
    return price


def cost_of(usage: Usage, price: PriceSettings, markup: int = 0) -> Cost:
    """What `usage` costs, and what is billed for it with a markup in millionths. Usage that contradicts
    itself never makes a part negative, and the cost's source says so."""
    source = price.origin
    if not _adds_up(usage):
        usage = _mended(usage)
        source += "; the provider's usage contradicts itself"
    cache_read, cache_write = usage.cache_read, usage.cache_write
    reasoning = usage.reasoning if price.reasoning is not None else 0
    used: dict[str, int] = {}
    if fresh := usage.input - cache_read - cache_write:
        used["input"] = fresh * price.input
    if written := usage.output - reasoning:
        used["output"] = written * price.output
    if cache_read:
        used["cache_read"] = cache_read * _or(price.cache_read, price.input)
    if cache_write:
        used["cache_write"] = cache_write * _or(price.cache_write, price.input)
    if reasoning:
        used["reasoning"] = reasoning * _or(price.reasoning, price.output)
    if price.request:
        used["request"] = price.request * MILLION
    return round_cost(used, source, markup)


def _adds_up(usage: Usage) -> bool:
    """Whether no amount is negative, and no part larger than the whole it is among."""
    cache_read, cache_write = usage.cache_read, usage.cache_write
    return (
        0 <= usage.reasoning <= usage.output
        and cache_read >= 0
        and cache_write >= 0
        and cache_read + cache_write <= usage.input
    )


def _mended(usage: Usage) -> Usage:
    """The same usage with nothing negative, and wholes at least as large as their parts."""
    output, cache_read, cache_write = (
        max(0, usage.output),
        max(0, usage.cache_read),
        max(0, usage.cache_write),
    )
    return Usage(
        max(usage.input, cache_read + cache_write),
        output,
        cache_read,
        cache_write,
        min(max(0, usage.reasoning), output),
    )


def _or(price: Usd | None, other: Usd) -> Usd:
    return other if price is None else price
