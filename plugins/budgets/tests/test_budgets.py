"""What a key may spend: not a cent more, whoever else asks at the same time, and nothing less for long."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from random import Random

import httpx
import pytest

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.state import Demand, Quota
from pointsman.testing import Hang, RawClient, Running, Script, in_process_client
from pointsman_budgets import Budgets

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

CENTS = 10_000_000
"""Nano-USD in a cent."""
EVENT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]}\n\n'


def plugin(gateway: Gateway) -> Budgets:
    """The running plugin."""
    found = next(each.target for each in gateway.setup.plugins.plugins if each.name == "budgets")
    assert isinstance(found, Budgets)
    return found


def state(gateway: Gateway, kind: str = "key") -> tuple[int, int]:
    """Cents that are spent and reserved of the first account of a kind."""
    account = next(each for each in plugin(gateway).payers.accounts if each.owner.kind == kind)
    return account.spent // CENTS, account.reserved // CENTS


def stream(served: Running) -> AbstractAsyncContextManager[httpx.Response]:
    """Asks for a stream that may cost 40 cents."""
    body = {"model": "acme/large", "messages": [{"role": "user", "content": "?"}], "max_tokens": 200}
    return served.client.stream(
        "POST", "/v1/chat/completions", json={**body, "stream": True}, headers={"x-api-key": "alice"}
    )


async def test_what_is_spent_is_what_was_really_used(serve: Serve, ask: Ask) -> None:
    async with serve("{usd: 1, per: day}") as served:
        assert (await ask(served, max_tokens=200)).status_code == 200
        assert state(served.gateway) == (10, 0), "40 cents were reserved and 10 were used"


async def test_a_refusal_says_which_budget_how_much_is_left_and_when_it_begins_again(
    serve: Serve, ask: Ask
) -> None:
    async with serve("{usd: 0.25, per: day, zone: Europe/Paris}") as served:
        assert [(await ask(served)).status_code for _ in range(3)] == [200, 200, 402]
        refused = await ask(served)
    error = refused.json()["error"]
    assert "the budget of key 'alice' of 0.25 USD per day does not suffice" in error["message"]
    assert "may cost 0.10 USD and 0.05 USD is left; it begins again at 20" in error["message"]
    assert error["metadata"]["error_type"] == "payment_required"
    told = error["metadata"]["budget"]
    assert (told["kind"], told["name"], told["per"]) == ("key", "alice", "day")
    assert (told["left_usd"], told["needed_usd"]) == ("0.05", "0.10")
    assert told["resets_at"].endswith(("T00:00:00+01:00", "T00:00:00+02:00"))
    assert 0 < int(refused.headers["retry-after"]) <= 25 * 3600 + 1
    assert refused.headers["x-should-retry"] == "false"


async def test_others_are_not_bound_by_a_key_s_budget(serve: Serve, ask: Ask) -> None:
    async with serve("{usd: 0}") as served:
        assert (await ask(served)).status_code == 402
        assert (await ask(served, "bob")).status_code == 200
        assert (await ask(served, model="acme/free")).status_code == 200, "what costs nothing needs nothing"


ECHO = "models: {acme/echo: {endpoints: [{endpoint: echo/echo, price: {input: 0, output: 200}}]}}"


async def ask_at_once(client: httpx.AsyncClient, many: int, draw: Random) -> Counter[int]:
    """Ask for so many answers of a cent at once, in any order, which last differently long; what became of
    them."""

    async def one() -> int:
        script = {"text": "Yes", "usage": {"input": 9, "output": 50}, "latency": f"{draw.randrange(20)}ms"}
        body = {"model": "acme/echo", "messages": [{"role": "user", "content": "?"}], "max_tokens": 50}
        return (await client.post("/v1/chat/completions", json={**body, "echo": script})).status_code

    return Counter(await asyncio.gather(*(one() for _ in range(many))))


async def left_of_the_limit(served: Running) -> int:
    """How many of the team's 1,000 requests a day are left."""
    look = Demand("requests:team:research", Quota(1000, "day"), 0)
    return (await served.gateway.state.take([look])).remaining


