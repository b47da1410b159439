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
    assert purse.take(60) is not None
    assert purse.take(41) is None
    assert purse.take(40) is not None
    assert purse.left == 0


def test_what_was_not_used_may_be_spent_again_and_what_was_used_beyond_is_gone() -> None:
    purse = Purse(100, Clock())
    spend(purse, 60, 10)
    assert purse.left == 90
    waiting = purse.take(10)
    spend(purse, 20, 95)
    assert waiting is not None
    assert purse.left == -15
    assert purse.take(1) is None
    assert not purse.confirm(waiting)
    purse.settle(waiting)
    assert purse.left == -5


def test_each_day_begins_anew() -> None:
    clock = Clock()
    purse = Purse(100, clock)
    purse.take(100)
    clock.now += timedelta(minutes=2)
    assert purse.left == 100


def test_what_waits_over_midnight_is_taken_from_the_new_day() -> None:
    clock = Clock()
    purse = Purse(100, clock)
    first, second, third = (purse.take(30) for _ in range(3))
    assert first is not None
    assert second is not None
    assert third is not None
    first.used = 25
    clock.now += timedelta(minutes=2)
    purse.settle(first)
    assert purse.left == 75
    assert purse.confirm(second)
    assert purse.left == 45
    purse.take(20)
    assert not purse.confirm(third)
    second.used = 30
    for each in (second, third):
        purse.settle(each)
    assert purse.left == 25


def spend(purse: Purse, taken: int, used: int) -> None:
    held = purse.take(taken)
    assert held is not None
    assert purse.confirm(held)
    held.used = used
    purse.settle(held)


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
