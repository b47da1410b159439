"""Endpoints and hours of the week, from a real ledger; and the price board."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman_leaderboard.reliability import _clustering, _night, _row, _Seen
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


MIDNIGHT = datetime(2026, 11, 2)


def night(**nights: list[tuple[int, int]]) -> dict[str, Any]:
    """Who is most reliable, by what each provider answered of how many attempts, night by night."""
    seen = {name: _Seen() for name in nights}
    for name, found in nights.items():
        for number, (good, n) in enumerate(found):
            seen[name].add(MIDNIGHT + timedelta(days=number), good, n)
    usual = _clustering([[*each.nights.values()] for each in seen.values()])
    return _night([_row(name, each, usual) for name, each in seen.items()])


def test_who_is_most_reliable_at_night_is_said_only_when_intervals_separate() -> None:
    assert night(a=[(100, 100)] * 10, b=[(90, 100)] * 10)["provider"] == "a"
    assert night(a=[(10, 10)] * 10, b=[(10, 10)] * 9 + [(7, 10)])["provider"] is None
    assert night(a=[(100, 100)] * 10, b=[(1, 1)] * 10)["provider"] is None
    assert night(a=[(100, 100)] * 10, b=[(90, 100)] * 10, c=[(999, 1000)] * 10)["provider"] is None
    assert "two providers" in night(a=[(100, 100)] * 10)["why"]


def test_one_bad_night_says_little_of_who_is_reliable() -> None:
    """Failures come together: a thousand of them in one outage are one thing that happened."""
    assert night(a=[(500, 500)] * 28, b=[(500, 500)] * 27 + [(100, 500)])["provider"] is None
    assert night(a=[(500, 500)] * 28, b=[(450, 500), (500, 500)] * 14)["provider"] == "a"
    assert "on 5 nights" in night(a=[(500, 500)] * 4, b=[(100, 500)] * 4)["why"]


def test_hardly_anybody_is_named_where_all_are_alike() -> None:
    """Each hour is half lost with 1 %, at all of them; then at two of three with 10 %."""
    chance = random.Random(3)

    def told(*risks: float) -> bool:
        nights = {
            f"p{number}": [
                (sum(25 if chance.random() < risk else 50 for _ in range(8)), 400) for _ in range(28)
            ]
            for number, risk in enumerate(risks)
        }
        return night(**nights)["provider"] is not None

    assert sum(told(0.01, 0.01, 0.01) for _ in range(100)) <= 2
    assert sum(told(0.01, 0.1, 0.1) for _ in range(50)) >= 35


def test_a_night_ends_in_the_morning() -> None:
    seen = _Seen()
    for hour in (21, 22, 29, 30):
        seen.add(MIDNIGHT + timedelta(hours=hour), 1, 2)
    assert [*seen.nights.values()] == [[2, 4]]


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
