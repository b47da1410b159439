"""Sums from period to period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pointsman.testing import running
from pointsman_usage.report import Filters
from pointsman_usage.series import PERIODS, series

NOW = datetime(2026, 11, 27, 12, 30, tzinfo=UTC)


def test_periods_follow_each_other() -> None:
    hours = [*PERIODS["hour"].times(NOW - timedelta(hours=2), NOW)]
    assert hours == ["2026-11-27T10", "2026-11-27T11", "2026-11-27T12"]
    assert [*PERIODS["day"].times(NOW - timedelta(days=1), NOW)] == ["2026-11-26", "2026-11-27"]
    assert len([*PERIODS["minute"].times(NOW - timedelta(hours=1), NOW)]) == 61


async def test_sums_are_by_period_and_group_and_filtered() -> None:
    config = """
auth: none
models:
  a: {endpoints: [{endpoint: echo/echo, price: {input: 1000000, output: 0}}]}
  b: {endpoints: [echo/echo]}
"""
    async with running(config) as served:
        for model in ("a", "a", "b"):
            body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
            assert (await served.client.post("/v1/chat/completions", json=body)).status_code == 200
        await served.gateway.ledger.flush()
        now = datetime.now(UTC)
        span = {"since": now - timedelta(hours=1), "until": now}
        read = served.gateway.ledger.read
        rows = await read(lambda reading: series(reading, PERIODS["day"], "model", **span))
        assert {row["name"]: (row["requests"], row["unpriced"]) for row in rows} == {"a": (2, 0), "b": (1, 1)}
        assert all(row["cost_nano"] > 0 for row in rows if row["name"] == "a")
        only = Filters(model="b")
        rows = await read(lambda reading: series(reading, PERIODS["minute"], "model", filters=only, **span))
        assert [row["name"] for row in rows] == ["b"]
        old = {"since": now - timedelta(days=9), "until": now - timedelta(days=8)}
        assert await read(lambda reading: series(reading, PERIODS["hour"], "key", **old)) == []
