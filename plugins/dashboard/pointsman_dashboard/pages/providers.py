"""Providers: how each endpoint does at this moment, as the balancer sees it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from starlette.requests import Request

from pointsman_balance import Balance, Standing
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown

__all__ = ["show"]

STATES = {"up": "up", "waits": "asked us to wait", "rests": "rests", "tries": "is being tried"}


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page."""
    plugin = visitor.gateway.setup.plugins.get("balance")
    balance = plugin.target if plugin is not None else None
    found = balance.standings() if isinstance(balance, Balance) else []
    return Shown([_now(found)], {"watched": isinstance(balance, Balance)})


def _now(standings: Iterable[Standing]) -> Figure:
    return Figure(
        "now",
        "Endpoints at this moment",
        [
            Column("endpoint", "Endpoint"),
            Column("state", "State"),
            Column("share", "Share", texts.share, number=True),
            Column("in_flight", "Under way", texts.long_count, number=True),
            Column("requests", "Requests", texts.count, number=True),
            Column("errors", "Failed", texts.share, number=True),
            Column("refusals", "Refused", texts.share, number=True),
            Column("bad_tools", "Bad calls", texts.share, number=True),
            Column("first", "First content p50", texts.milliseconds, number=True),
            Column("first_90", "p90", texts.milliseconds, number=True),
            Column("speed", "Tokens/s p50", texts.per_second, number=True),
            Column("room", "Room", texts.share, number=True),
            Column("cap", "Cap a minute", texts.count, number=True),
        ],
        [_row(each) for each in standings],
        empty="No endpoint has been chosen among others since the start.",
        note="Of the last minutes, in which a request counts half after five. Room is what limit headers say "
        "is left; the cap is learned from refusals.",
    )


def _row(standing: Standing) -> dict[str, Any]:
    state = STATES[standing.state]
    if standing.back_in is not None:
        state += f", {standing.back_in:.0f} s"
    first, speed = standing.first_content, standing.throughput
    return {
        "endpoint": standing.endpoint,
        "state": state,
        "share": standing.share,
        "in_flight": standing.in_flight,
        "requests": standing.requests,
        "errors": standing.errors,
        "refusals": standing.refusals,
        "bad_tools": standing.bad_tools,
        "first": first[0] * 1000 if first is not None else None,
        "first_90": first[1] * 1000 if first is not None else None,
        "speed": speed[0] if speed is not None else None,
        "room": standing.room,
        "cap": standing.cap,
    }
