"""Shares: who takes which part of the requests, tokens and spend, and who takes more than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.ledger import Reading
from pointsman_usage.report import GROUPS, Filters, counted
from pointsman_usage.text import usd

from .window import BEFORE, Window

__all__ = ["BY", "OTHER", "shares"]

BY = ("model", "provider", "app", "team", "task")
OTHER = "other"
MEASURES = ("requests", "tokens", "cost_nano")
SUMS = """
select {group} as id, max({name}) as name, sum(requests) as requests, sum(complete) as complete,
    sum(errors) as errors, sum(input_tokens) + sum(output_tokens) as tokens,
    sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
    sum(cost_nano) as cost_nano, sum(priced) as priced, sum(unpriced) as unpriced
from ({parts}) group by {group}
"""

Row = dict[str, Any]


def shares(
    reading: Reading, by: str, window: Window, *, filters: Filters, limit: int, sort: str = "tokens"
) -> dict[str, Any]:
    """The groups of one of BY, those with the most of `sort` first, ties by name; what is behind the first
    `limit` is one row, `other`.

    `share` is a group's part of all requests, tokens and spend; `trend` how much more there is than in the
    mean of the three windows before, `before`. The spend is that of requests whose price is known.
    """
    now = _groups(reading, by, window, filters)
    before = [_groups(reading, by, each, filters) for each in window.before()]
    totals = {name: sum(row[name] for row in now.values()) for name in MEASURES}
    ordered = sorted(now.items(), key=lambda item: (-item[1][sort], item[1]["name"] or ""))
    rows = [
        _shown(id, [row], [{id: each.get(id, {})} for each in before], totals) for id, row in ordered[:limit]
    ]
    rest = dict(ordered[limit:])
    if rest:
        behind = [{id: row for id, row in each.items() if id in rest} for each in before]
        rows.append(_shown(OTHER, [*rest.values()], behind, totals) | {"name": OTHER, "groups": len(rest)})
    return {"by": by, "sort": sort, "totals": totals | {"cost_usd": usd(totals["cost_nano"])}, "rows": rows}


def _groups(reading: Reading, by: str, window: Window, filters: Filters) -> dict[str | None, Row]:
    found = counted(reading, window.since, window.until, filters)
    if found is None:
        return {}
    parts, params = found
    group, name = GROUPS[by]
    rows = reading.select_sync(SUMS.format(group=group, name=name, parts=parts), params)
    return {row["id"]: row for row in rows}


def _shown(
    id: str | None,
    rows: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str | None, Mapping[str, Any]]],
    totals: Mapping[str, int],
) -> Row:
    sums: Row = {
        name: sum(row[name] for row in rows)
        for name in (*MEASURES, "input_tokens", "output_tokens", "complete", "errors", "unpriced")
    }
    earlier = {
        name: sum(row.get(name, 0) for each in before for row in each.values()) / BEFORE for name in MEASURES
    }
    return {
        "id": id,
        "name": rows[0]["name"],
        **sums,
        "cost_usd": usd(sums["cost_nano"]),
        "share": {name: sums[name] / totals[name] if totals[name] else 0.0 for name in MEASURES},
        "before": earlier,
        "trend": {name: sums[name] - earlier[name] for name in MEASURES},
    }
