"""What keys have spent, out of the roll-ups of days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

from pointsman.ledger import Ledger

from .shapes import SPANS, Spent

__all__ = ["spent_by", "spent_by_all"]

SUMS = """
sum(coalesce({column}, 0)) as "all",
sum(case when at >= :day then coalesce({column}, 0) else 0 end) as "day",
sum(case when at >= :week then coalesce({column}, 0) else 0 end) as "week",
sum(case when at >= :month then coalesce({column}, 0) else 0 end) as "month"
"""
TOTAL = f"select key_id, {SUMS.format(column='billed_nano')} from usage_days"  # noqa: S608
OWN = f"select key_id, {SUMS.format(column='billed_nano')} from generations where byok = 1"  # noqa: S608


async def spent_by(ledger: Ledger, key_id: str) -> Spent:
    """What one key has spent."""
    return (
        await _spent(ledger, " where key_id = :key", " and key_id = :key", {"key": key_id}, own=True)
    ).get(key_id, Spent({}, {}))


async def spent_by_all(ledger: Ledger, *, own: bool) -> dict[str, Spent]:
    """What each key has spent; `own` says whether any team has credentials of its own."""
    return await _spent(ledger, "", "", {}, own=own)


async def _spent(
    ledger: Ledger, of_days: str, of_generations: str, params: dict[str, object], *, own: bool
) -> dict[str, Spent]:
    if not ledger.has_table("usage_days"):
        return {}
    params |= _starts(datetime.now(UTC).date())
    rows = await ledger.select(f"{TOTAL}{of_days} group by key_id", params)
    byok: dict[str, dict[str, Any]] = {}
    if own:
        found = await ledger.select(f"{OWN}{of_generations} group by key_id", params)
        byok = {row["key_id"]: row for row in found}
    spent = {}
    for row in rows:
        theirs = {span: byok.get(row["key_id"], {}).get(span, 0) for span in SPANS}
        spent[row["key_id"]] = Spent({span: row[span] - theirs[span] for span in SPANS}, theirs)
    return spent


def _starts(today: date) -> dict[str, str]:
    """When day, week (from Monday) and month began, in UTC."""
    return {
        "day": today.isoformat(),
        "week": (today - timedelta(days=today.weekday())).isoformat(),
        "month": today.replace(day=1).isoformat(),
    }
