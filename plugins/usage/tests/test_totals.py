"""Totals are read in the place of roll-ups, and come to the same, whenever they were made."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from pointsman.ledger import Ledger, open_ledger
from pointsman_usage import TABLES
from pointsman_usage.generations import GENERATIONS
from pointsman_usage.report import Filters, groups
from pointsman_usage.series import PERIODS, series
from pointsman_usage.totals import BY, close_totals

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)
ALL = Filters()
SOME = "delete from usage_totals where at in ('2026-11-20', '2026-11-26T20')"
ZERO: Any = {"text": "", "integer": 0, "real": 0.0, "boolean": False, "json": "{}"}


@pytest.fixture
async def ledger(tmp_path: Path) -> AsyncIterator[Ledger]:
    opened = open_ledger("sqlite:///ledger.db", base=tmp_path, durability="relaxed")
    await opened.open([*TABLES])
    yield opened
    await opened.close()


def row(number: int, at: datetime, chance: random.Random) -> tuple[Any, ...]:
    said = {
        "id": f"gen-{number}",
        "at": at.isoformat(timespec="milliseconds"),
        "key_id": chance.choice(["key-1", "key-2"]),
        "key_name": chance.choice(["ann", "bob"]),
        "team": chance.choice(["red", "", None]),
        "model": chance.choice(["a", "b'c", "d|e"]),
        "provider": chance.choice(["lab", None]),
        "app": chance.choice(["x", None]),
        "task": chance.choice(["maths", None]),
        "outcome": chance.choice(["complete", "failed"]),
        "input_tokens": chance.randrange(100),
        "output_tokens": chance.randrange(100),
        "cost_nano": chance.choice([None, chance.randrange(10**6)]),
    }
    return tuple(
        said.get(name, ZERO[column.type] if column.required else None)
        for name, column in GENERATIONS.columns.items()
    )


async def write(ledger: Ledger, rows: int, *, first: int = 0, back: timedelta = timedelta(days=12)) -> None:
    chance = random.Random(first)
    for number in range(first, first + rows):
        ledger.insert(GENERATIONS.name, row(number, NOW - back * chance.random(), chance))
    await ledger.flush()


async def told(ledger: Ledger, filters: Filters = ALL) -> list[Any]:
    """All that reports and series say."""

    def read(reading: Any) -> list[Any]:
        found: list[Any] = []
        for by in (*BY, "day"):
            for days in (0.2, 3, 30):
                since = NOW - timedelta(days=days)
                found.append(groups(reading, by, since=since, until=NOW, filters=filters, limit=100))
                for period in PERIODS.values():
                    span = {"since": since, "until": NOW}
                    found.append(series(reading, period, by, filters=filters, **span))
            found.append(groups(reading, by, limit=100))
        return [[dict(sorted(each.items())) for each in rows] for rows in found]

    result: list[Any] = await ledger.read(read)
    return [
        [{name: round(v, 6) if isinstance(v, float) else v for name, v in each.items()} for each in rows]
        for rows in result
    ]


def filtered(rows: list[Any]) -> list[Any]:
    """Of what is said by each thing, all but the last, which is said of everything."""
    return [each for number, each in enumerate(rows, 1) if number % 13]


async def count(ledger: Ledger) -> int:
    (found,) = await ledger.select("select count(*) as n from usage_totals")
    return int(found["n"])


async def test_they_come_to_what_the_roll_ups_come_to(ledger: Ledger) -> None:
    await write(ledger, 2000)
    before = await told(ledger)
    await close_totals(ledger, NOW)
    assert await count(ledger) > 500
    assert await told(ledger) == before
    await ledger.execute([(SOME, {})])
    assert await told(ledger) != before  # they are what is read


async def test_what_is_filtered_is_read_from_the_roll_ups(ledger: Ledger) -> None:
    await write(ledger, 300)
    before = await told(ledger, Filters(team="red"))
    await close_totals(ledger, NOW)
    await ledger.execute([(SOME, {})])
    assert filtered(await told(ledger, Filters(team="red"))) == filtered(before)


async def test_what_comes_late_is_added_and_what_is_open_is_left_alone(ledger: Ledger) -> None:
    await write(ledger, 300)
    await close_totals(ledger, NOW)
    made = await count(ledger)
    await write(ledger, 300, first=300, back=timedelta(hours=20))
    await close_totals(ledger, NOW + timedelta(minutes=10))
    assert await count(ledger) == made  # no hour has ended since
    for hours in (1, 12, 24):
        await close_totals(ledger, NOW + timedelta(hours=hours))
    after = await told(ledger)
    await ledger.execute([("delete from usage_totals", {})])
    assert await told(ledger) == after


async def test_hours_are_forgotten_that_nobody_looks_at(ledger: Ledger) -> None:
    await write(ledger, 300)
    await close_totals(ledger, NOW)
    await close_totals(ledger, NOW + timedelta(days=30))
    rows = await ledger.select("select by, min(at) as at from usage_totals group by by")
    assert {row["by"].split()[1] for row in rows} == {"day"}


async def test_a_ledger_without_anything_has_none(ledger: Ledger) -> None:
    await close_totals(ledger, NOW)
    assert await count(ledger) == 0
    assert [rows for rows in await told(ledger) if rows] == []
