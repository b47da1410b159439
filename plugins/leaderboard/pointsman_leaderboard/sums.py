"""Sums: what roll-ups come to over a span, by one or several of their columns.

Each table that covers a part of the span is added up by itself and the few sums are added here: SQLite takes
twice as long for all rows at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pointsman.ledger import Reading
from pointsman_usage.report import MATCHES, Filters, spans

from .window import Window

__all__ = ["summed"]


Row = dict[str, Any]


def summed(
    reading: Reading, by: Mapping[str, str], columns: Sequence[str], window: Window, filters: Filters
) -> dict[tuple[str | None, ...], Row]:
    """The sums of columns over a span and the `name` of each group, by what `by` says: expressions, each with
    that of a name."""
    found: dict[tuple[str | None, ...], Row] = {}
    for table, start, end in spans(reading, window.since, window.until):
        params = {**asdict(filters), "start": start, "end": end}
        for row in reading.select_sync(_query(table, by, columns), params):
            group = tuple(row.pop(f"by{number}") for number in range(len(by)))
            before = found.setdefault(group, row)
            if before is not row:
                for name in columns:
                    before[name] += row[name]
    return found


def _query(table: str, by: Mapping[str, str], columns: Sequence[str]) -> str:
    groups = [*by]
    named = [f"{group} as by{number}" for number, group in enumerate(groups)]
    sums = ", ".join(f"sum({name}) as {name}" for name in columns)
    return (
        f"select {', '.join(named)}, max({by[groups[-1]]}) as name, {sums} from {table} "  # noqa: S608 - our own names
        f"where at >= :start and at < :end {MATCHES} group by {', '.join(groups)}"
    )
