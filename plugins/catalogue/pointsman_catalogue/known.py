"""What is known of models everywhere, configured or not: the Python API of this plugin for others.

Rows come from the ledger, so every function waits; none belongs on the way of a request that can be answered.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pointsman.catalogue import Endpoint
from pointsman.facts import Fact, Facts
from pointsman.gateway import Gateway

from . import plugin_of
from .names import naming
from .rows import Row

__all__ = ["KnownEndpoint", "canonical", "current", "endpoints", "near", "said_price", "servers"]


@dataclass(frozen=True, slots=True)
class KnownEndpoint:
    """A model at a vendor. `model` is its canonical name, or `vendor/native_id` where none is certain.

    `configured` says whether a provider of that vendor is, `provider` what it is called here, where the
    endpoint is one of its own.
    """

    model: str
    vendor: str
    native_id: str
    facts: Facts
    configured: bool
    provider: str = ""


async def endpoints(gateway: Gateway) -> list[KnownEndpoint]:
    """What is known of endpoints.

    Where a provider of a vendor is configured, its endpoints are those of the catalogue, with all that is
    known of them; of other vendors it is what compiled sources say.
    """
    found = [
        _own(gateway, each.name, endpoint)
        for each in gateway.setup.catalogue.models.values()
        if each.listed
        for endpoint in each.endpoints
    ]
    kinds, rows = _kinds(gateway), await plugin_of(gateway).store.rows()
    return found + [_known(row, configured=False) for row in rows if row.vendor not in kinds]


async def servers(gateway: Gateway, name: str) -> list[KnownEndpoint]:
    """Who is known to serve a model, by its canonical name, `vendor/native-id` or native id: the vendors
    that this gateway has a kind of provider for, whether one is configured or not."""
    kinds = _kinds(gateway)
    return [
        _known(row, configured=row.vendor in kinds)
        for row in await plugin_of(gateway).store.named(name)
        if gateway.setup.kinds.get(row.vendor) is not None
    ]


async def near(gateway: Gateway, name: str, usable: Iterable[str] = ()) -> list[str]:
    """Up to three names that look like `name`, among `usable` ones and all that are known."""
    known = dict.fromkeys((*usable, *await plugin_of(gateway).store.models()))
    return gateway.setup.catalogue.near(name, among=known)


def current(price: Any, at: datetime | None = None) -> dict[str, Any]:
    """Of a fact `price` the mapping that counts at a time, now by default; empty before the first begins."""
    day = (at or datetime.now(UTC)).astimezone(UTC).date().isoformat()
    begun = [each for each in (price if isinstance(price, list) else [price]) if each.get("from", "") <= day]
    return max(begun, key=lambda each: each.get("from", ""), default={})


async def canonical(gateway: Gateway) -> int:
    """How many canonical models are known at vendors that this gateway has a kind of provider for, those
    apart that only the vendor has whose names they are."""
    kinds, rules = gateway.setup.kinds, naming()
    rows = (row for row in await plugin_of(gateway).store.rows() if row.certain and kinds.get(row.vendor))
    return len({row.model for row in rows if not rules.of_kind(row.vendor).canonical})


def said_price(gateway: Gateway, endpoint: Endpoint) -> Fact | None:
    """The price that the configuration gives an endpoint, if the plugin is there that reads it."""
    if gateway.setup.plugins.get("prices") is None:
        return None
    from pointsman_prices.book import said_price

    return said_price(endpoint)


def _own(gateway: Gateway, model: str, endpoint: Endpoint) -> KnownEndpoint:
    provider, price = endpoint.provider, said_price(gateway, endpoint)
    facts = endpoint.facts if price is None else {**endpoint.facts, "price": price}
    return KnownEndpoint(model, provider.kind, endpoint.native_id, facts, True, provider.name)


def _known(row: Row, *, configured: bool) -> KnownEndpoint:
    return KnownEndpoint(row.model, row.vendor, row.native_id, row.known(), configured)


def _kinds(gateway: Gateway) -> set[str]:
    return {provider.kind for provider in gateway.setup.providers.values() if provider.unready() is None}
