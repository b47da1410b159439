"""What was used in the last week."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from pointsman_openrouter.popularity import Popularity


class Ledger:
    """Answers, and keeps the questions."""

    def __init__(self, *tables: str) -> None:
        self.tables = tables
        self.asked: list[Any] = []

    def has_table(self, name: str) -> bool:
        return name in self.tables

    async def select(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        self.asked.append(params)
        await asyncio.sleep(0)
        return [{"model": "acme/large", "tokens": 12}]


async def test_each_question_is_asked_once_in_a_while() -> None:
    popularity, ledger = Popularity(), Ledger("usage_days", "generations")
    asked: Any = ledger
    for _ in range(2):
        assert await popularity.tokens(asked) == {"acme/large": 12}
        assert await popularity.of_task(asked, "science") == {"acme/large": 12}
        assert await popularity.of_task(asked, "legal") == {"acme/large": 12}
    assert [each["task"] for each in ledger.asked] == [None, "science", "legal"]
    week_ago = (datetime.now(UTC) - timedelta(days=7)).date().isoformat()
    assert ledger.asked[0]["since"] <= week_ago


async def test_many_who_ask_at_a_time_wait_for_one_answer() -> None:
    popularity, ledger = Popularity(), Ledger("usage_days")
    asked: Any = ledger
    await asyncio.gather(*(popularity.tokens(asked) for _ in range(3)))
    assert len(ledger.asked) == 1


async def test_without_records_nothing_is_popular() -> None:
    silent: Any = Ledger()
    assert await Popularity().tokens(silent) == await Popularity().of_task(silent, "legal") == {}
    assert silent.asked == []
