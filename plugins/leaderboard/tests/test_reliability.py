"""Endpoints and hours of the week, from a real ledger; and the price board."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman_leaderboard.reliability import _night, _rate
from pointsman_usage.endpoints import close_days

Serve = Callable[..., Any]


def failure(endpoint: str, error: str = "server", status: int = 500) -> dict[str, Any]:
    tried = [{"endpoint": endpoint, "status": status, "error_type": error, "ms": 5, "byok": False}]
    return {"outcome": "failed", "tried": json.dumps(tried), "error_type": error, "cost_nano": None}


async def test_uptime_has_an_interval_and_a_status_from_a_hundred_on(serve: Serve) -> None:
    async with serve() as desk:
        desk.used(count=90)
        desk.used(count=10, **failure("lab/large"))
        desk.used(count=3, **failure("lab/large", "rate_limit_exceeded", 429))
        desk.used("acme/small", count=5)
        large, small = await desk.part("endpoints")
    assert (large["endpoint"], large["n"], large["uptime"]) == ("lab/large", 100, 0.9)
    assert large["low"] < 0.9 < large["high"]
    assert large["status"] == "degraded"
    assert (large["limited"], large["limited_share"]) == (3, pytest.approx(3 / 103))
    assert large["first_content_n"] == 90
    assert large["first_content_ms"]["p50"] == pytest.approx(200, rel=0.2)
    assert large["tokens_per_second"]["p99"] == pytest.approx(100, rel=0.2)
    assert small["status"] == "too few requests"


async def test_days_that_are_closed_are_read_as_such_and_count_once(serve: Serve) -> None:
    async with serve() as desk:
        for days in range(10):
            desk.used(count=days + 1, hours=24 * days)
        await desk.ledger.flush()
        before = await desk.part("endpoints", window="7d")
        await close_days(desk.ledger, datetime.now(UTC) + timedelta(days=1))
        await desk.ledger.flush()
        after = await desk.part("endpoints", window="7d", limit=19)
    assert after == before
    assert before[0]["n"] == sum(range(1, 9))


async def test_hours_of_the_week_are_drawn_to_the_whole_week(serve: Serve) -> None:
    async with serve() as desk:
        desk.used(count=50, hours=1)
        desk.used(count=50, hours=2, **failure("lab/large"))
        found = await desk.part("week", zone="Europe/Paris")
    (row,) = found["providers"]
    assert (found["zone"], found["kappa"]) == ("Europe/Paris", 50)
    assert len(row["hours"]) == 168
    cells = [cell for cell in row["hours"] if cell["n"]]
    assert sorted(cell["rate"] for cell in cells) == pytest.approx([0.25, 0.75])
    assert all(cell["rate"] == 0.5 for cell in row["hours"] if not cell["n"])
    assert found["night"]["provider"] is None


def night(**rates: tuple[int, int]) -> dict[str, Any]:
    return _night([{"provider": name, "night": _rate(*counts)} for name, counts in rates.items()])


def test_who_is_most_reliable_at_night_is_said_only_when_intervals_separate() -> None:
    assert night(a=(1000, 1000), b=(900, 1000))["provider"] == "a"
    assert night(a=(100, 100), b=(97, 100))["provider"] is None
    assert night(a=(1000, 1000), b=(1, 10))["provider"] is None
    assert night(a=(1000, 1000), b=(900, 1000), c=(999, 1000))["provider"] is None
    assert "two providers" in night(a=(1000, 1000))["why"]


async def test_the_board_shows_the_next_price_and_when_it_comes(serve: Serve) -> None:
    async with serve() as desk:
        found = await desk.part("prices")
    small, *others = found
    assert small["endpoint"] == "lab/small"  # its price changes soonest
    assert {small["now"]["input"], small["next"]["input"]} == {"1.00", "2.00"}
    assert datetime.fromisoformat(small["next_change"]) > datetime.now(UTC)
    known = {row["endpoint"]: row for row in others}
    assert known["lab/large"]["now"] == {"input": "10.00", "output": "20.00"}
    assert known["lab/large"]["next"] is None
    assert known["lab/free"]["now"] is None
