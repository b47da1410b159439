"""How much a key may ask, through a real server: exactly what is written, whoever else asks meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.testing import Hang, Received, Running, Script, in_process_client

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

HEADERS = ("limit", "remaining", "reset")


def told(answer: httpx.Response) -> tuple[str | None, ...]:
    """Limit, what is left of it, and when it is full again."""
    return tuple(answer.headers.get(f"x-ratelimit-{name}-requests") for name in HEADERS)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("{requests: 60/week}", "'60/week' is not a rate"),
        ("{requests: [10/s, sixty]}", "'sixty' is not a rate"),
        ("{requests: [10/s, 60/min, 20/sec]}", "`keys.0.limits.requests.2`: a second rate per second"),
    ],
)
async def test_wrong_limits_are_a_problem_with_their_place(serve: Serve, limits: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        async with serve(limits):
            pass


@pytest.mark.parametrize(
    ("limits", "passing"),
    [("37/s", 37), ("41/min", 41), ("43/h", 43), ("47/day", 47), ("[29/s, 400/min, 401/h, 5000/day]", 29)],
)
async def test_of_500_requests_at_once_exactly_as_many_pass_as_may(
    serve: Serve, limits: str, passing: int
) -> None:
    async with (
        serve(f"{{requests: {limits}}}") as served,
        in_process_client(served.gateway, key="alice") as client,
    ):
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}]}
        answers = await asyncio.gather(*(client.post("/v1/chat/completions", json=body) for _ in range(500)))
        assert Counter(answer.status_code for answer in answers) == {200: passing, 429: 500 - passing}
        left = sorted(int(told(answer)[1] or 0) for answer in answers if answer.status_code == 200)
        assert left == list(range(passing))


async def test_every_answer_tells_the_limit_and_what_is_left_of_it(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 3/min}") as served:
        assert told(await ask(served)) == ("3", "2", "20s")
        assert told(await ask(served, stream=True)) == ("3", "1", "40s")
        assert told(await ask(served)) == ("3", "0", "1m0s")


async def test_a_refusal_says_which_limit_and_when_to_come_back(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 2/min}") as served:
        for _ in range(2):
            await ask(served)
        answer = await ask(served)
        assert answer.status_code == 429
        assert told(answer) == ("2", "0", "1m0s")
        assert int(answer.headers["retry-after"]) in (30, 31)
        error = answer.json()["error"]
        assert error["message"] == "key 'alice' has used up 2 requests per minute; 0 left, resets in 1m0s"
        assert error["code"] == "rate_limit_exceeded"


async def test_who_comes_back_when_told_passes(serve: Serve, ask: Ask, clock: Any) -> None:
    async with serve("{requests: 2/min}") as served:
        statuses = [(await ask(served)).status_code for _ in range(3)]
        clock.seconds += 29.9
        statuses.append((await ask(served)).status_code)
        clock.seconds += 0.2
        statuses += [(await ask(served)).status_code for _ in range(2)]
        assert statuses == [200, 200, 429, 429, 200, 429]


async def test_an_hour_ends_by_the_clock(serve: Serve, ask: Ask, clock: Any) -> None:
    async with serve("{requests: 1/h}") as served:
        await ask(served)
        refused = await ask(served)
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) in (1800, 1801)
        clock.seconds += 1800
        assert (await ask(served)).status_code == 200


async def test_the_tightest_of_several_limits_is_told(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: [2/s, 1000/day]}") as served:
        assert told(await ask(served))[:2] == ("2", "1")


async def test_a_refused_request_takes_nothing_from_the_other_limits(
    serve: Serve, ask: Ask, clock: Any
) -> None:
    async with serve("{requests: [1/s, 3/day]}") as served:
        statuses = []
        for _ in range(4):
            statuses += [(await ask(served)).status_code for _ in range(3)]
            clock.seconds += 1
        assert statuses == [200, 429, 429] * 3 + [429] * 3
        assert "3 requests per day" in (await ask(served)).json()["error"]["message"]


async def test_a_key_does_not_use_up_the_limit_of_another(serve: Serve, ask: Ask) -> None:
    async with serve(default="{requests: 1/day}") as served:
        statuses = [(await ask(served, key)).status_code for key in ("alice", "alice", "bob", "bob")]
        assert statuses == [200, 429, 200, 429]


async def test_a_limit_of_its_own_takes_the_place_of_the_default(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 3/day}", default="{requests: 1/day}") as served:
        assert told(await ask(served))[0] == "3"
        assert told(await ask(served, "bob"))[0] == "1"


async def test_without_any_limit_none_is_told(serve: Serve, ask: Ask) -> None:
    async with serve() as served:
        answer = await ask(served)
        assert (answer.status_code, told(answer)) == (200, (None, None, None))


async def test_administrators_are_limited_only_by_limits_of_their_own(serve: Serve, ask: Ask) -> None:
    async with serve(default="{requests: 1/day}") as served:
        statuses = [(await ask(served, key)).status_code for key in ("root", "root", "carol", "carol")]
        assert statuses == [200, 200, 200, 429]


async def test_reading_pages_does_not_count(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 1/day}") as served:
        for _ in range(3):
            page = await served.client.get("/v1/decisions/gen-1", headers={"x-api-key": "alice"})
            assert page.status_code == 404
        assert (await ask(served)).status_code == 200


async def test_hours_and_days_go_on_after_a_restart(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 3/day}", default="{requests: 9/day}", frozen=False) as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 200]
        await ask(served, "bob")
    async with serve("{requests: 3/day}", default="{requests: 9/day}", frozen=False) as served:
        assert told(await ask(served, "bob"))[:2] == ("9", "7")
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 429]


async def test_refused_requests_are_not_counted_after_a_restart(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 2/day}", default="{requests: 9/day}", frozen=False) as served:
        assert [(await ask(served)).status_code for _ in range(5)] == [200, 200, 429, 429, 429]
        assert (await ask(served, "bob", model="acme/none")).status_code == 400
        assert (await ask(served, "dave")).status_code == 403
    async with serve("{requests: 3/day}", default="{requests: 9/day}", frozen=False) as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 429]
        assert told(await ask(served, "bob"))[:2] == ("9", "8")


async def test_what_was_asked_before_today_is_not_counted(
    serve: Serve, ask: Ask, digest: Callable[[str], str]
) -> None:
    async with serve(frozen=False) as served:
        await ask(served)
        (row,) = await served.rows("generations")
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        for number, before in enumerate((timedelta(milliseconds=1), timedelta(days=1))):
            at = (today - before).isoformat(timespec="milliseconds")
            earlier = {**row, "id": f"gen-{number}", "at": at, "stream": False, "estimated": False}
            earlier |= {"cached": False, "byok": False}
            served.gateway.ledger.insert("generations", earlier)
        await served.gateway.ledger.flush()
        assert row["key_id"] == f"key-{digest('alice')[:12]}"
    async with serve("{requests: 3/day}", frozen=False) as served:
        assert told(await ask(served))[:2] == ("3", "1")


async def test_limits_work_without_records(serve: Serve, ask: Ask) -> None:
    async with serve("{requests: 1/day}", usage="false") as served:
        assert not served.gateway.ledger.has_table("generations")
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 429]


async def test_a_dry_run_needs_no_ledger(serve: Serve) -> None:
    async with serve("{requests: 1/day}") as served:
        setup = served.gateway.setup
    async with Gateway.dry(setup) as gateway:
        assert not gateway.ready


async def test_what_was_reserved_is_given_back_when_the_answer_is_there(serve: Serve, ask: Ask) -> None:
    async with serve("{output_tokens: 1k/day, concurrency: 1}") as served:
        left = []
        for _ in range(4):
            answer = await ask(served, max_tokens=900)
            left.append(int(answer.headers["x-ratelimit-remaining-tokens"]))
        assert left == [100, 99, 98, 97]


async def test_who_finds_all_seats_taken_waits_for_one(serve: Serve, ask: Ask) -> None:
    async with serve("{concurrency: 3}", more=", max_wait: 8s") as served:
        answers = await asyncio.gather(*(ask(served) for _ in range(30)))
        assert {answer.status_code for answer in answers} == {200}
        assert served.gateway.state.health()["leases"] == 0


async def test_a_turn_may_come_later_than_a_hook_may_take(serve: Serve, ask: Ask) -> None:
    free = asyncio.Event()

    async def hold(received: Received) -> Script:
        await free.wait()
        return Script.json({"choices": [{"index": 0, "message": {"content": "Hi"}}]})

    async with serve("{concurrency: 1}", more=", max_wait: 60s", top="hook_timeout: 50ms", script=hold) as it:
        asked = [asyncio.ensure_future(ask(it)) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert not any(each.done() for each in asked)
        free.set()
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200, 200, 200]


async def test_a_client_that_leaves_frees_its_seat(serve: Serve, ask: Ask) -> None:
    asked = asyncio.Event()

    def hang(received: Received) -> Script:
        if asked.is_set():
            return Script.json({"choices": [{"index": 0, "message": {"content": "Hi"}}]})
        asked.set()
        return Script((Hang(),), framing="chunked")

    async with serve("{concurrency: 1, tokens: 1k/day}", script=hang) as served:
        leaving = asyncio.ensure_future(ask(served, max_tokens=100))
        await asked.wait()
        assert (await ask(served)).status_code == 429
        leaving.cancel()
        await asyncio.gather(leaving, return_exceptions=True)
        await served.gateway.idle(5)
        assert (await ask(served, max_tokens=100)).status_code == 200


async def test_a_refusal_is_in_the_client_s_dialect_with_the_facts(serve: Serve, ask: Ask) -> None:
    async with serve("{tokens: 10/day}") as served:
        answer = await ask(served, max_tokens=11)
        assert answer.status_code == 429
        error = answer.json()["error"]
        assert error["message"].startswith("this request may use ")
        assert error["metadata"]["limit"] == {
            "of": "key 'alice'",
            "measure": "tokens",
            "per": "day",
            "amount": 10,
            "remaining": 10,
            "resets_in": 48_600.0,
        }
        assert answer.headers["x-ratelimit-limit-tokens"] == "10"
