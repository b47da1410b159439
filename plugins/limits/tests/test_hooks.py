"""The hooks: reserved before, settled after, nothing lost in between, whatever becomes of a request."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from pointsman.config import Duration
from pointsman.errors import RateLimited
from pointsman.ledger import Ledger, open_ledger
from pointsman.money import Cost
from pointsman.state import Demand, MemoryState, Verdict
from pointsman.types import Usage
from pointsman_limits.recount import recount
from pointsman_usage.generations import GENERATIONS, Generations

Make = Callable[..., Any]
ALL = {"requests": "50/day", "tokens": "1k/day", "input_tokens": "900/day", "output_tokens": "800/day"}


async def left(it: Any, who: Any) -> dict[str, int]:
    """What is left of each of somebody's limits."""
    exchange = it.exchange(who)
    claims = it.plugin._prepared.claims(exchange, exchange.candidates[0])
    looks = [Demand(claim.demand.key, claim.demand.quota, 0) for claim in claims.all]
    verdict = await it.gateway.state.take(looks)
    parts = verdict.parts or (verdict,)
    return {claim.measure: part.remaining for claim, part in zip(claims.all, parts, strict=True)}


async def refused(it: Any, exchange: Any) -> RateLimited:
    with pytest.raises(RateLimited) as caught:
        await it.reserve(exchange)
    await it.settle(exchange)
    return caught.value


async def test_what_a_request_may_use_is_reserved_and_what_it_used_is_counted(lab: Make, key: Make) -> None:
    who = key(**ALL, usd="1/day", concurrency=3)
    async with lab() as it:
        exchange = it.exchange(who, characters=400, max_tokens=200)
        await it.reserve(exchange)
        assert await left(it, who) == {
            "concurrency": 2,
            "requests": 49,
            "tokens": 700,
            "input_tokens": 800,
            "output_tokens": 600,
            "usd": 1_000_000_000 - 100 * 1000 - 200 * 2000,
        }
        headers = exchange.response_headers
        assert headers["x-ratelimit-limit-tokens"] == "1000"
        assert headers["x-ratelimit-remaining-tokens"] == "700"
        assert headers["x-ratelimit-remaining-requests"] == "49"
        exchange.begin_attempt(exchange.candidates[0])
        await it.settle(exchange, Usage(90, 10), 5000)
        assert await left(it, who) == {
            "concurrency": 3,
            "requests": 49,
            "tokens": 900,
            "input_tokens": 810,
            "output_tokens": 790,
            "usd": 999_995_000,
        }


async def test_what_was_used_beyond_the_estimate_is_taken_too(lab: Make, key: Make) -> None:
    who = key(tokens="1k/day")
    async with lab() as it:
        await it.answer(it.exchange(who, max_tokens=10), Usage(300, 900))
        assert await left(it, who) == {"tokens": 0}
        assert (await refused(it, it.exchange(who, characters=4))).retry_after is not None


async def test_a_request_refused_by_a_later_hook_has_taken_nothing(lab: Make, key: Make) -> None:
    who = key(**ALL, concurrency=3)
    async with lab() as it:
        before = await left(it, who)
        exchange = it.exchange(who, max_tokens=100)
        await it.reserve(exchange)
        await it.settle(exchange)
        assert await left(it, who) == before


async def test_a_request_that_failed_counts_as_a_request_only(lab: Make, key: Make) -> None:
    who = key(**ALL, concurrency=3)
    async with lab() as it:
        before = await left(it, who)
        await it.answer(it.exchange(who, max_tokens=100))
        assert await left(it, who) == {**before, "requests": 49}


async def test_what_can_never_pass_is_told_so(lab: Make, key: Make) -> None:
    async with lab("{max_wait: 5s}") as it:
        error = await refused(it, it.exchange(key(tokens="1k/day"), max_tokens=1001))
        assert error.message.startswith(
            "this request may use 1001 tokens, and key 'alice' has 1000 tokens per day"
        )
        assert (error.retry_after, error.headers["x-should-retry"]) == (None, "false")