def team_of(requests: int, cents: int) -> dict[str, str]:
    """Alice's team may ask so often and spend so much, whatever she may herself."""
    budget = f"{{usd: {cents / 100}, per: day}}"
    team = f"{{limits: {{requests: {requests}/day, concurrency: 1000}}, budget: {budget}}}"
    more = f"teams: {{research: {team}}}"
    return {"extra": ", team: research", "models": ECHO, "limits": "{}", "more": more}


SHAPES = [(100, 100)] * 20 + [(150, 100), (100, 150)] * 3


@pytest.mark.parametrize(("seed", "shape"), list(enumerate(SHAPES)))
async def test_of_1000_requests_at_once_exactly_100_pass_a_limit_and_a_budget(
    serve: Serve, seed: int, shape: tuple[int, int]
) -> None:
    """Whichever is the tighter: what one of them refuses takes nothing from the other."""
    async with (
        serve("{usd: 1000, per: day}", **team_of(*shape)) as served,
        in_process_client(served.gateway, key="alice") as client,
    ):
        codes = await ask_at_once(client, 1000, Random(seed))
        assert codes[200] == 100
        assert codes[402] + codes[429] == 900
        assert codes[402] == 0 or shape[0] > 100, "limits come first"
        assert state(served.gateway) == state(served.gateway, "team") == (100, 0)
        assert plugin(served.gateway).book.open == 0
        assert served.gateway.state.health()["leases"] == 0
        assert await left_of_the_limit(served) == 900


async def test_of_400_requests_over_sockets_exactly_100_pass_a_limit_and_a_budget(serve: Serve) -> None:
    async def one(served: Running) -> int:
        async with RawClient(served.url) as client:
            await client.send(request)
            return (await client.answer())[0]

    script = {"text": "Yes", "usage": {"input": 9, "output": 50}, "latency": "20ms"}
    asked = {"model": "acme/echo", "messages": [{"role": "user", "content": "?"}], "max_tokens": 50}
    body = json.dumps({**asked, "echo": script})
    head = "POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\nx-api-key: alice\r\n"
    request = f"{head}content-length: {len(body)}\r\n\r\n{body}".encode()
    async with serve("{usd: 1000, per: day}", **team_of(100, 100)) as served:
        codes = Counter(await asyncio.gather(*(one(served) for _ in range(400))))
        assert codes == {200: 100, 429: 300}
        assert state(served.gateway, "team") == (100, 0)
        assert served.gateway.state.health()["leases"] == 0


@pytest.mark.parametrize("budget", ["{usd: 1}", "{usd: 1, hard: true}"])
async def test_what_was_reserved_is_let_go_when_a_request_fails(serve: Serve, ask: Ask, budget: str) -> None:
    async with serve(budget, played=Script.json({"error": {"message": "no"}}, status=500)) as served:
        assert [(await ask(served)).status_code for _ in range(12)] == [502] * 12
        assert state(served.gateway) == (0, 0)
        assert plugin(served.gateway).book.open == 0


@pytest.mark.parametrize("budget", ["{usd: 1}", "{usd: 1, hard: true}"])
async def test_a_client_that_leaves_pays_for_what_it_had_and_for_no_more(serve: Serve, budget: str) -> None:
    async with serve(budget, played=Script.sse([EVENT, Hang()])) as served:
        body = {
            "model": "acme/large",
            "messages": [{"role": "user", "content": "?"}],
            "stream": True,
            "max_tokens": 200,
        }
        headers = {"x-api-key": "alice"}
        async with served.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            async for _ in answer.aiter_raw():
                assert state(served.gateway) == (0, 40)
                break
        while plugin(served.gateway).book.open:
            await asyncio.sleep(0)
        account = plugin(served.gateway).payers.accounts[0]
        assert account.reserved == 0
        assert account.spent == 1 * 2_000_000, "one token, estimated"


async def test_an_answer_without_a_limit_is_taken_for_the_default_and_then_for_what_was_seen(
    serve: Serve, ask: Ask
) -> None:
    async with serve("{usd: 1}", budgets="{default_output: 400}") as served:
        assert (await ask(served, max_tokens=None)).status_code == 200, "80 cents of 100"
        assert (await ask(served, max_tokens=None)).status_code == 200, "50 tokens are 10 cents"
        assert (await ask(served, max_tokens=500)).status_code == 402


