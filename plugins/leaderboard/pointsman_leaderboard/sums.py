"""Sums: what roll-ups come to over a span, by one or several of their columns.

Each table that covers a part of the span is added up by itself and the few sums are added here: SQLite takes
twice as long for all rows at once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from pointsman.ledger import Reading
from pointsman_usage.report import MATCHES, Filters, spans
from pointsman_usage.totals import BY, totals_of

from .window import Window

__all__ = ["summed"]

NONE = Filters()
Row = dict[str, Any]


def summed(
    reading: Reading, by: Mapping[str, str], columns: Sequence[str], window: Window, filters: Filters
) -> dict[tuple[str | None, ...], Row]:
    """The sums of columns over a span and the `name` of each group, by what `by` says: expressions, each with
    that of a name."""
    found: dict[tuple[str | None, ...], Row] = {}
    for sql, params in _queries(reading, by, columns, window, filters):
        for row in reading.select_sync(sql, params):
            group = tuple(row.pop(f"by{number}") for number in range(len(by)))
            before = found.setdefault(group, row)
            if before is not row:
                for name in columns:
                    before[name] += row[name]
    return found


def _queries(
    reading: Reading, by: Mapping[str, str], columns: Sequence[str], window: Window, filters: Filters
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Of each table that covers a part of the span; of totals where there are any of what is asked."""
    kind = next((name for name, pair in BY.items() if [pair] == [*by.items()]), "")
    for table, start, end in spans(reading, window.since, window.until):
        total = totals_of(reading, kind, table, start, end) if kind and filters == NONE else None
        parts = [(start, end)]
        if total is not None:
            yield _total(columns), {"by": total.by, "start": total.start, "end": total.end}
            parts = [(start, total.start), (total.end, end)]
        for first, last in parts:
            if first < last:
                yield _query(table, by, columns), {**asdict(filters), "start": first, "end": last}


def _total(columns: Sequence[str]) -> str:
    sums = ", ".join(f"sum({name}) as {name}" for name in columns)
    return (
        f"select value as by0, max(name) as name, {sums} from usage_totals "  # noqa: S608 - our own names
        "where by = :by and at >= :start and at < :end group by value"
    )


def _query(table: str, by: Mapping[str, str], columns: Sequence[str]) -> str:
    groups = [*by]
    named = [f"{group} as by{number}" for number, group in enumerate(groups)]
    sums = ", ".join(f"sum({name}) as {name}" for name in columns)
    return (
        f"select {', '.join(named)}, max({by[groups[-1]]}) as name, {sums} from {table} "  # noqa: S608 - our own names
        f"where at >= :start and at < :end {MATCHES} group by {', '.join(groups)}"
    )
