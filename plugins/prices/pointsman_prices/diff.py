"""Diff: what other sources say of prices than those that count.

Other sources are what is known of an endpoint whose price the configuration gives, what others told the
catalogue than the one that counts, and a newer genai-prices than the ledger has.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pointsman.columns import aligned
from pointsman.facts import Fact
from pointsman.money import format_usd

from .book import CATALOGUE, FACT, Book, book_of, price_of
from .settings import KEYS

if TYPE_CHECKING:
    from pointsman.catalogue import Endpoint
    from pointsman.gateway import Gateway

__all__ = ["Difference", "as_table", "differences"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A key of an endpoint's price, in nano-USD, and what another source says; None is nothing."""

    endpoint: str
    key: str
    nano: int | None
    source: str
    other_nano: int | None
    other_source: str

    def as_json(self) -> dict[str, Any]:
        """As data for programs, amounts in US dollars."""
        return {
            "endpoint": self.endpoint,
            "key": self.key,
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
        here = {key: given.nano for key, given in page.prices(time).items()}
        for fact in [*await _told(gateway, endpoint, book), *newer(endpoint)]:
            there = _prices(fact, endpoint, time)
            found += [
                Difference(endpoint.id, key, here.get(key), page.origin, there.get(key), origin_of(fact))
                for key in KEYS
                if there and here.get(key) != there.get(key)
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


def _prices(fact: Fact, endpoint: Endpoint, time: float) -> dict[str, int]:
    """The prices that a fact tells of a time; none where it cannot be read."""
    book = book_of(fact, endpoint.id)
    page = book.page(time) if book is not None else None
    return {key: given.nano for key, given in page.prices(time).items()} if page is not None else {}


def origin_of(fact: Fact) -> str:
    """Source and date of a fact in one."""
    return f"{fact.source}, {fact.date}" if fact.date else fact.source


def as_table(found: Sequence[Difference]) -> str:
    """Differences for people."""
    return aligned(
        {
            "endpoint": [each.endpoint for each in found],
            "key": [each.key for each in found],
            "source": [each.source for each in found],
            "other source": [each.other_source for each in found],
            "USD": [_usd(each.nano) or "-" for each in found],
            "other": [_usd(each.other_nano) or "-" for each in found],
            "per cent": [f"{each.percent:+}" if each.percent is not None else "-" for each in found],
        },
        left=4,
    )


def _usd(nano: int | None) -> str | None:
    return format_usd(nano) if nano is not None else None