async def test_the_team_s_limit_holds_for_all_its_keys(lab: Make, key: Make, team: Make) -> None:
    group = team(requests="3/day")
    async with lab() as it:
        for name in ("alice", "bob", "alice"):
            await it.answer(it.exchange(key(name, group, requests="2/day")))
        error = await refused(it, it.exchange(key("bob", group, requests="2/day")))
        assert error.message.startswith("team 'research' has used up 3 requests per day; 0 left, resets in ")
        assert error.headers["x-ratelimit-remaining-requests"] == "0"


async def test_estimates_come_from_what_a_model_used_before(lab: Make, key: Make) -> None:
    who = key(output_tokens="100k/day")
    async with lab() as it:
        for _ in range(200):
            await it.answer(it.exchange(who, characters=400, max_tokens=None), Usage(100, 60))
        exchange = it.exchange(who, characters=400, max_tokens=None)
        await it.reserve(exchange)
        assert (await left(it, who))["output_tokens"] == 100_000 - 200 * 60 - 61


async def test_where_a_provider_s_limit_is_used_up_the_next_candidate_answers(lab: Make, key: Make) -> None:
    rules = "{per: provider, match: lab, concurrency: 1}"
    async with lab(f"{{rules: [{rules}]}}") as it:
        first, second, third = (it.exchange(key(), model="acme/small") for _ in range(3))
        busy = it.exchange(key())
        await it.reserve(busy)
        second.candidates = [*busy.candidates, *second.candidates]
        await it.reserve(second)
        assert [candidate.endpoint.id for candidate in second.candidates] == ["echo/echo"]
        assert {each.endpoint for each in second.decision.excluded} == {"lab/large", "lab/other"}
        third.candidates = busy.candidates
        assert "provider 'lab' has 1 requests under way" in (await refused(it, third)).message
        await it.settle(busy)
        await it.reserve(first)


async def test_what_each_candidate_used_is_counted_there(lab: Make, key: Make) -> None:
    rules = "{per: provider, requests: 5/day, tokens: 1k/day}"
    async with lab(f"{{rules: [{rules}]}}") as it:
        who, exchange = key(), it.exchange(key(), max_tokens=100)
        other = it.exchange(who, model="acme/small")
        exchange.candidates = [*exchange.candidates, *other.candidates]
        await it.reserve(exchange)
        for candidate, usage in zip(exchange.candidates[1:], (Usage(5, 6), Usage(30, 40)), strict=True):
            exchange.begin_attempt(candidate).usage = usage
        await it.settle(exchange, Usage(35, 46))
        claims = [it.plugin._prepared.claims(each, each.candidates[0]) for each in (it.exchange(who), other)]
        looks = [Demand(each.demand.key, each.demand.quota, 0) for both in claims for each in both.all]
        verdict = await it.gateway.state.take(looks)
        assert [part.remaining for part in verdict.parts] == [4, 989, 4, 930]


@pytest.mark.parametrize("seed", range(20))
async def test_of_a_thousand_at_once_a_hundred_pass(lab: Make, key: Make, team: Make, seed: int) -> None:
    """Whatever the limit, in whatever order they come, are answered, fail and leave."""
    draw = random.Random(seed)
    one = {"requests": "100/day", "tokens": "10k/day", "usd": "0.02/day", "concurrency": 100}
    name = draw.choice(sorted(one))
    group = team(**{name: one[name]})
    passed = 0

    async def ask(it: Any, number: int) -> None:
        nonlocal passed
        exchange = it.exchange(key(f"key-{number % 7}", group), characters=0, max_tokens=100)
        for _ in range(draw.randrange(4)):
            await asyncio.sleep(0)
        try:
            await it.reserve(exchange)
        except RateLimited:
            await it.settle(exchange)
            return
        passed += 1
        exchange.begin_attempt(exchange.candidates[0])
        await gate.wait()
        await it.settle(exchange, Usage(0, 100), 200_000)

    gate = asyncio.Event()
    async with lab() as it, asyncio.TaskGroup() as tasks:
        running = [tasks.create_task(ask(it, number)) for number in range(1000)]
        while len([task for task in running if task.done()]) < 900:
            await asyncio.sleep(0)
        gate.set()
    assert passed == 100


