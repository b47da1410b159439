"""Reports: what generations come to, read from their roll-ups by parametrised queries.

A span of time is covered by whole days, the hours left over, and the minutes left over then, so that a year
costs little more to add up than a day.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.columns import aligned
from pointsman.config import Duration
from pointsman.ledger import Reading

from .rollups import DAYS, HOURS, MINUTES, TIMES
from .rollups import SUMS as SUMMED
from .text import amount, count, duration, usd
from .totals import BY, totals_of

__all__ = [
    "COLUMNS",
    "GROUPS",
    "MATCHES",
    "Filters",
    "as_table",
    "cover",
    "groups",
    "moment",
    "parts_of",
    "spans",
]

GROUPS: Mapping[str, tuple[str, str]] = {**BY, "day": ("substr(at, 1, 10)", "substr(at, 1, 10)")}
"""What to group by, and what to call each group."""

COLUMNS = (
    *("requests", "complete", "errors", "cancelled", "cached", "input_tokens", "output_tokens"),
    *("cache_read_tokens", "cache_write_tokens", "reasoning_tokens", "cost_nano", "billed_nano", "unpriced"),
    *("saved_nano", "drifted"),
    *("mean_first_content_ms", "mean_ms", "cost_usd", "billed_usd", "saved_usd"),
)
"""What is told of each group."""

Unit = tuple[str, int, timedelta]
UNITS: tuple[Unit, ...] = (
    (DAYS.name, 10, timedelta(days=1)),
    (HOURS.name, 13, timedelta(hours=1)),
    (MINUTES.name, 16, timedelta(minutes=1)),
)
"""Tables, coarse to fine: how many characters of a time say the period, and its length."""

Span = tuple[str, str, str]
"""A table, and the first time in it that counts and the first that does not."""
BEGINNING, END = "", "9999"
"""Sort before and after every time."""

MATCHES = """
    and (:key is null or key_id = :key or key_name = :key)
    and (:team is null or team = :team or team_name = :team)
    and (:model is null or model = :model)
    and (:provider is null or provider = :provider)
    and (:app is null or app = :app)
    and (:task is null or task = :task)
"""
"""That a row of roll-ups is among those of `Filters`."""
ADDED = ", ".join((*SUMMED, *TIMES))
PART = "select {columns} from {table} where at >= :from{number} and at < :to{number} {matches}"
TOTAL = """
select at, value as {value}{name}, {added} from usage_totals
where by = :by{number} and at >= :from{number} and at < :to{number}
"""
SUMS = """
select
    coalesce(max({name}), '') as name,
    sum(requests) as requests,
    sum(complete) as complete,
    sum(errors) as errors,
    sum(cancelled) as cancelled,
    sum(cached) as cached,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens,
    sum(cache_read_tokens) as cache_read_tokens,
    sum(cache_write_tokens) as cache_write_tokens,
    sum(reasoning_tokens) as reasoning_tokens,
    case when sum(priced) > 0 then sum(cost_nano) end as cost_nano,
    case when sum(priced) > 0 then sum(billed_nano) end as billed_nano,
    sum(unpriced) as unpriced,
    coalesce(sum(saved_nano), 0) as saved_nano,
    coalesce(sum(drifted), 0) as drifted,
    round(sum(first_content_ms) / nullif(sum(complete), 0), 3) as mean_first_content_ms,
    round(sum(complete_ms) / nullif(sum(complete), 0), 3) as mean_ms
