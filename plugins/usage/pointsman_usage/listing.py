"""Listings: single generations, newest first, page by page, or as they come.

Each query reads along one index in the order of its answer and stops when the page is full.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pointsman.columns import aligned
from pointsman.ledger import Reading, Table
from pointsman.money import drifts

from .generations import GENERATIONS
from .rollups import DAYS, HOURS
from .text import amount, count, duration, usd

__all__ = [
    "COLUMNS",
    "ERRORS",
    "OUTCOMES",
    "Place",
    "Wanted",
    "as_table",
    "newest",
    "page",
    "place_of",
    "since_place",
]

OUTCOMES = ("complete", "incomplete", "failed", "cancelled")
ERRORS = ("failed", "incomplete")
COLUMNS = (*GENERATIONS.columns, "cost_usd", "billed_usd", "reported_usd", "saved_usd")
FLAGS = [name for name, column in GENERATIONS.columns.items() if column.type == "boolean"]
TIMES = [name for name, column in GENERATIONS.columns.items() if column.type == "real"]
FEW = 20_000
"""So many costly generations are looked up by their cost and sorted; of more, some are met soon."""
COSTLY = "cost_bits >= :bits and cost_nano > :cost"
"""An index on the cost itself would put each new row somewhere else: it would be most of what a row costs."""
AFTER = "~"
"""Sorts behind every time that begins as the text before it."""

Place = tuple[str, str]
"""Where a page begins: time and id of the row before it."""
Query = tuple[list[str], dict[str, Any]]
"""Conditions and their parameters."""


@dataclass(frozen=True)
class Wanted:
    """Which generations: keys and teams by id or name, `since` and `until` as rows carry their times,
    `cost_over` in nano-USD."""

    key: str | None = None
    team: str | None = None
    model: str | None = None
    provider: str | None = None
    outcomes: tuple[str, ...] = ()
    cost_over: int | None = None
    since: str | None = None
    until: str | None = None


def page(ledger: Reading, wanted: Wanted, *, before: Place | None = None, limit: int) -> list[dict[str, Any]]:
    """At most `limit` generations, the newest first, of those behind a place."""
    found: list[dict[str, Any]] = []
    costly = wanted.cost_over is not None and _are_few(ledger, wanted.cost_over)
    for outcome in wanted.outcomes or (None,):
        equal, params = _conditions(ledger, wanted, outcome)
        further = _between(wanted, params)
        params |= {"limit": limit, **_limit(wanted.cost_over)}
        if before is not None:
            further.append("{at} <= :at and ({at} < :at or id < :id)")
            params |= {"at": before[0], "id": before[1]}
        if costly:  # a column with a plus before it is not looked up in its index
            further += [COSTLY, *(f"+{each}" for each in equal)]
            found += _select(ledger, further, params, at="+at")
            continue
        if wanted.cost_over is not None:
            further.append(f"+{COSTLY}")
        if len(equal) > 1:
            found += _narrowed(ledger, equal, outcome, further, params)
        else:
            found += _select(ledger, [*equal, *further], params)
    found.sort(key=lambda row: (row["at"], row["id"]), reverse=True)
    return [_shown(row) for row in found[:limit]]


def _conditions(ledger: Reading, wanted: Wanted, outcome: str | None) -> Query:
    """What is wanted of columns that have an index."""
    conditions: list[str] = []
    params: dict[str, Any] = {}
    for column, name, value in (
        ("key_id", "key_name", wanted.key),
        ("team", "team_name", wanted.team),
    ):
        if value is not None:
            ids = _ids(ledger, column, name, value)
            places = {f"{column}{number}": each for number, each in enumerate(ids)}
            conditions.append(f"{column} in ({', '.join(f':{each}' for each in places)})")
            params |= places
    for column, value in (("model", wanted.model), ("provider", wanted.provider), ("outcome", outcome)):
        if value is not None:
            conditions.append(f"{column} = :{column}")
            params[column] = value
    return conditions, params


def _between(wanted: Wanted, params: dict[str, Any]) -> list[str]:
    """What is wanted of the time."""
    conditions = []
    for name, comparison, value in (("since", ">=", wanted.since), ("until", "<", wanted.until)):
        if value is not None:
            conditions.append(f"{{at}} {comparison} :{name}")
            params[name] = value
    return conditions


def _ids(ledger: Reading, column: str, name: str, value: str) -> list[str]:
    """The ids of those that are, or were, called so; the text itself where nobody is."""
    sql = f"select distinct {column} as id from {DAYS.name} where {name} = :value or {column} = :value"  # noqa: S608
    return [row["id"] for row in ledger.select_sync(sql, {"value": value}) if row["id"]] or [value]


def _select(
    ledger: Reading, conditions: Sequence[str], params: Mapping[str, Any], *, at: str = "at"
) -> list[dict[str, Any]]:
    """The newest rows under all conditions. With `+at` no index on the time is read."""
    where = _all(conditions).format(at=at)
    sql = f"select * from generations where {where} order by {at} desc, id desc limit :limit"  # noqa: S608
    return ledger.select_sync(sql, params)


def _limit(cost: int | None) -> dict[str, int]:
    """The parameters of COSTLY."""
    return {} if cost is None else {"cost": cost, "bits": cost.bit_length()}


def _are_few(ledger: Reading, cost: int) -> bool:
    """Whether few generations cost more."""
    costly = f"select 1 from generations where {COSTLY} limit :most"  # noqa: S608 - our own condition
    sql = f"select count(*) as found from ({costly}) as costly"  # noqa: S608
    (row,) = ledger.select_sync(sql, {**_limit(cost), "most": FEW + 1})
    found: int = row["found"]
    return found <= FEW


def _narrowed(
    ledger: Reading,
    equal: Sequence[str],
    outcome: str | None,
    further: Sequence[str],
    params: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """As `_select`, for several conditions of which each alone may be met by many rows: the roll-ups tell in
    which hours all are met."""
    met = [each for each in equal if not each.startswith("outcome")]
    if outcome is not None:
        met.append({"complete": "complete > 0", "cancelled": "cancelled > 0"}.get(outcome, "errors > 0"))
    found: list[dict[str, Any]] = []
    limit: int = params["limit"]

    def look(start: str, end: str) -> bool:
        """Whether there are enough, with those of a span."""
        span = {**params, "start": start, "end": end, "limit": limit - len(found)}
        found.extend(_select(ledger, [*equal, *further, "{at} >= :start and {at} < :end"], span))
        return len(found) == limit

    first, last = params.get("since", ""), min(params.get("at", AFTER), params.get("until", AFTER))
    kept = _oldest(ledger, HOURS)
    for day in _periods(ledger, DAYS, met, {**params, "start": first[:10], "end": last}):
        hours = _periods(ledger, HOURS, met, {**params, "start": day, "end": day + AFTER})
        spans = [(each, each + AFTER) for each in hours]
        if day <= kept[:10]:  # those before are deleted
            spans.append((day, min(day + AFTER, kept)))
        if any(look(*span) for span in spans):
            return found
    look("", _oldest(ledger, DAYS))
    return found


def _oldest(ledger: Reading, table: Table) -> str:
    """The first period that there is; a time behind all others without one."""
    (row,) = ledger.select_sync(f"select min(at) as at from {table.name}")  # noqa: S608 - our own name
    return row["at"] or AFTER


def _periods(
    ledger: Reading, table: Table, conditions: Sequence[str], params: Mapping[str, Any]
) -> list[str]:
    """The periods in which anything meets all conditions, the newest first."""
    sql = (
        f"select distinct at from {table.name} where at >= :start and at < :end and {_all(conditions)} "  # noqa: S608
        "order by at desc"
    )
    return [row["at"] for row in ledger.select_sync(sql, params)]


def _all(conditions: Sequence[str]) -> str:
    return " and ".join(conditions) or "1 = 1"


def place_of(ledger: Reading, generation_id: str) -> Place | None:
    """The place of a generation; None where there is none of this id."""
    rows = ledger.select_sync("select at from generations where id = :id", {"id": generation_id})
    return (rows[0]["at"], generation_id) if rows else None


def newest(ledger: Reading) -> int:
    """Where the row stands that was written last: rows are numbered in the order of their writing."""
    (row,) = ledger.select_sync("select coalesce(max(rowid), 0) as place from generations")
    return int(row["place"])


def since_place(ledger: Reading, wanted: Wanted, after: int) -> tuple[list[dict[str, Any]], int]:
    """The generations written behind a place, in that order, and where the last one stands."""
    last = newest(ledger)
    rows: list[dict[str, Any]] = []
    for outcome in wanted.outcomes or (None,):
        conditions, params = _conditions(ledger, wanted, outcome)
        conditions += _between(wanted, params)
        if wanted.cost_over is not None:
            conditions.append(COSTLY)
        new = "select rowid as place, * from generations where rowid > :after and rowid <= :last limit -1"
        where = _all(conditions).format(at="at")
        sql = f"select * from ({new}) where {where}"  # noqa: S608 - our own conditions
        limit = _limit(wanted.cost_over)
        rows += ledger.select_sync(sql, {**params, "after": after, "last": last, **limit})
    rows.sort(key=lambda row: int(row["place"]))
    for row in rows:
        del row["place"]
    return [_shown(row) for row in rows], last


def _shown(row: dict[str, Any]) -> dict[str, Any]:
    """A row as it is stored, with true booleans, times to the microsecond, its attempts and rarer counts
    read, and amounts in dollars."""
    for name in FLAGS:
        row[name] = bool(row[name])
    for name in TIMES:
        if row[name] is not None:
            row[name] = round(row[name], 3)
    row["tried"] = json.loads(row["tried"]) if row["tried"] else []
    row["more_counts"] = json.loads(row["more_counts"]) if row["more_counts"] else None
    for name in ("cost", "billed", "reported", "saved"):
        row[f"{name}_usd"] = usd(row[f"{name}_nano"])
    return row


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Generations for people."""
    return aligned(
        {
            "at": [row["at"][:19] for row in rows],
            "generation": [row["id"] for row in rows],
            "key": [row["key_name"] or "-" for row in rows],
            "endpoint": [_where(row) for row in rows],
            "outcome": [
                row["error_type"] or ("cached" if row["cached"] else row["outcome"]) or "-" for row in rows
            ],
            "input": [count(row["input_tokens"]) for row in rows],
            "output": [count(row["output_tokens"]) for row in rows],
            "cost USD": [amount(row["cost_usd"], unpriced=_used_anything(row)) for row in rows],
            "bill": [_bill(row) for row in rows],
            "first": [duration(row["first_content_ms"]) for row in rows],
            "total": [duration(row["total_ms"]) for row in rows],
        },
        left=5,
    )


def _used_anything(row: Mapping[str, Any]) -> bool:
    return row["input_tokens"] is not None or any("input" in attempt for attempt in row["tried"])


def _where(row: Mapping[str, Any]) -> str:
    """Where a request went, and which model answered there if it was another one."""
    place: str = row["endpoint"] or row["model"] or "-"
    return f"{place} ({row['served_model']})" if row["served_model"] else place


def _bill(row: Mapping[str, Any]) -> str:
    """What the provider reports, against the cost: `ok` within one per cent, else by how much it is more."""
    cost, reported = row["cost_nano"], row["reported_nano"]
    if cost is None or reported is None:
        return "-"
    if not drifts(cost, reported):
        return "ok"
    return f"{(reported - cost) / cost:+.1%}" if cost else "not free"
