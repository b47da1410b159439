"""Prices: what each endpoint asks for at this moment, and when that changes next."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from pointsman.catalogue import Endpoint
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown
from pointsman_openrouter.offers import offer_of
from pointsman_prices import price_of

__all__ = ["show"]

MOST = 200
KEYS = ("input", "output", "cache_read", "cache_write")
UNPRICED = "unpriced"


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page: endpoints of models that the visitor may use, those whose names hold what is looked for."""
    asked = request.query_params.get("q", "").strip().lower()
    catalogue, now = visitor.gateway.setup.catalogue, time.time()
    rows: list[dict[str, Any]] = []
    left = 0
    for model in catalogue.models.values():
        offer = offer_of(catalogue, visitor.actor, model)
        for endpoint in offer.endpoints if offer is not None else ():
            if asked not in model.name.lower() and asked not in endpoint.id.lower():
                continue
            if len(rows) < MOST:
                rows.append(_row(model.name, endpoint, now))
            else:
                left += 1
    rows.sort(key=lambda row: (row["model"], row["input"] is None, row["input"]))
    return Shown([_board(rows)], {"asked": asked, "left": left, "changing": _changing(rows)})


def _row(model: str, endpoint: Endpoint, now: float) -> dict[str, Any]:
    """The prices of an endpoint in nano-USD for a million tokens, now and when they change."""
    book = price_of(endpoint)
    page = book.page(now) if book is not None else None
    row: dict[str, Any] = {"model": model, "endpoint": endpoint.id, **dict.fromkeys(KEYS), "source": UNPRICED}
    if book is None or page is None:
        return row
    prices = page.prices(now)
    row |= {key: prices[key].nano for key in KEYS if key in prices} | {"source": page.origin}
    change = book.next_change(now)
    if change is not None and (later := book.page(change)) is not None:
        then = later.prices(change)
        row |= {
            "change": datetime.fromtimestamp(change, UTC).strftime("%Y-%m-%d %H:%M"),
            "next_input": then["input"].nano if "input" in then else None,
            "next_output": then["output"].nano if "output" in then else None,
        }
    return row


def _changing(rows: list[dict[str, Any]]) -> list[str]:
    """What is to be said of the prices that change soonest."""
    soon = sorted((row for row in rows if "change" in row), key=lambda row: str(row["change"]))[:5]
    return [
        f"{row['endpoint']}: {_usd(row['input'])} in, {_usd(row['output'])} out until {row['change']} UTC, "
        f"then {_usd(row['next_input'])} in, {_usd(row['next_output'])} out"
        for row in soon
    ]


def _board(rows: list[dict[str, Any]]) -> Figure:
    return Figure(
        "prices",
        "US dollars for a million tokens",
        [
            Column("model", "Model"),
            Column("endpoint", "Endpoint"),
            *(Column(key, key.replace("_", " ").capitalize(), _dollars, number=True) for key in KEYS),
            Column("change", "Changes (UTC)"),
            Column("next_input", "Input then", _dollars, number=True),
            Column("next_output", "Output then", _dollars, number=True),
            Column("source", "Source"),
        ],
        rows,
        empty="No model of that name that you may use.",
        note="A dash is a price that is not known. Prices past a length, of images and of service tiers: "
        "pointsman prices show.",
    )


def _dollars(nano: int) -> str:
    return texts.usd_exact(nano)


def _usd(nano: int | None) -> str:
    return "unknown" if nano is None else texts.usd_exact(nano)
