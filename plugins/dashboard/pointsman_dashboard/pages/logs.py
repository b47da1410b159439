"""Logs: single requests, newest first, page by page or as they come, and one of them in full."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from pointsman.errors import BadRequest, NotFound, SealError
from pointsman.ledger import Reading
from pointsman.money import parse_usd
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import HEADERS, ROOT, Shown
from pointsman_dashboard.site import page as page_of
from pointsman_usage.bodies import opened_bodies
from pointsman_usage.listing import OUTCOMES, Wanted, newest, page, place_of, since_place

__all__ = ["one", "show", "tail"]

LIMIT = 100
MOST_NEW = 200
"""Of more new rows at once, the last are told."""
MOST_READ = 2_000
"""So many of the last rows are looked at, wherever a page says that it has come to."""
FILTERS = ("key", "team", "model", "provider")

Row = Mapping[str, Any]


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page. Raises BadRequest, NotFound."""
    wanted, before = _wanted(request.query_params, visitor), request.query_params.get("before")

    def read(reading: Reading) -> tuple[int, list[dict[str, Any]]]:
        if not reading.has_table("generations"):
            return 0, []
        place = place_of(reading, before) if before else None
        if before and place is None:
            raise NotFound(f"there is no generation {before[:100]!r}", param="before")
        return newest(reading), page(reading, wanted, before=place, limit=LIMIT + 1)

    last, rows = await visitor.gateway.ledger.read(read)
    shown = rows[:LIMIT]
    asked = {
        name: value for name, value in request.query_params.items() if value and name not in ("before", "csv")
    }
    older = urlencode({**asked, "before": shown[-1]["id"]}) if len(rows) > LIMIT else None
    figure = Figure("requests", "Requests", COLUMNS, [_told(row) for row in shown], empty="No such request.")
    more = {"outcomes": OUTCOMES, "older": older, "place": last, "asked": asked}
    return Shown([figure], {**more, "live": before is None, "filters": _offered(visitor)})


async def tail(request: Request, visitor: Visitor) -> Response:
    """What was written behind the place `after`, oldest first, and the place where it ends, as JSON."""
    wanted, after = _wanted(request.query_params, visitor), request.query_params.get("after", "")
    if not after.isascii() or not after.isdigit() or len(after) > 18:
        raise BadRequest("`after` must be a number", param="after")

    def read(reading: Reading) -> tuple[list[dict[str, Any]], int]:
        if not reading.has_table("generations"):
            return [], 0
        return since_place(reading, wanted, max(int(after), newest(reading) - MOST_READ))

    rows, place = await visitor.gateway.ledger.read(read)
    told = [
        [
            {
                "text": column.text(row),
                "sort": column.sortable(row),
                "style": column.style,
                "link": column.link(row) if column.link is not None else None,
            }
            for column in COLUMNS
        ]
        for row in map(_told, rows[-MOST_NEW:])
    ]
    return JSONResponse({"place": str(place), "rows": told}, headers=HEADERS)


async def one(request: Request, visitor: Visitor) -> Response:
    """One generation: its row, its attempts, why it went where it went, and its texts where they are kept."""
    id, vault = request.path_params["id"], visitor.gateway.vault

    def read(reading: Reading) -> tuple[list[dict[str, Any]], Any, Any]:
        if not reading.has_table("generations"):
            return [], None, None
        rows = reading.select_sync("select * from generations where id = :id", {"id": id})
        if not rows or not visitor.reach.sees(rows[0]):
            return [], None, None
        decision = None
        if visitor.actor.explains and reading.has_table("decisions"):
            found = reading.select_sync("select record from decisions where id = :id", {"id": id})
            decision = found[0]["record"] if found else None
        try:
            return rows, decision, opened_bodies(reading, vault, id)
        except SealError as error:
            return rows, decision, {"sealed": str(error)}

    await visitor.gateway.ledger.flush()
    rows, decision, bodies = await visitor.gateway.ledger.read(read)
    if not rows:
        raise NotFound(f"there is no generation {id[:100]!r} that you may see")
    row = dict(rows[0])
    tried = json.loads(row.pop("tried", None) or "[]")
    counts = json.loads(row.pop("more_counts", None) or "{}")
    facts = {name: value for name, value in {**row, **counts}.items() if value is not None}
    return page_of(
        request,
        "generation.html",
        visitor,
        title=id,
        id=id,
        facts=facts,
        tried=tried,
        decision=_pretty(decision),
        bodies={name: _pretty(text) for name, text in (bodies or {}).items() if name != "id"},
    )


def _wanted(query: Mapping[str, str], visitor: Visitor) -> Wanted:
    """Which rows an address asks for, of those that the visitor may see. Raises BadRequest."""
    outcome, cost = query.get("outcome", ""), query.get("cost_over", "")
    if outcome and outcome not in OUTCOMES:
        raise BadRequest(f"`outcome` must be one of {', '.join(OUTCOMES)}", param="outcome")
    try:
        cost_over = parse_usd(cost) if cost else None
    except ValueError as error:
        raise BadRequest(f"`cost_over`: {error}", param="cost_over") from None
    reach = visitor.reach
    return Wanted(
        key=reach.key_id or query.get("key") or None,
        team=reach.team or query.get("team") or None,
        model=query.get("model") or None,
        provider=query.get("provider") or None,
        outcomes=(outcome,) if outcome else (),
        cost_over=cost_over,
    )


def _offered(visitor: Visitor) -> list[str]:
    """The filters that change anything for this visitor."""
    reach = visitor.reach
    hidden = {name for name, fixed in (("key", reach.key_id), ("team", reach.key_id or reach.team)) if fixed}
    return [name for name in FILTERS if name not in hidden]


def _told(row: Row) -> dict[str, Any]:
    """A row as the table has it."""
    outcome = row["error_type"] or ("cached" if row["cached"] else row["outcome"])
    used = row["input_tokens"] is not None
    return {**row, "said": outcome, "cost": row["cost_nano"], "unpriced": used and row["cost_nano"] is None}


def _pretty(said: Any) -> str:
    """JSON as text that can be read; another text as it is."""
    if isinstance(said, str):
        try:
            said = json.loads(said)
        except ValueError:
            return str(said)
    return json.dumps(said, indent=2, ensure_ascii=False) if said is not None else ""


COLUMNS = (
    Column("at", "Time (UTC)", texts.moment, tight=True, link=lambda row: f"{ROOT}/logs/{row['id']}"),
    Column("key_name", "Key"),
    Column("model", "Model"),
    Column("endpoint", "Endpoint"),
    Column("said", "Outcome"),
    Column("input_tokens", "In", texts.long_count, number=True),
    Column("output_tokens", "Out", texts.long_count, number=True),
    Column("cost", "Cost", texts.usd, number=True),
    Column("first_content_ms", "First", texts.milliseconds, number=True),
    Column("total_ms", "Total", texts.milliseconds, number=True),
)
