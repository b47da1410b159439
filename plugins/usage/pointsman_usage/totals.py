"""Totals: what all requests come to by one thing at a time, hour by hour and day by day.

A roll-up has a row for each key, model, provider and so on that met in a period. Whoever asks about all
requests by model, and about nothing else, would add up a thousand rows where thirty tell it. Totals are made
of roll-ups once a period is over, and are read in their place; for the time since, the roll-ups are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.ledger import Column, Ledger, Reading, Table

from .rollups import DAYS, HOURS, LATER, SUMS, TIMES

__all__ = ["BY", "TOTALS", "Totals", "close_totals", "totals_of"]

BY: Mapping[str, tuple[str, str]] = {
    "model": ("model", "model"),
    "provider": ("provider", "provider"),
    "key": ("key_id", "key_name"),
    "team": ("team", "team_name"),
    "organisation": ("organisation", "organisation_name"),
    "app": ("app", "app"),
    "task": ("task", "task"),
}
"""What there are totals by: the columns of a roll-up that tell it apart and name it."""

TOTALS = Table(
    name="usage_totals",
    columns={
        "id": Column("text", "What it is by, the period, and the value.", required=True),
        "by": Column("text", "What it is by, and whether of hours or days: `model day`.", required=True),
        "at": Column("text", "The beginning of the hour or day, in UTC.", required=True),
        "value": Column("text", "Of whom or what: an id, or null for those without one."),
        "name": Column("text", "What that is called."),
        **{column: Column("integer", help, required=column not in LATER) for column, help in SUMS.items()},
        **{column: Column("real", help, required=True) for column, help in TIMES.items()},
    },
    primary_key="id",
    indexes=(("by", "at"),),
)
LATE = timedelta(hours=2)
"""After its end a period is left open so long: a request counts when it came, and is written when it ends."""
HOURS_BACK = timedelta(days=9)
"""Hours further back are added up by day."""


@dataclass(frozen=True, slots=True)
class Unit:
    """A table of roll-ups, how many characters of a time say its period, how long one is, and how many that
    were closed before are closed anew, for what has come late."""

    table: Table
    name: str
    length: int
    step: timedelta
    again: timedelta


UNITS = (
    Unit(HOURS, "hour", 13, timedelta(hours=1), timedelta(hours=24)),
    Unit(DAYS, "day", 10, timedelta(days=1), timedelta(days=2)),
)
ADDED = (*SUMS, *TIMES)
CLOSE = """
insert into usage_totals (id, by, at, value, name, {columns})
select '{by}|' || at || '|' || quote({value}), '{by}', at, {value}, max({name}), {sums}
from {table} where at >= :first and at < :open group by at, {value}
"""


REOPEN = "delete from usage_totals where by = :by and at >= :first"
FORGET = "delete from usage_totals where by = :by and at < :before"


async def close_totals(ledger: Ledger, now: datetime) -> None:
    """Add up the periods that are over and have no totals yet, and those shortly before anew. Raises
    Unavailable."""
    for unit in UNITS:
        (row,) = await ledger.select(
            "select max(at) as at from usage_totals where by = :by", {"by": f"model {unit.name}"}
        )
        last: str | None = row["at"]
        moment = now.astimezone(UTC) - LATE
        until = moment.isoformat()[: unit.length]
        if last is not None and last >= (moment - unit.step).isoformat()[: unit.length]:
            continue
        first = "" if last is None else (_moment(last) - unit.again).isoformat()[: unit.length]
        if unit.table is HOURS:
            first = max(first, (moment - HOURS_BACK).isoformat()[: unit.length])
        await ledger.execute([*_closing(unit, first, until), *_forgetting(moment)])


def _closing(unit: Unit, first: str, until: str) -> list[tuple[str, dict[str, Any]]]:
    statements: list[tuple[str, dict[str, Any]]] = []
    for kind, (value, name) in BY.items():
        by = f"{kind} {unit.name}"
        sql = CLOSE.format(
            by=by,
            value=value,
            name=name,
            columns=", ".join(ADDED),
            sums=", ".join(f"sum({each})" for each in ADDED),
            table=unit.table.name,
        )
        params = {"first": first, "open": until}
        statements.append(
            ("delete from usage_totals where by = :by and at >= :first", {"by": by, "first": first})
        )
        statements.append((sql, params))
    return statements


def _forgetting(moment: datetime) -> list[tuple[str, dict[str, Any]]]:
    before = (moment - HOURS_BACK).isoformat()[:13]
    return [(FORGET, {"by": f"{kind} hour", "before": before}) for kind in BY]


def _moment(period: str) -> datetime:
    return datetime.fromisoformat(f"{period}:00" if len(period) > 10 else period)


@dataclass(frozen=True, slots=True)
class Totals:
    """Where totals are read: `by` as their rows have it, from `start` until before `end`."""

    by: str
    start: str
    end: str


def totals_of(reading: Reading, by: str, table: str, start: str, end: str) -> Totals | None:
    """The part of a span of a table of roll-ups of which there are totals; None where there are none."""
    unit = next((each for each in UNITS if each.table.name == table), None)
    if unit is None or by not in BY or not reading.has_table(TOTALS.name):
        return None
    kind = f"{by} {unit.name}"
    sql = "select min(at) as first, max(at) as last from usage_totals where by = :by"
    (row,) = reading.select_sync(sql, {"by": kind})
    if row["last"] is None:
        return None
    first, last = max(start, row["first"]), min(end, f"{row['last']}~")
    return Totals(kind, first, last) if first < last else None
