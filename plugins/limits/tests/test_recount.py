"""What hours and days have seen is counted again after a restart, by whom and for what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx

from pointsman.state import Demand, Quota
from pointsman.testing import Received, Running, Script

MANY = 10**9
Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

MORE = """, rules: [
      {per: model, match: "acme/*", requests: 9/day, output_tokens: 99/day},
      {per: [key, app], match: "chat*", tokens: 999/h},
      {per: provider, match: "other", requests: 9/day}]"""


async def used(served: Running, counter: str, period: str = "day") -> int:
    quota: Any = Quota(MANY, period)  # type: ignore[arg-type]
    return MANY - (await served.gateway.state.take([Demand(counter, quota, 0)])).remaining


async def test_requests_tokens_and_money_go_on_where_they_were(serve: Serve, ask: Ask) -> None:
    limits = "{requests: 9/day, tokens: 99/day, usd: 1/day}"
    teams = {"key": ", team: research", "top": "teams: {research: {limits: {tokens: 100/day}}}"}
    settings: dict[str, Any] = {**teams, "more": MORE, "frozen": False}
    async with serve(limits, **settings) as served:
        for _ in range(2):
            assert (await ask(served, max_tokens=10)).status_code == 200
        served.client.headers["x-title"] = "chatter"
        assert (await ask(served, "bob", max_tokens=10)).status_code == 200
        (row, *_) = await served.rows("generations")
        counters = [
            f"requests:key:{row['key_id']}",
            f"tokens:key:{row['key_id']}",
            f"tokens:team:{row['team']}",
            "requests:model~acme/*:acme/large",
            "output_tokens:model~acme/*:acme/large",
        ]
        before = [await used(served, counter) for counter in counters]
        assert before == [2, 8, 8, 3, 3]
    async with serve(limits, **settings) as served:
        assert [await used(served, counter) for counter in counters] == before
        assert await used(served, f"usd:key:{row['key_id']}") == 2 * (3 * 1000 + 1 * 2000)
        (bob,) = {each["key_id"] for each in await served.rows("generations")} - {row["key_id"]}
        assert await used(served, f"tokens:key+app~chat*:{bob}|chatter", "hour") == 4
        assert await used(served, f"tokens:key+app~chat*:{row['key_id']}|chatter", "hour") == 0


async def test_each_tag_is_counted_again(serve: Serve, ask: Ask) -> None:
    rules = """, rules: [
      {per: tag, match: "r*", requests: 9/day, tokens: 99/h},
      {per: [team, tag], requests: 9/day}]"""
    settings: dict[str, Any] = {"more": rules, "frozen": False}
    settings |= {
        "key": ", tags: [red, blue], team: research",
        "top": 'teams: {research: {tags: ["röd", rot]}}',
    }
    counters = ["red", "rot", "röd", "blue"]
    counted: list[list[int]] = []
    for asking in (True, False):
        async with serve("{requests: 50/day}", **settings) as served:
            if asking:
                assert [(await ask(served, max_tokens=10)).status_code for _ in range(2)] == [200, 200]
                assert (await ask(served, "bob", max_tokens=10)).status_code == 200
                (row, *_) = await served.rows("generations")
            counted.append(
                [await used(served, f"requests:tag~r*:{tag}") for tag in counters]
                + [await used(served, f"tokens:tag~r*:{tag}", "hour") for tag in counters]
                + [await used(served, f"requests:team+tag~*:{row['team']}|{tag}") for tag in counters]
            )
    assert counted[0] == counted[1] == [2, 2, 2, 0, 8, 8, 8, 0, 2, 2, 2, 2]


async def test_what_was_refused_counts_for_nothing(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 1/day}", frozen=False) as served:
        assert [(await ask(served)).status_code for _ in range(3)] == [200, 429, 429]
    async with serve("{requests: 9/day}", frozen=False) as served:
        assert (await ask(served)).headers["x-ratelimit-remaining-requests"] == "7"


async def test_what_failed_counts_as_a_request(serve: Serve, ask: Ask) -> None:
    def fail(_: Received) -> Script:
        return Script.json({"error": {"message": "no"}}, status=400)

    async with serve("{requests: 9/day, tokens: 99/day}", script=fail, frozen=False) as served:
        answer = await ask(served, max_tokens=50)
        assert answer.status_code == 400
    async with serve("{requests: 9/day, tokens: 99/day}", frozen=False) as served:
        answer = await ask(served, max_tokens=50)
        told = [answer.headers[f"x-ratelimit-remaining-{kind}"] for kind in ("requests", "tokens")]
        assert told[0] == "7"
        assert int(told[1]) > 0
