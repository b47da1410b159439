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
        return self.answers["generations" if "from generations" in sql else "usage_days"]


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
    nothing = Spent({}, {})
    silent: Any = Ledger([], [])
    without: Any = Ledger([], [], tables=False)
    assert await spent_by(silent, "a") == await spent_by(without, "a") == nothing
    assert without.asked == []
