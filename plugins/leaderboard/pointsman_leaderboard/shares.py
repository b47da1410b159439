"""Shares: who takes which part of the requests, tokens and spend, and who takes more than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.ledger import Reading
from pointsman_usage.report import GROUPS, Filters
from pointsman_usage.text import usd

from .sums import summed
from .window import BEFORE, Window

__all__ = ["BY", "OTHER", "shares"]

BY = ("model", "provider", "app", "team", "task")
OTHER = "other"
MEASURES = ("requests", "tokens", "cost_nano")
COMPARED = ("requests", "input_tokens", "output_tokens", "cost_nano")
COUNTED = (*COMPARED, "complete", "errors", "unpriced")

Row = dict[str, Any]


def shares(
    reading: Reading, by: str, window: Window, *, filters: Filters, limit: int, sort: str = "tokens"
) -> dict[str, Any]:
    """The groups of one of BY, those with the most of `sort` first, ties by name; what is behind the first
    `limit` is one row, `other`.

    `share` is a group's part of all requests, tokens and spend; `trend` how much more there is than in the
    mean of the three windows before, `before`. The spend is that of requests whose price is known.
    """
    now = _groups(reading, by, COUNTED, window, filters)
    before = _groups(reading, by, COMPARED, window.before(), filters)
    totals = {name: sum(row[name] for row in now.values()) for name in MEASURES}
    ordered = sorted(now.items(), key=lambda item: (-item[1][sort], item[1]["name"] or ""))
    rows = [_shown(id, [row], [before.get(id, {})], totals) for id, row in ordered[:limit]]
    rest = dict(ordered[limit:])
    if rest:
        behind = [before.get(id, {}) for id in rest]
        rows.append(_shown(OTHER, [*rest.values()], behind, totals) | {"name": OTHER, "groups": len(rest)})
    return {"by": by, "sort": sort, "totals": totals | {"cost_usd": usd(totals["cost_nano"])}, "rows": rows}


def _groups(
    reading: Reading, by: str, columns: Sequence[str], window: Window, filters: Filters
) -> dict[str | None, Row]:
    group, name = GROUPS[by]
    found = summed(reading, {group: name}, columns, window, filters)
    return {id: row | {"tokens": row["input_tokens"] + row["output_tokens"]} for (id,), row in found.items()}


def _shown(
    id: str | None,
    rows: Sequence[Mapping[str, Any]],
    before: Sequence[Mapping[str, Any]],
    totals: Mapping[str, int],
) -> Row:
    sums: Row = {
        name: sum(row[name] for row in rows)
        for name in (*MEASURES, "input_tokens", "output_tokens", "complete", "errors", "unpriced")
    }
    earlier = {name: sum(row.get(name, 0) for row in before) / BEFORE for name in MEASURES}
    return {
        "id": id,
        "name": rows[0]["name"],
        **sums,
        "cost_usd": usd(sums["cost_nano"]),
        "share": {name: sums[name] / totals[name] if totals[name] else 0.0 for name in MEASURES},
        "before": earlier,
        "trend": {name: sums[name] - earlier[name] for name in MEASURES},
    }
