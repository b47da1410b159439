"""Prices: what endpoints ask now, and from when on they ask something else."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from pointsman.catalogue import Catalogue
from pointsman.money import format_usd
from pointsman_prices.book import Book, price_of
from pointsman_prices.listing import endpoints_of

__all__ = ["MOST", "price_board"]

MOST = 1000
"""Endpoints on the board."""
KEYS = ("input", "output", "cache_read", "cache_write", "request")

Row = dict[str, Any]


def price_board(catalogue: Catalogue, now: datetime, *, model: str | None = None) -> list[Row]:
    """The endpoints of a model, or of all that are listed, with their prices in US dollars for a million
    tokens, now and at the next change; those whose prices change soonest first. `now` null is unpriced."""
    found = [
        _row(name, endpoint.id, price_of(endpoint), now) for name, endpoint in endpoints_of(catalogue, model)
    ]
    found.sort(key=lambda row: (row["next_change"] or "9", row["model"], row["endpoint"]))
    return found[:MOST]


def _row(model: str, endpoint: str, book: Book | None, now: datetime) -> Row:
    time = now.timestamp()
    change = book.next_change(time) if book is not None else None
    page = book.page(time) if book is not None else None
    return {
        "model": model,
        "endpoint": endpoint,
        "now": _prices(book, time),
        "source": page.source if page is not None else None,
        "date": page.date or None if page is not None else None,
        "next_change": None if change is None else datetime.fromtimestamp(change, UTC).isoformat(),
        "next": None if change is None else _prices(book, change),
    }


def _prices(book: Book | None, time: float) -> dict[str, str] | None:
    page = book.page(time) if book is not None else None
    if page is None:
        return None
    prices = page.prices(time)
    return {key: format_usd(prices[key].nano) for key in KEYS if key in prices}