class Slow:
    """A state that has to wait for each answer, as one on another machine does."""

    def __init__(self) -> None:
        self.inner = MemoryState()

    def take_now(self, demands: Sequence[Demand], lease: str = "", ttl: float = 0) -> Verdict | None:
        return None

    async def take(self, demands: Sequence[Demand], lease: str = "", ttl: float = 60) -> Verdict:
        await asyncio.sleep(0)
        verdict = await self.inner.take(demands, lease, ttl)
        await asyncio.sleep(0)
        return verdict

    def settle_now(self, lease: str, used: Sequence[Demand] = ()) -> bool:
        return False

    async def settle(self, lease: str, used: Sequence[Demand] = ()) -> None:
        await asyncio.sleep(0)
        await self.inner.settle(lease, used)

    async def give_back(self, demands: Sequence[Demand], elapsed: float = 0.0) -> None:
        await self.inner.give_back(demands, elapsed)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize("max_wait", ["0s", "5s"])
@pytest.mark.parametrize("seed", range(5))
async def test_cancelled_at_any_point_a_request_leaves_nothing_behind(
    lab: Make, key: Make, team: Make, seed: int, max_wait: str, slow: bool
) -> None:
    draw = random.Random(seed)
    state: Any = Slow() if slow else MemoryState()
    group = team(concurrency=4, tokens="100k/day", usd="9/day")
    who = key(team=group, concurrency=3)

    async def ask(it: Any) -> None:
        exchange = it.exchange(who, max_tokens=100)
        try:
            await it.reserve(exchange)
            exchange.begin_attempt(exchange.candidates[0])
            for _ in range(draw.randrange(6)):
                await asyncio.sleep(0)
        except RateLimited:
            pass
        finally:
            await it.gateway.shielded(it.settle(exchange))  # as the pipeline does

    async with lab(f"{{max_wait: {max_wait}}}", state) as it:
        before = await left(it, who)
        loop = asyncio.get_running_loop()
        for _ in range(30):
            tasks = [loop.create_task(ask(it)) for _ in range(12)]
            for _ in range(draw.randrange(8)):
                await asyncio.sleep(0)
            for task in draw.sample(tasks, 9):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        assert await left(it, who) == before
        assert not it.plugin._line.queues
        assert (state.inner if slow else state).health()["leases"] == 0


