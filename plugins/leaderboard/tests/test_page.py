"""The page: who sees what, and what can be asked."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman_usage.totals import close_totals

Serve = Callable[..., Any]


async def test_everything_is_on_one_page(serve: Serve) -> None:
    async with serve() as desk:
        desk.used(count=3)
        answer = await desk.get()
        assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["object"] == "leaderboard"
    assert found.keys() >= {
        *("as_of", "window", "usage", "quality", "value", "endpoints", "week", "prices", "savings")
    }


@pytest.mark.parametrize(("who", "requests"), [("root", 3), ("chief", 2), ("alice", 0)])
async def test_usage_is_that_of_whom_one_may_see(serve: Serve, who: str, requests: int) -> None:
    async with serve() as desk:
        desk.used(count=2)
        desk.used(team="blue", team_name="blue", key_id="key-2")
        found = (await desk.get(who, parts="usage,endpoints")).json()
    assert found["usage"]["totals"]["requests"] == requests
    assert found["endpoints"][0]["n"] == 3


@pytest.mark.parametrize(
    "query",
    [
        {"window": "1s"},
        {"window": "soon"},
        {"window": "9999d"},
        {"parts": "usage,gossip"},
        {"by": "colour"},
        {"limit": "0"},
        {"zone": "Nowhere/There"},
        {"zone": "../etc/passwd"},
        {"colour": "red"},
    ],
)
async def test_what_cannot_be_asked_is_refused(serve: Serve, query: dict[str, str]) -> None:
    async with serve() as desk:
        answer = await desk.get(**query)
        assert answer.status_code == 400, answer.text


async def test_a_page_is_remembered_for_a_moment(serve: Serve) -> None:
    async with serve() as desk:
        desk.used()
        first = (await desk.get(parts="usage")).json()
        desk.used()
        assert (await desk.get(parts="usage")).json() == first
        other = (await desk.get(parts="usage", by="provider")).json()
    assert other["usage"]["totals"]["requests"] == 2


async def test_without_a_record_there_are_only_prices(serve: Serve) -> None:
    async with serve("plugins: {usage: false, feedback: false, leaderboard: {}}\n") as desk:
        found = (await desk.get()).json()
    assert "usage" not in found
    assert found["prices"]


async def test_quality_and_value_may_be_of_one_task_and_the_rest_of_all(serve: Serve) -> None:
    async with serve() as desk:
        desk.used(count=3, task="maths")
        desk.used(count=2, task="writing")
        desk.said("acme/large", 1.0, count=9)
        desk.said("acme/large", 1.0, count=2, task="writing")
        parts = "usage,quality,value"
        most = (await desk.get(parts=parts, of_task="")).json()
        other = (await desk.get(parts=parts, of_task="writing")).json()
    assert (most["task"], most["tasks"]) == ("maths", ["maths", "writing"])
    assert other["task"] == "writing"
    for found in (most, other):
        assert found["usage"]["totals"]["requests"] == 5
        assert {row["task"] for row in (*found["quality"]["rows"], *found["value"])} == {found["task"]}


async def test_totals_of_hours_and_days_change_nothing_that_is_said(serve: Serve) -> None:
    async with serve() as desk:
        for hours in (1, 5, 30, 31, 100, 400, 900):
            desk.used(hours=hours, task="maths", count=2)
            desk.used("acme/small", hours=hours, app="x")
        asked = [{"by": by, "window": window} for by in ("model", "app", "task") for window in ("7d", "30d")]
        before = [(await desk.get(parts="usage", **each)).json()["usage"] for each in asked]
        await close_totals(desk.ledger, datetime.now(UTC))
        desk.served.gateway.setup.plugins.get("leaderboard").target._pages = None
        assert [(await desk.get(parts="usage", **each)).json()["usage"] for each in asked] == before
        assert len(await desk.served.rows("usage_totals")) > 50
