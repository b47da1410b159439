"""Endpoints by hour and day: what counts, how fast they were, and days made of hours."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger import Ledger, open_ledger
from pointsman_usage import TABLES
from pointsman_usage.endpoints import (
    BUCKETS,
    ENDPOINT_HOURS,
    FASTEST,
    FIRSTS,
    SLOWEST,
    SPEEDS,
    close_days,
    endpoint_hours,
    percentile,
)
from pointsman_usage.generations import GENERATIONS

Write = Callable[..., None]
DONE: dict[str, Any] = {
    "at": "2026-11-20T10:00:00.000+00:00",
    "endpoint": "lab/large",
    "attempts": 1,
    "outcome": "complete",
    "byok": False,
    "stream": True,
    "estimated": False,
    "tried": None,
    "queue_ms": 5.0,
    "first_content_ms": 205.0,
    "total_ms": 1005.0,
    "output_tokens": 50,
}


def derived(*rows: dict[str, Any]) -> list[dict[str, Any]]:
    derive = endpoint_hours([*GENERATIONS.columns])
    made = derive([tuple(row.get(name) for name in GENERATIONS.columns) for row in rows])
    return [dict(zip(ENDPOINT_HOURS.columns, row, strict=True)) for row in made[ENDPOINT_HOURS.name]]


def failed(error: str, status: int | None = None, **more: Any) -> dict[str, Any]:
    tried = {"endpoint": "lab/large", "status": status, "error_type": error, "ms": 10, "byok": False, **more}
    return {**DONE, "outcome": "failed", "tried": json.dumps([tried])}


@pytest.mark.parametrize(
    ("row", "counts"),
    [
        (DONE, (1, 0, 0)),
        (failed("server", 500), (0, 1, 0)),
        (failed("provider_unavailable", 503), (0, 1, 0)),
        (failed("timeout"), (0, 1, 0)),
        (failed("authentication", 401), (0, 1, 0)),
        (failed("not_found", 404), (0, 1, 0)),
        (failed("rate_limit_exceeded", 429), (0, 0, 1)),
        (failed("invalid_request", 400), None),
        (failed("permission_denied", 403), None),
        (failed("context_length_exceeded", 400), None),
        (failed("server", 500, byok=True), None),
        ({**failed("server"), "tried": '[{"endpoint":"lab/large","error_type":null,"ms":null}]'}, None),
        ({**DONE, "byok": True}, None),
        ({**DONE, "outcome": "incomplete", "tried": failed("server", 200)["tried"]}, (0, 1, 0)),
        ({**DONE, "attempts": 0, "endpoint": None, "queue_ms": None}, None),
    ],
)
def test_attempts_count_by_the_rule_for_uptime(
    row: dict[str, Any], counts: tuple[int, int, int] | None
) -> None:
    found = [(each["good"], each["bad"], each["limited"]) for each in derived(row)]
    assert found == ([counts] if counts else [])


def test_each_attempt_of_a_request_counts_for_its_endpoint() -> None:
    tried = [
        {"endpoint": "a/m", "status": 500, "error_type": "server", "ms": 5, "byok": False},
        {"endpoint": "b/m", "status": 200, "error_type": None, "ms": 9, "byok": False},
    ]
    row = {**DONE, "endpoint": "b/m", "attempts": 2, "tried": json.dumps(tried)}
    found = {each["endpoint"]: (each["provider"], each["good"], each["bad"]) for each in derived(row)}
    assert found == {"a/m": ("a", 0, 1), "b/m": ("b", 1, 0)}


def test_times_are_those_of_the_endpoint_and_only_of_streams() -> None:
    (row,) = derived(DONE, {**DONE, "stream": False}, {**DONE, "estimated": True, "output_tokens": 10**6})
    firsts, speeds = [row[name] for name in FIRSTS], [row[name] for name in SPEEDS]
    assert (sum(firsts), sum(speeds)) == (2, 2)
    first, speed = percentile(firsts, 0.5, FASTEST), percentile(speeds, 0.5, SLOWEST)
    assert first == pytest.approx(200, rel=0.2)
    assert speed == pytest.approx(50, rel=0.2)
    assert row["id"] == "2026-11-20T10|lab/large"


VALUES = st.floats(0.01, 400_000)


@settings(deadline=None)
@given(st.lists(VALUES, min_size=1, max_size=40), st.sampled_from([0.5, 0.75, 0.9, 0.99]))
def test_a_percentile_is_told_within_a_bucket(values: list[float], share: float) -> None:
    rows = [{**DONE, "queue_ms": 0.0, "first_content_ms": value} for value in values]
    (row,) = derived(*rows)
    found = percentile([row[name] for name in FIRSTS], share, FASTEST)
    true = sorted(values)[max(0, -int(-share * len(values) // 1) - 1)]
    assert found is not None
    if true >= FASTEST:
        assert true / 2**0.5 <= found * 1.0001
        assert found <= true * 2**0.5 * 1.0001
    else:
        assert found <= FASTEST * 1.0001


def test_percentiles_of_nothing_are_not_known() -> None:
    assert percentile([0] * BUCKETS, 0.5, FASTEST) is None


@pytest.fixture
async def ledger(tmp_path: Path) -> Any:
    opened = open_ledger("sqlite:///days.db", base=tmp_path, durability="relaxed")
    await opened.open(TABLES)
    yield opened
    await opened.close()


def put(ledger: Ledger, row: dict[str, Any], *times: str) -> None:
    for number, at in enumerate(times):
        ledger.insert("generations", {**row, "id": f"gen-{at}-{number}", "at": f"{at}:00:00.000+00:00"})


async def test_days_are_made_of_hours_when_they_are_over(ledger: Ledger, row: dict[str, Any]) -> None:
    put(ledger, {**row, "queue_ms": 1.0}, "2026-11-18T23", "2026-11-20T10", "2026-11-20T11", "2026-11-21T01")
    await ledger.flush()

    async def days() -> list[tuple[str, int]]:
        found = await ledger.select("select at, good from endpoint_days order by at")
        return [(each["at"], each["good"]) for each in found]

    await close_days(ledger, datetime(2026, 11, 21, 1, 59, tzinfo=UTC))
    assert await days() == [("2026-11-18", 1)]  # of the 20th something may still come
    for _ in range(2):
        await close_days(ledger, datetime(2026, 11, 21, 2, tzinfo=UTC))
        assert await days() == [("2026-11-18", 1), ("2026-11-20", 2)]
    await close_days(ledger, datetime(2026, 11, 25, tzinfo=UTC))
    assert await days() == [("2026-11-18", 1), ("2026-11-20", 2), ("2026-11-21", 1)]


async def test_a_ledger_from_before_takes_the_new_columns(tmp_path: Path, row: dict[str, Any]) -> None:
    from dataclasses import replace

    def without_task(table: Any) -> Any:
        kept = {name: column for name, column in table.columns.items() if name != "task"}
        return replace(table, columns=kept, derive=None)

    old = open_ledger("sqlite:///old.db", base=tmp_path, durability="relaxed")
    await old.open([without_task(table) for table in TABLES if not table.name.startswith("endpoint_")])
    sums = {
        name: 1 if column.type == "integer" else 1.0
        for name, column in next(table for table in TABLES if table.name == "usage_days").columns.items()
        if column.type != "text"
    }
    old.insert("usage_days", {"id": "2026-11-20|old", "at": "2026-11-20", "model": "acme/large", **sums})
    await old.close()
    ledger = open_ledger("sqlite:///old.db", base=tmp_path, durability="relaxed")
    await ledger.open(TABLES)
    put(ledger, {**row, "task": "maths", "queue_ms": 1.0}, "2026-11-20T10")
    await ledger.flush()
    found = await ledger.select("select task, sum(requests) as requests from usage_days group by task")
    assert [(each["task"], each["requests"]) for each in found] == [(None, 1), ("maths", 1)]
    assert (await ledger.select("select good from endpoint_hours")) == [{"good": 1}]
    await ledger.close()
