"""What keys have spent, out of the roll-ups of days."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from pointsman.ledger import Ledger
from pointsman_keys import FAMILY

from .shapes import SPANS, Spent

__all__ = ["spent_by", "spent_by_all"]

SUMS = """
sum(coalesce({column}, 0)) as "all",
sum(case when at >= :day then coalesce({column}, 0) else 0 end) as "day",
sum(case when at >= :week then coalesce({column}, 0) else 0 end) as "week",
sum(case when at >= :month then coalesce({column}, 0) else 0 end) as "month"
"""
TOTAL = f"select key_id, {SUMS.format(column='billed_nano')} from usage_days"  # noqa: S608
MAKERS = "select 'key-' || substr(hash, 1, 12) as id, maker from keys where maker is not null"
OWN = f"select key_id, {SUMS.format(column='billed_nano')} from generations where byok = 1"  # noqa: S608


async def spent_by(ledger: Ledger, key_id: str, *, own: bool) -> Spent:
    """What one key has spent, with what keys have that it made; `own` says whether its team has credentials
    of its own."""
    params: dict[str, object] = {"id": key_id}
    whose = FAMILY if ledger.has_table("keys") else "key_id = :id"
    days = await _days(ledger, f" where {whose}", params)
    byok = await ledger.select(f"{OWN} and key_id = :id group by key_id", params) if own and days else []
    others = [row for row in days if row["key_id"] != key_id]
    made = {span: sum(row[span] for row in others) for span in SPANS}
    return _spent(next((row for row in days if row["key_id"] == key_id), {}), next(iter(byok), {}), made)


async def spent_by_all(ledger: Ledger, *, own: bool) -> dict[str, Spent]:
    """The same of each key; `own` says whether any team has credentials of its own."""
    params: dict[str, object] = {}
    days = await _days(ledger, "", params)
    found = await ledger.select(f"{OWN} group by key_id", params) if own and days else []
    makers = await ledger.select(MAKERS, {}) if days and ledger.has_table("keys") else []
    totals, byok = ({row["key_id"]: row for row in rows} for rows in (days, found))
    made = _made(totals, {row["id"]: row["maker"] for row in makers})
    names = {*totals, *made}
    return {name: _spent(totals.get(name, {}), byok.get(name, {}), made.get(name, {})) for name in names}


async def _days(ledger: Ledger, whose: str, params: dict[str, object]) -> list[dict[str, Any]]:
    if not ledger.has_table("usage_days"):
        return []
    params |= _starts(datetime.now(UTC).date())
    return await ledger.select(f"{TOTAL}{whose} group by key_id", params)


def _made(totals: Mapping[str, Mapping[str, int]], makers: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """What was spent by keys for those that made them, and for those that made these."""
    made: dict[str, dict[str, int]] = {}
    for key_id, row in totals.items():
        maker = makers.get(key_id)
        while maker is not None:
            sums = made.setdefault(maker, dict.fromkeys(SPANS, 0))
            for span in SPANS:
                sums[span] += row[span]
            maker = makers.get(maker)
    return made


def _spent(row: Mapping[str, int], own: Mapping[str, int], made: Mapping[str, int]) -> Spent:
    theirs = {span: own.get(span, 0) for span in SPANS}
    return Spent({span: row.get(span, 0) - theirs[span] for span in SPANS}, theirs, made)


def _starts(today: date) -> dict[str, str]:
    """When day, week (from Monday) and month began, in UTC."""
    return {
        "day": today.isoformat(),
        "week": (today - timedelta(days=today.weekday())).isoformat(),
        "month": today.replace(day=1).isoformat(),
    }
