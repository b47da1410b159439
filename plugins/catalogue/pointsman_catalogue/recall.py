"""Recall: what a dry run and the command line know, from the ledger's file as it is, or compiled anew."""

from __future__ import annotations

import logging

from pointsman.errors import StartupError
from pointsman.gateway import Gateway
from pointsman.ledger import ReadOnlyLedger, reader

from .child import CompileError, compiled
from .keeper import kept_listings, wants_prices
from .rows import ENDPOINTS, LISTINGS
from .shelf import Listing
from .store import LedgerStore, MemoryStore, Store

__all__ = ["recalled"]

log = logging.getLogger(__name__)


async def recalled(
    gateway: Gateway, *, prices: bool, always: bool = False
) -> tuple[Store, dict[str, Listing]]:
    """What the ledger's file has, and nothing where there is none. Prices that it does not have are compiled
    where a provider is configured that they may be of, or `always`."""
    store, listings = MemoryStore(), {}
    core = gateway.setup.core
    try:
        with reader(core.ledger.url, gateway.setup.base) as ledger:
            listings = await _listings(ledger, gateway)
            if prices and ledger.has_table(ENDPOINTS.name):
                kept = LedgerStore(ledger.select)
                store = MemoryStore(await kept.rows(), await kept.version())
    except StartupError:
        log.debug("there is no ledger to read yet")
    if prices and await store.version() is None and (always or wants_prices(gateway)):
        try:
            found = await compiled()
            store = MemoryStore(found.rows, found.version)
        except CompileError as error:
            log.warning("no prices: %s", error)
    return store, listings


async def _listings(ledger: ReadOnlyLedger, gateway: Gateway) -> dict[str, Listing]:
    if not ledger.has_table(LISTINGS.name):
        return {}
    return await kept_listings(ledger.select, gateway.setup.providers.values())
