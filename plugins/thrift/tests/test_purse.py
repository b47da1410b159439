"""What may be spent in one day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pointsman.testing import running
from pointsman_thrift.shadow.purse import Purse


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 27, 23, 59, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_no_more_is_taken_than_there_is() -> None:
    purse = Purse(100, Clock())
    assert purse.take(60)
    assert not purse.take(41)
    assert purse.take(40)
    assert purse.left == 0


def test_what_was_not_used_may_be_spent_again_and_what_was_used_beyond_is_gone() -> None:
    purse = Purse(100, Clock())
    purse.take(60)
    purse.settle(60, 10)
    assert purse.left == 90
    purse.take(20)
    purse.settle(20, 95)
    assert purse.left == -5
    assert not purse.take(1)


def test_each_day_begins_anew() -> None:
    clock = Clock()
    purse = Purse(100, clock)
    purse.take(100)
    clock.now += timedelta(minutes=2)
    assert purse.left == 100


async def test_what_was_spent_before_a_restart_counts() -> None:
    config = (
        "auth: none\nmodels: {a: {endpoints: [{endpoint: echo/echo, price: {input: 1000000, output: 0}}]}}"
    )
    async with running(config) as served:
        body = {"model": "a", "messages": [{"role": "user", "content": "one two three"}]}
        await served.gateway.ask(body, plugin="thrift", dialect="openai-chat")
        await served.gateway.ask(body, plugin="another", dialect="openai-chat")
        await served.client.post("/v1/chat/completions", json=body)
        rows = await served.rows("generations")
        spent = next(row["cost_nano"] for row in rows if row["key_name"] == "thrift")
        purse = Purse(10 * spent)
        await purse.recount(served.gateway.ledger, key="system", name="thrift")
        assert purse.left == 9 * spent