async def test_the_dearest_candidate_is_what_is_reserved(serve: Serve, ask: Ask) -> None:
    async with serve(
        "{usd: 0.05}", routes="[{name: both, use: {models: [acme/small], fallbacks: [acme/large]}}]"
    ) as served:
        assert (await ask(served, model="acme/small")).status_code == 402


@pytest.mark.parametrize("hard", ["false", "true"])
async def test_when_a_budget_ends_the_route_goes_on_with_another_model(
    serve: Serve, ask: Ask, hard: str
) -> None:
    routes = "[{name: thrifty, use: {over_budget: [acme/small]}}]"
    async with serve(f"{{usd: 0.101, hard: {hard}}}", routes=routes) as served:
        answers = [await ask(served) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 402], "the second costs a tenth of a cent"
    assert [answer.headers.get("x-pointsman-model") for answer in answers[:2]] == ["acme/large", "acme/small"]
    assert "0.001 USD" in answers[2].json()["error"]["message"]


async def test_what_another_model_answered_is_not_kept_for_the_first(serve: Serve, ask: Ask) -> None:
    routes = "[{name: thrifty, use: {over_budget: [acme/small]}}]"
    async with serve("{usd: 0.05}", routes=routes, cache="{always: true}") as served:
        answers = [await ask(served) for _ in range(2)]
        kept = [await ask(served, model="acme/free") for _ in range(2)]
    assert [answer.headers["x-pointsman-cache"] for answer in answers] == ["miss", "miss"]
    assert [answer.headers["x-pointsman-model"] for answer in answers] == ["acme/small", "acme/small"]
    assert [answer.headers["x-pointsman-cache"] for answer in kept] == ["miss", "hit"]


async def test_a_model_nobody_has_is_a_problem_with_its_place(serve: Serve) -> None:
    with pytest.raises(ConfigError, match="'thrifty' uses model 'acme/smal', which no provider has"):
        async with serve(routes="[{name: thrifty, use: {over_budget: [acme/smal]}}]"):
            pass


async def test_without_a_price_a_hard_budget_refuses_and_a_soft_one_warns(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve("{usd: 1, hard: true}") as served:
        refused = await ask(served, model="acme/unpriced")
        assert (refused.status_code, refused.json()["error"]["code"]) == (402, "unpriced")
        assert "the price of no endpoint for model 'acme/unpriced' is known" in refused.text
        other = await ask(served, model="acme/either")
        assert (other.status_code, other.headers["x-pointsman-provider"]) == (200, "lab")
    async with serve("{usd: 1, hard: true}", budgets="{allow_unpriced: true}") as served:
        assert (await ask(served, model="acme/unpriced")).status_code == 200
    caplog.clear()
    async with serve("{usd: 1}") as served:
        assert [(await ask(served, model="acme/unpriced")).status_code for _ in range(2)] == [200, 200]
    assert [each.message for each in caplog.records if "no price" in each.message] == [
        "gift/unpriced has no price: budgets cannot count what it answers"
    ]


async def test_what_was_spent_is_known_after_a_restart(serve: Serve, ask: Ask) -> None:
    async with serve("{usd: 0.25, per: month}", usage="{}") as served:
        assert (await ask(served)).status_code == 200
    async with serve("{usd: 0.25, per: month}", usage="{}") as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 402]
        assert state(served.gateway) == (20, 0)


