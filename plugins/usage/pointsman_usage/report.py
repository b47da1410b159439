"""Reports: what the ledger's generations sum up to, read by parametrised queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman.config import Duration
from pointsman.ledger import ReadOnlyLedger
from pointsman.money import format_usd

__all__ = ["GROUPS", "as_table", "groups", "since", "singles"]

GROUPS = ("model", "provider", "key", "day")

SUMS = """
with chosen as (
    select
        case :by
            when 'model' then coalesce(model, model_asked)
            when 'provider' then coalesce(provider, '')
            when 'key' then coalesce(key_name, '')
            else substr(at, 1, 10)
        end as name,
        case when outcome = 'complete' then 1 else 0 end as complete,
        case when outcome in ('failed', 'incomplete') then 1 else 0 end as error,
        case when cost_nano is null and input_tokens is not null then 1 else 0 end as unpriced,
        input_tokens, output_tokens, cache_read_tokens, cache_write_tokens, reasoning_tokens,
        cost_nano, total_ms
    from generations
    where at >= :since
),
placed as (
    select
        chosen.*,
        row_number() over (partition by name, complete order by total_ms) as place,
        count(*) over (partition by name, complete) as peers
    from chosen
)
select
    name,
    count(*) as requests,
    coalesce(sum(input_tokens), 0) as input_tokens,
    coalesce(sum(output_tokens), 0) as output_tokens,
    coalesce(sum(cache_read_tokens), 0) as cache_read_tokens,
    coalesce(sum(cache_write_tokens), 0) as cache_write_tokens,
    coalesce(sum(reasoning_tokens), 0) as reasoning_tokens,
    sum(cost_nano) as cost_nano,
    sum(unpriced) as unpriced,
    sum(error) as errors,
    avg(case when complete = 1 and 2 * place between peers and peers + 2 then total_ms end) as median_ms
from placed
group by name
order by case when :by = 'day' then name end desc, count(*) desc, name
limit :limit
"""
"""One row a group; the middle one or two latencies of complete answers make the median."""

SINGLES = "select * from generations where at >= :since order by at desc, id limit :limit"


def groups(ledger: ReadOnlyLedger, by: str, *, since: str, limit: int) -> list[dict[str, Any]]:
    """Sums of the generations since a time, grouped `by` one of GROUPS, whose name is the first column.

    `cost_nano` is null, and `cost_usd` with it, where no price of the group is known.
    """
    rows = ledger.select_sync(SUMS, {"by": by, "since": since, "limit": limit})
    return [{by: row.pop("name"), **row, "cost_usd": _usd(row["cost_nano"])} for row in rows]


def singles(ledger: ReadOnlyLedger, *, since: str, limit: int) -> list[dict[str, Any]]:
    """The generations since a time, newest first, as they are stored, with `cost_usd`."""
    rows = ledger.select_sync(SINGLES, {"since": since, "limit": limit})
    for row in rows:
        row |= {name: bool(row[name]) for name in ("stream", "estimated")}
        row["cost_usd"] = _usd(row["cost_nano"])
    return rows


def since(text: str, now: datetime) -> str:
    """The moment that `7d` or `2026-11-01` means, as rows carry theirs. Raises ValueError.

    A date or time without a zone is in UTC.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = now - timedelta(seconds=Duration.parse(text))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")


def as_table(rows: Sequence[dict[str, Any]], by: str) -> str:
    """The rows of `groups` or `singles` for people."""
    if by != "none":
        columns = {
            by: [str(row[by] or "-") for row in rows],
            "requests": [f"{row['requests']:,}" for row in rows],
            "input": [f"{row['input_tokens']:,}" for row in rows],
            "output": [f"{row['output_tokens']:,}" for row in rows],
            "cost USD": [_cost(row) for row in rows],
            "unpriced": [f"{row['unpriced']:,}" for row in rows],
            "errors": [f"{row['errors']:,}" for row in rows],
            "median": [_duration(row["median_ms"]) for row in rows],
        }
        return _aligned(columns, left=1)
    columns = {
        "at": [row["at"][:19] for row in rows],
        "generation": [row["id"] for row in rows],
        "key": [row["key_name"] or "-" for row in rows],
        "endpoint": [row["endpoint"] or "-" for row in rows],
        "outcome": [row["error_type"] or row["outcome"] or "-" for row in rows],
        "input": [_count(row["input_tokens"]) for row in rows],
        "output": [_count(row["output_tokens"]) for row in rows],
        "cost USD": [_cost({**row, "unpriced": row["input_tokens"] is not None}) for row in rows],
        "total": [_duration(row["total_ms"]) for row in rows],
    }
    return _aligned(columns, left=5)


def _usd(nano: int | None) -> str | None:
    return format_usd(nano) if nano is not None else None


def _cost(row: dict[str, Any]) -> str:
    """An exact amount; where none is known, whether that is for want of a price or of any use."""
    if row["cost_usd"] is not None:
        return str(row["cost_usd"])
    return "unpriced" if row["unpriced"] else "-"


def _count(number: int | None) -> str:
    return f"{number:,}" if number is not None else "-"


def _duration(milliseconds: float | None) -> str:
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"


def _aligned(columns: dict[str, list[str]], *, left: int) -> str:
    """Columns as lines of text, the first `left` of them flush left, the others flush right."""
    lines: list[list[str]] = [[] for _ in range(len(next(iter(columns.values()))) + 1)]
    for number, (heading, cells) in enumerate(columns.items()):
        texts = [heading, *("".join(each if each.isprintable() else "?" for each in cell) for cell in cells)]
        width = max(len(text) for text in texts)
        for line, text in zip(lines, texts, strict=True):
            line.append(text.ljust(width) if number < left else text.rjust(width))
    return "\n".join("  ".join(line).rstrip() for line in lines)
