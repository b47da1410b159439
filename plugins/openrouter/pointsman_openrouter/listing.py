"""Listings: the rows of all models that a key may use, made once for as long as nothing changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from cachetools import LRUCache

from pointsman.catalogue import Catalogue
from pointsman.exchange import Actor

from .offers import allowance, offer_of
from .rows import Row, row_of

__all__ = ["Listings"]

MOST = 64
"""Listings that are remembered, for keys that may use different models."""
TURN = 20
"""Models after which others get their turn."""
DAY = 86_400

Edition = tuple[Catalogue, int, int]
"""A catalogue, how often it has changed, and the day in UTC, with which prices may change."""


@dataclass(slots=True)
class Listings:
    """Makes listings and remembers them. A row is made once for all keys that may use the same endpoints of
    its model, and goes with the last listing it is in."""

    _edition: Edition | None = None
    _listings: LRUCache[Hashable, list[Row]] = field(default_factory=lambda: LRUCache(MOST))
    _rows: WeakValueDictionary[tuple[str, ...], Row] = field(default_factory=WeakValueDictionary)
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def rows(self, catalogue: Catalogue, actor: Actor) -> list[Row]:
        """The rows of an actor, in the order of the catalogue."""
        key = allowance(actor)
        async with self._lock:
            now = time.time()
            edition = catalogue, catalogue.edition, int(now // DAY)
            if edition != self._edition:
                self._listings.clear()
                self._rows.clear()
                self._edition = edition
            found = self._listings.get(key)
            if found is None:
                found = self._listings[key] = await self._make(catalogue, actor, now)
        return found

    async def _make(self, catalogue: Catalogue, actor: Actor, now: float) -> list[Row]:
        rows = []
        for number, model in enumerate([*catalogue.models.values()], 1):
            if number % TURN == 0:
                await asyncio.sleep(0)
            offer = offer_of(catalogue, actor, model)
            if offer is None:
                continue
            name = offer.model.name, *(endpoint.id for endpoint in offer.endpoints)
            row = self._rows.get(name)
            if row is None:
                row = self._rows[name] = row_of(offer, now)
            rows.append(row)
        return rows
