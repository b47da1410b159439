"""Listing: the prices of endpoints at a time, a row for each key and layer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from pointsman.catalogue import Catalogue, Endpoint
from pointsman.columns import aligned
from pointsman.money import format_usd

from .book import Page, price_of
from .layers import Given, tier_of
from .rates import EACH
from .settings import KEYS, SERVICE_TIERS

__all__ = ["as_table", "endpoints_of", "rows_of", "summary"]

UNKNOWN = "-"
SHOWN = ("input", "output", "cache_read", "cache_write", "reasoning")
"""The keys of the summary."""

Row = dict[str, Any]


def endpoints_of(catalogue: Catalogue, name: str | None) -> list[tuple[str, Endpoint]]:
    """The endpoints that a name leads to, each with its model; all that are listed where none is given."""
    if name is None:
        listed = (model for model in catalogue.models.values() if model.listed)
        return [(model.name, endpoint) for model in listed for endpoint in model.endpoints]
    found = catalogue.resolve(name)
    return [(found.model, endpoint) for endpoint in found.endpoints] if found is not None else []


def rows_of(model: str, endpoint: Endpoint, time: float) -> list[Row]:
    """The prices of an endpoint: those that count at a time, in seconds since 1970, then what else counts
    past each tier, in each service tier, and past each tier in those. One without a price is a row without
    a key."""
    book = price_of(endpoint)
    page = book.page(time) if book is not None else None
    place: Row = {"model": model, "endpoint": endpoint.id, "at": _moment(time)}
    next_change = _moment(book.next_change(time)) if book is not None else None
    if book is None or page is None:
        return [place | _blank() | {"next_change": next_change}]
    origin = {"whose": book.layer, "source": page.source, "date": page.date or None}
    return [
        place
        | {"key": key, "usd": format_usd(given.nano), "per": per(key), "layer": given.layer}
        | origin
        | {"next_change": next_change}
        for key, given in _given(page, time)
    ]


def _blank() -> Row:
    return dict.fromkeys(("key", "usd", "per", "layer", "whose", "source", "date"))


def _given(page: Page, time: float) -> Iterator[tuple[str, Given]]:
    usual = page.prices(time)
    yield from _ordered(usual)
    for tier in range(1, len(page.price.tiers) + 1):
        yield from _ordered(_changed(usual, page.prices(time, tier=tier)))
    for service in SERVICE_TIERS:
        if tier_of(page.price, service) is not None:
            served = page.prices(time, service=service)
            yield from _ordered(_changed(usual, served))
            for number, begin in enumerate(page.price.tiers, 1):
                long = page.prices(time, tier=number, service=service)
                yield from _ordered(_past_tier(served, long, f"{service} above {begin.above}"))


def _past_tier(served: Mapping[str, Given], long: Mapping[str, Given], layer: str) -> dict[str, Given]:
    """What a long request costs otherwise than a short one that is served the same."""
    return {
        key: Given(given.nano, layer)
        for key, given in long.items()
        if key not in served or given.nano != served[key].nano
    }


def _changed(usual: Mapping[str, Given], other: Mapping[str, Given]) -> dict[str, Given]:
    return {key: given for key, given in other.items() if given != usual.get(key)}


def _ordered(prices: Mapping[str, Given]) -> Iterator[tuple[str, Given]]:
    return ((key, prices[key]) for key in KEYS if key in prices)


def per(key: str) -> str:
    """What a key's price is for."""
    return key if key in EACH else "million tokens"


def _moment(time: float | None) -> str | None:
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="minutes") if time is not None else None


def as_table(rows: Sequence[Row]) -> str:
    """Rows for people."""
    return aligned(
        {
            "endpoint": [row["endpoint"] for row in rows],
            "key": [row["key"] or "unpriced" for row in rows],
            "layer": [row["layer"] or UNKNOWN for row in rows],
            "whose": [row["whose"] or UNKNOWN for row in rows],
            "source": [_origin(row) for row in rows],
            "next change": [row["next_change"] or UNKNOWN for row in rows],
            "USD": [row["usd"] or UNKNOWN for row in rows],
            "per": [row["per"] or UNKNOWN for row in rows],
        },
        left=6,
    )


def _origin(row: Row) -> str:
    return ", ".join(filter(None, (row["source"], row["date"]))) or UNKNOWN


def summary(rows: Iterable[Row]) -> str:
    """A line for each endpoint: the prices that count at the time, before tiers and service tiers."""
    lines: dict[tuple[str, str], tuple[Row, dict[str, str]]] = {}
    for row in rows:
        _, prices = lines.setdefault((row["model"], row["endpoint"]), (row, {}))
        if row["key"] is not None:
            prices.setdefault(row["key"], row["usd"])
    found = [*lines.values()]
    columns = {
        "model": [row["model"] for row, _ in found],
        "endpoint": [row["endpoint"] for row, _ in found],
        "source": [_origin(row) if prices else "unpriced" for row, prices in found],
        "next change": [row["next_change"] or UNKNOWN for row, _ in found],
    }
    for key in SHOWN:
        columns[key.replace("_", " ")] = [prices.get(key, UNKNOWN) for _, prices in found]
    return aligned(columns, left=4)