def start(waiting: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    return asyncio.get_running_loop().create_task(waiting)


async def turns() -> None:
    for _ in range(6):
        await asyncio.sleep(0)


async def test_who_waits_gets_its_turn_by_arrival_and_interactive_before_batch(
    lab: Make, key: Make, team: Make
) -> None:
    group, order = team(concurrency=1), list[str]()

    async def ask(it: Any, exchange: Any, name: str) -> None:
        await it.reserve(exchange)
        order.append(name)

    async with lab("{max_wait: 9s, interactive_share: 0%}") as it:
        first = it.exchange(key(team=group))
        await it.reserve(first)
        names = ["batch one", "one", "batch two", "two"]
        exchanges = [
            it.exchange(key(name, group, priority="batch" if "batch" in name else "interactive"))
            for name in names
        ]
        tasks = [start(ask(it, each, name)) for each, name in zip(exchanges, names, strict=True)]
        await turns()
        assert (order, len(it.plugin._line)) == ([], 4)
        for done in (first, exchanges[1], exchanges[3], exchanges[0], exchanges[2]):
            await it.settle(done)
            await turns()
        await asyncio.gather(*tasks)
        assert order == ["one", "two", "batch one", "batch two"]


async def test_a_client_that_leaves_frees_its_place(lab: Make, key: Make) -> None:
    who = key(concurrency=1)
    async with lab("{max_wait: 9s, max_waiting: 1}") as it:
        first, leaving, next_one = (it.exchange(who) for _ in range(3))
        await it.reserve(first)
        task = start(it.reserve(leaving))
        await turns()
        error = await refused(it, it.exchange(who))
        assert (
            error.message
            == "key 'alice' has 1 requests under way, of 1 at a time; 0 left; 1 requests wait already"
        )
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await it.settle(leaving)
        waiting = start(it.reserve(next_one))
        await turns()
        await it.settle(first)
        await waiting


async def test_who_waited_in_vain_is_told_of_the_limit(lab: Make, key: Make) -> None:
    who = key(concurrency=1)
    async with lab("{max_wait: 20ms}") as it:
        await it.reserve(it.exchange(who))
        tasks = [start(it.reserve(it.exchange(who))) for _ in range(3)]
        for error in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(error, RateLimited)
            assert error.message.startswith("key 'alice' has 1 requests under way, of 1 at a time")
            assert error.message.endswith("it waited up to 20ms for its turn")
        assert not it.plugin._line.queues


async def test_nobody_waits_for_what_does_not_come_in_time(lab: Make, key: Make) -> None:
    async with lab("{max_wait: 5s}") as it:
        who = key(requests="1/day")
        await it.answer(it.exchange(who))
        assert "1 requests per day" in (await refused(it, it.exchange(who))).message


async def test_a_rate_lets_the_next_one_pass_as_soon_as_it_may(lab: Make, key: Make) -> None:
    async with lab("{max_wait: 9s}") as it:
        who = key(requests="100/s")
        exchanges = [it.exchange(who) for _ in range(110)]
        await asyncio.gather(*(it.reserve(each) for each in exchanges))
        assert all("limits" in each.notes for each in exchanges)


async def test_batch_leaves_the_last_share_to_others(lab: Make, key: Make, team: Make) -> None:
    group = team(concurrency=5)
    async with lab() as it:
        batch, chat = key("night", group, priority="batch"), key("day", group)
        for _ in range(4):
            await it.reserve(it.exchange(batch))
        assert "of 4 at a time" in (await refused(it, it.exchange(batch))).message
        await it.reserve(it.exchange(chat))
        assert "of 5 at a time" in (await refused(it, it.exchange(chat))).message


NOON = datetime(2030, 5, 1, 12, tzinfo=UTC)
PATIENT = Duration(60)


class Accounts(RuleBasedStateMachine):
    """Limits against a plain model: what is promised never exceeds a limit, and in the end all is there.

    Requests end in every way, are cancelled while they wait, outlive their lease; the process starts again,
    and the wall clock jumps.
    """

    run: Any
    it: Any
    keys: Make
    teams: Make
    ledger: Ledger
    numbers = count()

    def __init__(self) -> None:
        super().__init__()
        number = next(self.numbers)  # the ledger is that of all examples
        self.nanoseconds, self.days, self.expiries = 0, 0, 0
        self.rows = Generations()
        self.group = self.teams(
            f"{number}", requests="9/day", tokens="500/day", usd="0.001/day", concurrency=4
        )
        limits = {"requests": "6/day", "tokens": "300/day", "concurrency": 3}
        self.who = {name: self.keys(f"{name}-{number}", self.group, **limits) for name in ("alice", "bob")}
        self.used = {name: [0, 0, 0] for name in self.who}
        self.start()

    def start(self) -> None:
        """A process that knows nothing yet, and what it has under way: name, exchange, estimates, whether its
        lease still holds."""
        self.open: list[list[Any]] = []
        self.it.gateway.state = MemoryState(
            now=lambda: self.nanoseconds + time.monotonic_ns(),
            utcnow=lambda: NOON + timedelta(days=self.days, microseconds=self.nanoseconds // 1000),
        )

    @rule(days=st.sampled_from([-2, 2]))
    def jump(self, days: int) -> None:
        self.days += days

    @rule()
    def restart(self) -> None:
        """What was under way ends with the process; requests that ended are counted again."""
        self.start()
        self.run(self.ledger.flush())
        self.run(recount(self.it.gateway, ()))
        for name in self.used:
            self.used[name][0] = self.ended[name]

    @initialize()
    def begin(self) -> None:
        self.ended = dict.fromkeys(self.used, 0)

    @precondition(lambda self: self.open and self.expiries < 3)
    @rule()
    def expire(self) -> None:
        """Nobody settles in time."""
        self.expiries += 1
        self.nanoseconds += round(self.it.plugin._ttl * 1e9)
        for each in self.open:
            each[-1] = False

    def fits(self, name: str, most: int, nano: int) -> bool:
        """Whether a request finds room."""
        fits = True
        for names, requests, total, money, seats in (
            ([name], 6, 300, 10**18, 3),
            (["alice", "bob"], 9, 500, 1_000_000, 4),
        ):
            mine = [each for each in self.open if each[0] in names]
            held = [each for each in mine if each[-1]]
            used = [sum(self.used[each][place] for each in names) for place in range(3)]
            fits &= used[0] + len(mine) < requests and len(held) < seats
            fits &= not most or used[1] + sum(each[2] for each in held) + most <= total
            fits &= not nano or used[2] + sum(each[3] for each in held) + nano <= money
        return fits

    @rule(name=st.sampled_from(["alice", "bob"]), size=st.integers(0, 320), tokens=st.integers(0, 320))
    def ask(self, name: str, size: int, tokens: int) -> None:
        exchange = self.it.exchange(self.who[name], characters=size, max_tokens=tokens)
        most = -(-size // 4) + tokens
        nano = -(-size // 4) * 1000 + tokens * 2000
        fits = self.fits(name, most, nano)
        try:
            self.run(self.it.reserve(exchange))
        except RateLimited:
            self.run(self.it.settle(exchange))
            assert not fits
        else:
            assert fits
            self.open.append([name, exchange, most, nano, True])

    @rule(name=st.sampled_from(["alice", "bob"]), turns=st.integers(0, 3))
    def leave(self, name: str, turns: int) -> None:
        """A client comes, waits where it has to, and leaves."""
        exchange = self.it.exchange(self.who[name], max_tokens=9)

        async def come_and_go() -> None:
            task = start(self.it.reserve(exchange))
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await self.it.settle(exchange)

        plugin = self.it.plugin
        plugin._settings = replace(plugin._settings, max_wait=PATIENT)
        self.run(come_and_go())
        plugin._settings = replace(plugin._settings, max_wait=Duration(0))
        assert not plugin._line.queues

    @precondition(lambda self: self.open)
    @rule(data=st.data(), ending=st.sampled_from(["whole", "failed", "refused"]))
    def end(self, data: st.DataObject, ending: str) -> None:
        name, exchange, most, nano, _ = self.open.pop(data.draw(st.integers(0, len(self.open) - 1)))
        used, cost = self.used[name], None
        if ending != "refused":
            exchange.begin_attempt(exchange.candidates[0])
            used[0] += 1
            self.ended[name] += 1
        if ending == "whole":
            exchange.usage = Usage(0, data.draw(st.integers(0, most)))
            cost = data.draw(st.integers(0, nano))
            exchange.cost = Cost(cost)
            used[1] += exchange.usage.output
            used[2] += cost
        self.run(self.it.settle(exchange, exchange.usage, cost))
        if ending != "refused":
            self.ledger.insert(GENERATIONS.name, self.rows.row(exchange))

    def teardown(self) -> None:
        for _, exchange, *_ in self.open:
            self.run(self.it.settle(exchange))
        totals = [sum(each[place] for each in self.used.values()) for place in range(3)]
        assert self.run(left(self.it, self.keys("x", self.group))) == {
            "concurrency": 4,
            "requests": max(0, 9 - totals[0]),
            "tokens": max(0, 500 - totals[1]),
            "usd": max(0, 1_000_000 - totals[2]),
        }
        assert self.it.gateway.state.health()["leases"] == 0


def test_limits_agree_with_a_plain_model(lab: Make, key: Make, team: Make, tmp_path: Path) -> None:
    async def enter() -> Any:
        it = await context.__aenter__()
        it.gateway.ledger = open_ledger("sqlite:///ledger.db", base=tmp_path, durability="relaxed")
        await it.gateway.ledger.open(it.gateway.setup.tables)
        return it

    with asyncio.Runner() as runner:
        context = lab()
        it = runner.run(enter())
        within = {
            "it": it,
            "run": staticmethod(runner.run),
            "keys": staticmethod(key),
            "teams": staticmethod(team),
            "ledger": it.gateway.ledger,
        }
        run_state_machine_as_test(
            type("Bound", (Accounts,), within),
            settings=settings(deadline=None, max_examples=60, stateful_step_count=30),
        )
        runner.run(it.gateway.ledger.close())
        runner.run(context.__aexit__(None, None, None))
