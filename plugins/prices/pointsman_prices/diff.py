"""Diff: what other sources say of prices than those that count.

Other sources are what is known of an endpoint whose price the configuration gives, what others told the
catalogue than the one that counts, and a newer genai-prices than the ledger has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pointsman.columns import aligned
from pointsman.facts import Fact
from pointsman.money import format_usd

from .book import CATALOGUE, FACT, Book, Page, book_of, price_of
from .layers import tier_of
from .settings import KEYS, SERVICE_TIERS, ServiceTier

if TYPE_CHECKING:
    from pointsman.catalogue import Endpoint
    from pointsman.gateway import Gateway

__all__ = ["Difference", "as_table", "differences"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of an endpoint's price, in nano-USD, and what another source says; None is nothing. `when` is
    empty, or the length or service tier of the requests that cost so."""

    endpoint: str
    key: str
    nano: int | None
    source: str
    other_nano: int | None
    other_source: str
    when: str = ""

    def as_json(self) -> dict[str, Any]:
        """As data for programs, amounts in US dollars."""
        return {
            "endpoint": self.endpoint,
            "key": self.key,
            "when": self.when or None,
            "usd": _usd(self.nano),
            "source": self.source,
            "other_usd": _usd(self.other_nano),
            "other_source": self.other_source,
            "percent": self.percent,
        }

    @property
    def percent(self) -> float | None:
        """How much more the other says, in per cent; None where one of them is nothing."""
        if not self.nano or self.other_nano is None:
            return None
        return round((self.other_nano - self.nano) * 100 / self.nano, 2)


async def differences(gateway: Gateway, endpoints: Iterable[Endpoint], time: float) -> list[Difference]:
    """Every key of which another source says something else, at a time in seconds since 1970."""
    newer = await _newer(gateway)
    found = []
    for endpoint in endpoints:
        book = price_of(endpoint)
        page = book.page(time) if book is not None else None
        if book is None or page is None:
            continue
        for fact in [*await _told(gateway, endpoint, book), *newer(endpoint)]:
            other = _page(fact, endpoint, time)
            if other is not None:
                found += [
                    Difference(endpoint.id, key, here, page.origin, there, origin_of(fact), when)
                    for when, key, here, there in _compared(page, other, time)
                ]
    return list(dict.fromkeys(found))


async def _told(gateway: Gateway, endpoint: Endpoint, book: Book) -> list[Fact]:
    """What others say of an endpoint's price than whom it is from."""
    if gateway.setup.plugins.get(CATALOGUE) is None:
        return [endpoint.facts[FACT]] if FACT in endpoint.facts and book.layer != CATALOGUE else []
    from pointsman_catalogue.why import told_of

    told = await told_of(gateway, endpoint.id)
    return [fact for each in told if each.place == endpoint.id for fact in each.facts.get(FACT, ())[1:]]


async def _newer(gateway: Gateway) -> Callable[[Endpoint], list[Fact]]:
    """What another version of genai-prices says than the one that was put into the ledger."""
    if gateway.setup.plugins.get(CATALOGUE) is None:
        return lambda endpoint: []
    from pointsman_catalogue import plugin_of
    from pointsman_catalogue.child import CompileError, compiled, installed_version
    from pointsman_catalogue.shelf import Stock

    known, installed = await plugin_of(gateway).store.version(), installed_version()
    if known is None or installed in (known, None):
        return lambda endpoint: []
    try:
        found = await compiled()
    except CompileError as error:
        log.warning("genai-prices %s cannot be compared: %s", installed, error)
        return lambda endpoint: []
    stocks: dict[str, Stock] = {}

    def newer(endpoint: Endpoint) -> list[Fact]:
        vendor = endpoint.provider.kind
        if vendor not in stocks:
            stocks[vendor] = Stock([row for row in found.rows if row.vendor == vendor])
        row = stocks[vendor].row(endpoint.native_id)
        facts = row.known() if row is not None else {}
        return [facts[FACT]] if FACT in facts else []

    return newer


def _page(fact: Fact, endpoint: Endpoint, time: float) -> Page | None:
    """The price that a fact tells of a time; None where it cannot be read, or has not begun."""
    book = book_of(fact, endpoint.id)
    return book.page(time) if book is not None else None


def _compared(page: Page, other: Page, time: float) -> Iterator[tuple[str, str, int | None, int | None]]:
    """When which key is otherwise, and its two prices: usually, then past each tier of either and in each
    service tier of both, where that is not the same again."""
    told = set()
    for when, length, service in _cases(page, other):
        here, there = (_prices(each, time, length, service) for each in (page, other))
        for key in KEYS:
            pair = here.get(key), there.get(key)
            if pair[0] != pair[1] and (key, pair) not in told:
                told.add((key, pair))
                yield when, key, *pair


def _cases(page: Page, other: Page) -> Iterator[tuple[str, int, ServiceTier | None]]:
    """Requests that may cost differently: what they are called, their tokens, their service tier."""
    yield "", 0, None
    for above in sorted({tier.above for each in (page, other) for tier in each.price.tiers}):
        yield f"above {above}", above + 1, None
    for service in SERVICE_TIERS:
        if all(tier_of(each.price, service) is not None for each in (page, other)):
            yield service, 0, service


def _prices(page: Page, time: float, length: int, service: ServiceTier | None) -> dict[str, int]:
    tier = sum(length > each.above for each in page.price.tiers)
    return {key: given.nano for key, given in page.prices(time, tier=tier, service=service).items()}


def origin_of(fact: Fact) -> str:
    """Source and date of a fact in one."""
    return f"{fact.source}, {fact.date}" if fact.date else fact.source


def as_table(found: Sequence[Difference]) -> str:
    """Differences for people."""
    return aligned(
        {
            "endpoint": [each.endpoint for each in found],
            "key": [each.key for each in found],
            "when": [each.when or "-" for each in found],
            "source": [each.source for each in found],
            "other source": [each.other_source for each in found],
            "USD": [_usd(each.nano) or "-" for each in found],
            "other": [_usd(each.other_nano) or "-" for each in found],
            "per cent": [f"{each.percent:+}" if each.percent is not None else "-" for each in found],
        },
        left=5,
    )


def _usd(nano: int | None) -> str | None:
    return format_usd(nano) if nano is not None else None