async def test_a_wall_clock_that_jumps_begins_no_window(
    serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    wall = time.time
    async with serve("{usd: 0.15, per: day}") as served:
        assert (await ask(served)).status_code == 200
        account = plugin(served.gateway).payers.accounts[0]
        before = (account.starts, account.ends, account.serial)
        for jump in (2 * 86_400, -2 * 86_400):
            monkeypatch.setattr(time, "time", lambda jump=jump: wall() + jump)
            assert (await ask(served)).status_code == 402
            assert (account.starts, account.ends, account.serial) == before


async def test_a_hard_budget_s_reservation_is_on_disk_before_a_provider_is_called(
    serve: Serve, ask: Ask
) -> None:
    seen: list[list[tuple[str, int, int | None]]] = []
    serving: list[Running] = []

    async def look() -> list[tuple[str, int, int | None]]:
        rows = await serving[0].gateway.ledger.select("select state, nano, settled_nano from reservations")
        return [(row["state"], row["nano"] // CENTS, row["settled_nano"]) for row in rows]

    async with serve("{usd: 1, hard: true}", played=Script.sse([EVENT, Hang()])) as served:
        serving.append(served)
        body = {
            "model": "acme/large",
            "messages": [{"role": "user", "content": "?"}],
            "stream": True,
            "max_tokens": 200,
        }
        headers = {"x-api-key": "alice"}
        async with served.client.stream("POST", "/v1/chat/completions", json=body, headers=headers) as answer:
            async for _ in answer.aiter_raw():
                seen.append(await look())
                break
        while plugin(served.gateway).book.open:
            await asyncio.sleep(0)
        await served.gateway.idle(5)
        seen.append(await look())
    assert seen == [[("open", 40, None)], [("settled", 40, 2_000_000)]]


async def test_a_server_that_is_killed_leaves_what_it_reserved_as_spent(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    """What stands on the disk while a provider answers is what a kill at that moment leaves."""
    killed = tmp_path / "killed"
    killed.mkdir()
    played = Script.sse([EVENT, Hang()])
    async with (
        serve("{usd: 0.5, hard: true}", played=played, usage="{}") as served,
        stream(served) as answer,
    ):
        async for _ in answer.aiter_raw():
            for part in tmp_path.glob("pointsman.db*"):
                if not part.name.endswith(".lock"):
                    shutil.copy(part, killed / part.name)
            break
    async with serve("{usd: 0.5, hard: true}", folder=killed, usage="{}") as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 402]
        assert state(served.gateway) == (50, 0)
        (row,) = [each for each in await served.rows("reservations") if each["state"] == "unknown"]
    assert row["nano"] == 40 * CENTS


async def test_of_1000_requests_at_once_exactly_100_pass_a_hard_budget_for_100(serve: Serve) -> None:
    async with (
        serve("{usd: 1, per: day, hard: true}", models=ECHO, usage="{}") as served,
        in_process_client(served.gateway, key="alice") as client,
    ):
        assert await ask_at_once(client, 1000, Random(0)) == {200: 100, 402: 900}
        assert state(served.gateway) == (100, 0)
        assert {row["state"] for row in await served.rows("reservations")} == {"settled"}


async def test_after_a_crash_what_was_reserved_counts_as_spent(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve("{usd: 1, hard: true}", usage="{}") as served:
        assert (await ask(served)).status_code == 200
        row = (await served.rows("reservations"))[0]
        lost = {**row, "id": "gen-lost", "state": "open", "settled_nano": None, "nano": 85 * CENTS}
        served.gateway.ledger.insert("reservations", lost)
    with caplog.at_level(logging.WARNING):
        async with serve("{usd: 1, hard: true}", usage="{}") as served:
            refused = await ask(served)
            assert state(served.gateway) == (95, 0)
            states = [(each["id"] == "gen-lost", each["state"]) for each in await served.rows("reservations")]
    assert refused.status_code == 402
    assert states == [(True, "unknown")], "what has a generation is accounted for there"
    assert "1 reservations were open when the last process ended" in caplog.text


async def test_rules_may_ask_what_is_left(serve: Serve, ask: Ask) -> None:
    routes = """
  - {name: rich, when: {budget.left: "> 85%"}}
  - {name: poor, when: {budget.left_usd: "<= 0.8"}, use: {models: [acme/free]}}
"""
    async with serve("[{usd: 1, per: day}, {usd: 5}]", routes=routes) as served:
        told = [(await ask(served)).headers.get("x-pointsman-route") for _ in range(3)]
        assert told == [None, "rich", "poor"], "what is not known is neither more nor less"
        assert (await ask(served, "bob")).headers.get("x-pointsman-route") is None
