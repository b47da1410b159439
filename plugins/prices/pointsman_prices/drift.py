"""Drift: what providers report that they bill, beside what their prices come to, out of the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pointsman.columns import aligned
from pointsman.ledger import ReadOnlyLedger
from pointsman.money import DRIFT, format_usd

__all__ = ["as_table", "bills"]

GENERATIONS = "generations"
COLUMN = "reported_nano"
SQL = f"""
select
    endpoint,
    count(*) as answers,
    sum(abs(cost_nano - reported_nano) * {DRIFT} > reported_nano) as drifted,
    sum(cost_nano) as cost_nano,
    sum(reported_nano) as reported_nano
from generations
where reported_nano is not null and cost_nano is not null and at >= :since
group by endpoint
order by drifted desc, endpoint
"""  # noqa: S608 - our own number

Row = dict[str, Any]


def bills(ledger: ReadOnlyLedger, since: str) -> list[Row]:
    """For each endpoint that reports bills: how many answers, how many of them drift by more than one per
    cent, and what all come to by its price and by its report, since a time as rows carry it."""
    if not ledger.has_table(GENERATIONS):
        return []
    return [
        {
            **row,
            "cost_usd": format_usd(row["cost_nano"]),
            "reported_usd": format_usd(row["reported_nano"]),
            "percent": _percent(row["cost_nano"], row["reported_nano"]),
        }
        for row in ledger.select_sync(SQL, {"since": since})
    ]


def _percent(cost_nano: int, reported_nano: int) -> float | None:
    """How much more is reported, in per cent of the cost."""
    return round((reported_nano - cost_nano) * 100 / cost_nano, 2) if cost_nano else None


def as_table(rows: Sequence[Row]) -> str:
    """Rows for people."""
    return aligned(
        {
            "endpoint": [row["endpoint"] for row in rows],
            "answers": [f"{row['answers']:,}" for row in rows],
            "drifted": [f"{row['drifted']:,}" for row in rows],
            "cost USD": [row["cost_usd"] for row in rows],
            "reported USD": [row["reported_usd"] for row in rows],
            "per cent": [f"{row['percent']:+}" if row["percent"] is not None else "-" for row in rows],
        },
        left=1,
    )
