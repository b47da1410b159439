"""Shares and trends, from a real ledger."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

Serve = Callable[..., Any]
DAY = 24


async def test_those_with_the_most_come_first_and_the_rest_is_one_row(serve: Serve) -> None:
    async with serve() as desk:
        for number, count in enumerate((3, 1, 2, 1)):
            desk.used(f"acme/m{number}", count=count, cost_nano=100)
        found = await desk.part("usage", limit=2, sort="requests")
    assert [row["name"] for row in found["rows"]] == ["acme/m0", "acme/m2", "other"]
    assert found["rows"][-1]["groups"] == 2
    assert found["totals"]["requests"] == 7
    assert sum(row["share"]["requests"] for row in found["rows"]) == pytest.approx(1)
    assert found["rows"][0]["cost_usd"] == "0.0000003"


async def test_a_trend_is_measured_against_three_windows_before(serve: Serve) -> None:
    async with serve() as desk:
        desk.used(count=5, hours=1)
        for days, count in ((1.5, 2), (2.5, 1), (3.5, 0), (4.5, 9)):
            desk.used(count=count, hours=days * DAY)
        found = await desk.part("usage", window="1d")
    (row,) = found["rows"]
    assert row["requests"] == 5
    assert row["before"]["requests"] == pytest.approx(1)
    assert row["trend"]["requests"] == pytest.approx(4)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", {"acme/large", "acme/small"}),
        ("provider", {"lab"}),
        ("app", {"editor", None}),
        ("team", {"red"}),
        ("task", {"maths", None}),
    ],
)
async def test_it_is_told_by_whatever_is_asked_for(serve: Serve, by: str, names: set[str | None]) -> None:
    async with serve() as desk:
        desk.used("acme/large", app="editor", task="maths")
        desk.used("acme/small")
        found = await desk.part("usage", by=by)
    assert {row["name"] for row in found["rows"]} == names


async def test_one_task_can_be_looked_at_alone(serve: Serve) -> None:
    async with serve() as desk:
        desk.used("acme/large", task="maths")
        desk.used("acme/small", count=2)
        found = await desk.part("usage", task="maths")
    assert [(row["name"], row["requests"]) for row in found["rows"]] == [("acme/large", 1)]


async def test_nothing_is_no_share(serve: Serve) -> None:
    async with serve() as desk:
        found = await desk.part("usage")
    assert found["rows"] == []
    assert found["totals"]["tokens"] == 0


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    used=st.lists(st.tuples(st.integers(0, 6), st.integers(0, 5000), st.integers(0, 9)), max_size=25),
    limit=st.integers(1, 8),
)
async def test_shares_add_up_whatever_is_behind_the_limit(
    serve: Serve, used: list[tuple[int, int, int]], limit: int
) -> None:
    async with serve() as desk:
        for model, tokens, cost in used:
            desk.used(f"acme/m{model}", input_tokens=tokens, cost_nano=cost)
        found = await desk.part("usage", limit=limit)
    rows, totals = found["rows"], found["totals"]
    assert len(rows) <= limit + 1
    assert totals["requests"] == len(used)
    for name in ("requests", "tokens", "cost_nano"):
        assert sum(row[name] for row in rows) == totals[name]
        assert sum(row["share"][name] for row in rows) == pytest.approx(1 if totals[name] else 0)
    tokens = [row["tokens"] for row in rows if row["id"] != "other"]
    assert tokens == sorted(tokens, reverse=True)
