"""What keys have spent, by span."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pointsman_openrouter.shapes import Spent
from pointsman_openrouter.spending import _starts, spent_by, spent_by_all


class Ledger:
    """Answers from lists, and keeps the questions."""

    def __init__(self, days: list[dict[str, Any]], own: list[dict[str, Any]], *, tables: bool = True) -> None:
        self.answers = {"usage_days": days, "generations": own}
        self.tables = tables
        self.asked: list[str] = []

    def has_table(self, name: str) -> bool:
        return self.tables

    async def select(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(sql)
        table = next(name for name in ("generations", "usage_days", "keys") if f"from {name}" in sql)
        return self.answers.get(table, [])


def row(key: str, *amounts: int) -> dict[str, Any]:
    return {"key_id": key, **dict(zip(("all", "day", "week", "month"), amounts, strict=True))}


@pytest.mark.parametrize(
    ("today", "week", "month"),
    [
        (date(2026, 11, 26), "2026-11-23", "2026-11-01"),
        (date(2026, 11, 23), "2026-11-23", "2026-11-01"),
        (date(2027, 1, 1), "2026-12-28", "2027-01-01"),
        (date(2026, 3, 1), "2026-02-23", "2026-03-01"),
    ],
)
def test_spans_begin_with_the_day_with_monday_and_with_the_first(today: date, week: str, month: str) -> None:
    assert _starts(today) == {"day": today.isoformat(), "week": week, "month": month}


async def test_what_was_at_a_teams_own_expense_is_told_apart() -> None:
    ledger: Any = Ledger([row("a", 10, 1, 4, 8), row("b", 5, 0, 0, 0)], [row("a", 4, 1, 1, 2)])
    found = await spent_by_all(ledger, own=True)
    assert found["a"] == Spent(
        {"all": 6, "day": 0, "week": 3, "month": 6}, {"all": 4, "day": 1, "week": 1, "month": 2}
    )
    assert found["b"].byok == {"all": 0, "day": 0, "week": 0, "month": 0}


async def test_without_teams_own_credentials_no_generation_is_looked_at() -> None:
    ledger: Any = Ledger([row("a", 1, 1, 1, 1)], [])
    await spent_by_all(ledger, own=False)
    assert not any("generations" in sql for sql in ledger.asked)


async def test_a_key_that_has_spent_nothing_and_a_ledger_without_usage() -> None:
    zero = dict.fromkeys(("all", "day", "week", "month"), 0)
    silent: Any = Ledger([], [])
    without: Any = Ledger([], [], tables=False)
    for ledger in (silent, without):
        assert await spent_by(ledger, "a", own=True) == Spent(zero, zero, zero)
    assert without.asked == []


async def test_what_keys_spend_counts_for_those_that_made_them() -> None:
    days = [row("a", 10, 1, 4, 8), row("b", 5, 1, 1, 1), row("c", 3, 0, 0, 2)]
    ledger: Any = Ledger(days, [])
    ledger.answers["keys"] = [{"id": "b", "maker": "a"}, {"id": "c", "maker": "b"}, {"id": "x", "maker": "y"}]
    found = await spent_by_all(ledger, own=False)
    assert {name: each.made.get("all", 0) for name, each in found.items()} == {"a": 8, "b": 3, "c": 0}
    assert (found["a"].total["all"], found["a"].made["month"]) == (10, 3)
    alone = await spent_by(ledger, "a", own=False)
    assert (alone.total["all"], alone.made["all"]) == (10, 8)