from ({parts})
group by {group}
order by {order}
limit :limit
"""


@dataclass(frozen=True)
class Filters:
    """What to look at: keys and teams by id or name, the others as they are recorded."""

    key: str | None = None
    team: str | None = None
    model: str | None = None
    provider: str | None = None
    app: str | None = None
    task: str | None = None


def groups(
    ledger: Reading,
    by: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    filters: Filters = Filters(),
    limit: int,
) -> list[dict[str, Any]]:
    """Sums over the minutes from one time until before another, grouped `by` one of GROUPS, whose name is the
    first column; the largest first, days the newest first.

    `cost_nano` and `billed_nano` are null where no price of the group is known; so are the means where no
    answer was complete.
    """
    parts, params = parts_of(ledger, spans(ledger, since, until), by, filters)
    if not parts:
        return []
    group, name = GROUPS[by]
    order = f"{group} desc" if by == "day" else "sum(requests) desc, name"
    sql = SUMS.format(group=group, name=name, order=order, parts=parts)
    rows = ledger.select_sync(sql, {**params, "limit": limit})
    return [
        {
            by: row.pop("name"),
            **row,
            "cost_usd": usd(row["cost_nano"]),
            "billed_usd": usd(row["billed_nano"]),
            "saved_usd": usd(row["saved_nano"]),
        }
        for row in rows
    ]


def parts_of(
    ledger: Reading, several: Sequence[Span], by: str, filters: Filters
) -> tuple[str, dict[str, Any]]:
    """A query for the rows of these spans, and its parameters; '' without any. The rows have the time, the
    columns that tell one of GROUPS apart, and sums: of totals, where nothing is filtered and there are any,
    which are far fewer."""
    params: dict[str, Any] = asdict(filters)
    value, *name = dict.fromkeys(BY.get(by, ("at", "at")))
    columns = ", ".join((*dict.fromkeys(("at", value, *name)), ADDED))
    parts: list[str] = []

    def read(sql: str, start: str, end: str, **more: str) -> None:
        number = len(parts)
        parts.append(sql.format(number=number, columns=columns, added=ADDED, matches=MATCHES, **more))
        params.update({f"from{number}": start, f"to{number}": end})

    for table, start, end in several:
        total = totals_of(ledger, by, table, start, end) if filters == Filters() else None
        if total is None:
            read(PART, start, end, table=table)
            continue
        if start < total.start:
            read(PART, start, total.start, table=table)
        params[f"by{len(parts)}"] = total.by
        read(TOTAL, total.start, total.end, value=value, name="".join(f", name as {each}" for each in name))
        if total.end < end:
            read(PART, total.end, end, table=table)
    return " union all ".join(parts), params


def spans(ledger: Reading, since: datetime | None, until: datetime | None) -> list[Span]:
    """The fewest periods between two times, longer ones where shorter ones are not kept."""
    return cover(*_kept(ledger, since, until))


def cover(since: datetime | None, until: datetime | None) -> list[Span]:
    """The fewest periods between two times, the first rounded down to a minute and the second up."""
    return _cover(since, until, UNITS)


def _cover(since: datetime | None, until: datetime | None, units: Sequence[Unit]) -> list[Span]:
    if not units or (since is not None and until is not None and since >= until):
        return []
    (table, length, step), *finer = units
    if finer:
        start = since and _up(since, step)
        end = until and _down(until, step)
    else:
        start, end = since and _down(since, step), until and _up(until, step)
    if start is not None and end is not None and start >= end:
        return _cover(since, until, finer)
    spans = _cover(since, start, finer) if since is not None else []
    spans.append((table, _text(start, length) or BEGINNING, _text(end, length) or END))
    return spans + (_cover(end, until, finer) if until is not None else [])


def _kept(
    ledger: Reading, since: datetime | None, until: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """The span, widened to longer periods where shorter ones are not kept for so long."""
    for (table, length, _), (coarser, kept, longer) in zip(UNITS[:0:-1], UNITS[-2::-1], strict=True):
        oldest = _oldest(ledger, table)
        if _oldest(ledger, coarser) >= oldest[:kept]:
            continue
        if since is not None and _text(since, length) < oldest:
            since = _down(since, longer)
        if until is not None and _text(until, length) < oldest:
            until = _up(until, longer)
    return since, until


def _oldest(ledger: Reading, table: str) -> str:
    """The first period in a table."""
    (row,) = ledger.select_sync(f"select min(at) as oldest from {table}")  # noqa: S608 - our own name
    return row["oldest"] or END


def _down(moment: datetime, step: timedelta) -> datetime:
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return day + (moment - day) // step * step


def _up(moment: datetime, step: timedelta) -> datetime:
    down = _down(moment, step)
    return down if down == moment else down + step


def _text(moment: datetime | None, length: int) -> str:
    return moment.isoformat()[:length] if moment is not None else ""


def moment(text: str, now: datetime) -> datetime:
    """The moment that `7d` (so long ago) or `2026-11-01` means, in UTC. Raises ValueError.

    A date or time without a zone is in UTC.
    """
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = now - timedelta(seconds=Duration.parse(text))
    if found.tzinfo is None:
        found = found.replace(tzinfo=UTC)
    try:
        return found.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{text!r} is no time of ours") from None


def as_table(rows: Sequence[Mapping[str, Any]], by: str) -> str:
    """The rows of `groups` for people."""
    return aligned(
        {
            by: [str(row[by] or "-") for row in rows],
            "requests": [count(row["requests"]) for row in rows],
            "input": [count(row["input_tokens"]) for row in rows],
            "output": [count(row["output_tokens"]) for row in rows],
            "cost USD": [amount(row["cost_usd"], unpriced=row["unpriced"] > 0) for row in rows],
            "billed USD": [amount(row["billed_usd"], unpriced=row["unpriced"] > 0) for row in rows],
            "unpriced": [count(row["unpriced"]) for row in rows],
            "drifted": [count(row["drifted"]) for row in rows],
            "cached": [count(row["cached"]) for row in rows],
            "saved USD": [row["saved_usd"] for row in rows],
            "errors": [count(row["errors"]) for row in rows],
            "mean": [duration(row["mean_ms"]) for row in rows],
        },
        left=1,
    )
