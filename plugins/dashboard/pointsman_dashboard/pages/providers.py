"""Providers: how each endpoint does at this moment, how it did, and at which hours of the week."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from starlette.requests import Request

from pointsman_balance import Balance, Standing
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.board import told
from pointsman_dashboard.charts.cells import DAYS, week
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown

__all__ = ["show"]

WINDOWS = ("1h", "24h", "7d", "30d")
USUAL = "24h"
PERCENTILES = ("p50", "p90", "p99")

Row = Mapping[str, Any]
STATES = {"up": "up", "waits": "asked us to wait", "rests": "rests", "tries": "is being tried"}


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page. Raises BadRequest."""
    plugin = visitor.gateway.setup.plugins.get("balance")
    balance = plugin.target if plugin is not None else None
    found = balance.standings() if isinstance(balance, Balance) else []
    window = request.query_params.get("window", USUAL)
    kept = await told(visitor, window=window, parts="endpoints,week") or {}
    weeks: Mapping[str, Any] = kept.get("week", {})
    hours: Mapping[str, Row] = {row["provider"]: row for row in weeks.get("providers", ())}
    asked = request.query_params.get("provider", "")
    provider = asked if asked in hours else next(iter(hours), "")
    figures = [_now(found), _endpoints(kept.get("endpoints", ()))]
    if provider:
        figures.append(_week(hours[provider]))
    more = {
        "windows": WINDOWS,
        "window": window,
        "night": weeks.get("night"),
        "providers": [*hours],
        "provider": provider,
    }
    return Shown(figures, {**more, "watched": isinstance(balance, Balance)})


def _endpoints(rows: Sequence[Row]) -> Figure:
    shown = [
        {
            **row,
            "interval": f"{texts.share(row['low'])} to {texts.share(row['high'])}",
            **{f"first_{name}": value for name, value in (row["first_content_ms"] or {}).items()},
            **{f"speed_{name}": value for name, value in (row["tokens_per_second"] or {}).items()},
        }
        for row in rows
    ]
    return Figure(
        "endpoints",
        "Uptime and speed",
        [
            Column("endpoint", "Endpoint", tight=True),
            Column("status", "Status", tight=True),
            Column("uptime", "Uptime", texts.share, number=True),
            Column("interval", "95 %", tight=True),
            Column("n", "Attempts", texts.long_count, number=True),
            Column("limited_share", "429", texts.share, number=True),
            *(Column(f"first_{p}", f"First {p}", texts.milliseconds, number=True) for p in PERCENTILES),
            *(Column(f"speed_{p}", f"Tokens/s {p}", texts.per_second, number=True) for p in PERCENTILES),
        ],
        shown,
        empty="No endpoint was tried in this time.",
        note="Uptime counts what was the endpoint's fault, as OpenRouter does; it has a status from 100 "
        "attempts on. Percentiles are told within a few per cent.",
    )


def _week(row: Row) -> Figure:
    """A provider by hour of the week."""
    hours = [
        {"hour": f"{DAYS[place // 24]} {place % 24:02}:00", **cell} for place, cell in enumerate(row["hours"])
    ]
    days = [hours[day * 24 : day * 24 + 24] for day in range(7)]
    shares = [[cell["rate"] if cell["n"] else None for cell in day] for day in days]
    tips = [[_tip(cell) for cell in day] for day in days]
    return Figure(
        f"week-{row['provider']}",
        f"{row['provider']} by hour of the week",
        [
            Column("hour", "Hour (UTC)"),
            Column("rate", "Answered", texts.share, number=True),
            Column("n", "Attempts", texts.long_count, number=True),
        ],
        hours,
        chart=week(f"{row['provider']}: answered by hour of the week", shares, tips),
        note="Each hour is drawn to the whole week, which counts as 50 attempts; grey hours had none.",
    )


def _tip(cell: Row) -> str:
    return f"{texts.share(cell['rate'])} of {cell['n']}" if cell["n"] else "no attempts"


def _now(standings: Iterable[Standing]) -> Figure:
    return Figure(
        "now",
        "Endpoints at this moment",
        [
            Column("endpoint", "Endpoint", tight=True),
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
