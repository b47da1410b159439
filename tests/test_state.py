"""Limits per second and minute, calendar quotas, and the clocks under them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from pointsman.errors import StartupError
from pointsman.state import Demand, MemoryState, Period, Quota, Verdict, open_state

SECONDS: dict[Period, int] = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
HALF_PAST_TEN = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


@dataclass
class Clock:
    """Two clocks that tests move: monotonic milliseconds, and what the wall shows beside them."""

    elapsed: int = 5_000
    start: datetime = HALF_PAST_TEN

    def now(self) -> int:
        return self.elapsed * 1_000_000

    def utcnow(self) -> datetime:
        return self.start + timedelta(milliseconds=self.elapsed - 5_000)

    def advance(self, seconds: float) -> None:
        self.elapsed += round(seconds * 1000)

    def jump(self, seconds: float) -> None:
        """Move the wall clock only."""
        self.start += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def state(clock: Clock) -> MemoryState:
    return MemoryState(now=clock.now, utcnow=clock.utcnow)


async def take(state: MemoryState, amount: int, period: Period, cost: int = 1, key: str = "k") -> Verdict:
    return await state.take([Demand(key, Quota(amount, period), cost)])


async def count(state: MemoryState, amount: int, period: Period, tries: int = 50) -> int:
    """How many of so many takes pass."""
    return sum([(await take(state, amount, period)).allowed for _ in range(tries)])


@pytest.mark.parametrize("period", ["second", "minute", "hour", "day"])
async def test_a_thousand_at_once_get_exactly_the_limit(state: MemoryState, period: Period) -> None:
    verdicts = await asyncio.gather(*(take(state, 100, period) for _ in range(1000)))
    assert sum(verdict.allowed for verdict in verdicts) == 100


async def test_the_real_clocks_let_no_more_pass() -> None:
    state = open_state("memory")
    demand = Demand("k", Quota(100, "day"))
    verdicts = await asyncio.gather(*(state.take([demand]) for _ in range(1000)))
    assert sum(verdict.allowed for verdict in verdicts) in range(100, 201)  # a day may end in between
    await state.close()


async def test_a_bucket_bursts_to_its_amount_and_refills_evenly(state: MemoryState, clock: Clock) -> None:
    assert await count(state, 6, "minute") == 6
    clock.advance(9.999)
    assert await count(state, 6, "minute") == 0
    clock.advance(0.001)
    assert await count(state, 6, "minute") == 1
    clock.advance(25)
    assert await count(state, 6, "minute") == 2
    clock.advance(3600)
    assert await count(state, 6, "minute") == 6


async def test_a_bucket_says_what_is_left_and_when_to_come_back(state: MemoryState, clock: Clock) -> None:
    demand = Demand("k", Quota(6, "minute"), 4)
    assert await state.take([demand]) == Verdict(True, demand, 6, 2, 0.0, 40.0)
    clock.advance(5)
    assert await state.take([demand]) == Verdict(False, demand, 6, 2, 15.0, 35.0)
    clock.advance(15)
    assert await state.take([demand]) == Verdict(True, demand, 6, 0, 0.0, 60.0)


async def test_an_uneven_rate_is_exact_over_a_long_time(state: MemoryState, clock: Clock) -> None:
    passed = await count(state, 7, "minute")
    for _ in range(600):
        clock.advance(1)
        passed += await count(state, 7, "minute", tries=2)
    assert passed == 7 + 70


async def test_the_time_to_come_back_is_rounded_up_to_the_nanosecond(state: MemoryState) -> None:
    assert await count(state, 7, "minute") == 7
    verdict = await take(state, 7, "minute")
    assert verdict.retry_after == 8.571428572
    assert verdict.reset_after == 60


async def test_a_changed_amount_keeps_the_moment_at_which_the_bucket_is_full(
    state: MemoryState, clock: Clock
) -> None:
    assert await count(state, 60, "minute", tries=30) == 30
    verdict = await take(state, 120, "minute", cost=0)
    assert (verdict.remaining, verdict.reset_after) == (60, 30.0)
    verdict = await take(state, 10, "minute", cost=0)
    assert (verdict.remaining, verdict.reset_after) == (5, 30.0)


@pytest.mark.parametrize(("period", "left"), [("hour", 1800), ("day", 48_600)])
async def test_a_window_ends_with_the_hour_or_day_in_utc(
    state: MemoryState, clock: Clock, period: Period, left: int
) -> None:
    demand = Demand("k", Quota(3, period))
    assert await state.take([demand]) == Verdict(True, demand, 3, 2, 0.0, left)
    assert await count(state, 3, period) == 2
    clock.advance(left - 0.001)
    assert await state.take([demand]) == Verdict(False, demand, 3, 0, 0.001, 0.001)
    clock.advance(0.001)
    assert await state.take([demand]) == Verdict(True, demand, 3, 2, 0.0, SECONDS[period])


async def test_a_smaller_amount_holds_for_the_window_that_runs(state: MemoryState) -> None:
    assert await count(state, 10, "hour", tries=8) == 8
    verdict = await take(state, 5, "hour")
    assert (verdict.allowed, verdict.limit, verdict.remaining) == (False, 5, 0)


@pytest.mark.parametrize("jump", [-172_800, -3600, -1, 1, 1800, 172_800])
@pytest.mark.parametrize("period", ["hour", "day"])
async def test_a_jump_of_the_wall_clock_neither_resets_nor_stretches_a_window(
    state: MemoryState, clock: Clock, period: Period, jump: int
) -> None:
    assert await count(state, 3, period) == 3
    before = (await take(state, 3, period)).reset_after
    clock.jump(jump)
    assert (await take(state, 3, period)).reset_after == before
    clock.advance(before - 0.001)
    assert await count(state, 3, period) == 0
    clock.advance(0.001)
    assert await count(state, 3, period) == 3
    assert (await take(state, 3, period)).reset_after <= SECONDS[period]


async def test_a_wall_clock_that_lags_does_not_open_the_same_window_again(
    state: MemoryState, clock: Clock
) -> None:
    assert await count(state, 3, "hour") == 3
    clock.jump(-2)
    clock.advance(1800)
    assert await count(state, 3, "hour") == 3
    clock.advance(2)
    assert await count(state, 3, "hour") == 0
    clock.advance(3598)
    assert await count(state, 3, "hour") == 3


async def test_windows_follow_the_wall_clock_again_after_a_rest(state: MemoryState, clock: Clock) -> None:
    await take(state, 3, "hour")
    clock.jump(-600)
    clock.advance(1800 + 7200)
    assert (await take(state, 3, "hour")).reset_after == 600


@pytest.mark.parametrize("period", ["second", "minute", "hour", "day"])
async def test_what_can_never_pass_has_no_time_to_come_back(state: MemoryState, period: Period) -> None:
    verdict = await take(state, 5, period, cost=6)
    assert (verdict.allowed, verdict.remaining, verdict.retry_after) == (False, 5, math.inf)
    assert (await take(state, 5, period, cost=5)).allowed


async def test_all_demands_are_taken_or_none(state: MemoryState) -> None:
    wide, narrow = Demand("wide", Quota(100, "minute")), Demand("narrow", Quota(2, "hour"))
    verdicts = [await state.take([wide, narrow]) for _ in range(5)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, False, False, False]
    assert verdicts[2].demand == narrow
    assert (await state.take([wide])).remaining == 97


async def test_the_longest_wait_refuses_and_the_tightest_allows(state: MemoryState) -> None:
    second, day = Demand("k", Quota(4, "second"), 3), Demand("k", Quota(5, "day"), 3)
    assert (await state.take([second, day])).demand == second
    verdict = await state.take([second, day])
    assert (verdict.demand, verdict.retry_after) == (day, 48_600.0)


async def test_two_demands_on_one_counter_add_up(state: MemoryState) -> None:
    demand = Demand("k", Quota(5, "minute"), 3)
    assert not (await state.take([demand, demand])).allowed
    assert (await state.take([demand])).remaining == 2
    hourly = Demand("k", Quota(6, "hour"), 3)
    assert (await state.take([hourly, hourly])).remaining == 0


async def test_no_demands_are_always_met(state: MemoryState) -> None:
    assert await state.take([]) == Verdict(True, None, 0, 0, 0.0, 0.0)


async def test_a_seed_rebuilds_a_window_and_never_lowers_it(state: MemoryState, clock: Clock) -> None:
    await state.seed("k", "day", 7)
    assert (await take(state, 10, "day")).remaining == 2
    await state.seed("k", "day", 3)
    assert (await take(state, 10, "day")).remaining == 1
    await state.seed("k", "day", 20)
    assert (await take(state, 10, "day")).remaining == 0
    assert (await take(state, 10, "hour")).remaining == 9
    clock.advance(48_600)
    assert (await take(state, 10, "day")).remaining == 9


@pytest.mark.parametrize("period", ["second", "minute"])
async def test_only_calendar_windows_can_be_seeded(state: MemoryState, period: Period) -> None:
    with pytest.raises(ValueError, match=f"not of a {period}"):
        await state.seed("k", period, 1)


async def test_counters_expire_when_they_no_longer_matter(state: MemoryState, clock: Clock) -> None:
    for period in SECONDS:
        await take(state, 10, period)
    counts = []
    for seconds in (0.1, 6, 1793.9 + 3600, 48_600 - 5400 + 86_400):
        clock.advance(seconds)
        counts.append(state.health()["counters"])
    assert counts == [3, 2, 1, 0]


async def test_beyond_its_capacity_the_state_forgets_the_least_recent(clock: Clock) -> None:
    state = MemoryState(now=clock.now, utcnow=clock.utcnow, capacity=3)
    for key in ("a", "b", "c", "a", "d"):
        await take(state, 10, "hour", key=key)
    assert state.health() == {"ok": True, "counters": 3, "capacity": 3, "leases": 0}
    assert [(await take(state, 10, "hour", key=key)).remaining for key in ("a", "d", "b")] == [7, 8, 9]


async def test_close_forgets_everything(state: MemoryState) -> None:
    await take(state, 10, "hour")
    await state.close()
    assert state.health()["counters"] == 0


def test_only_memory_is_at_home_in_the_core_and_no_password_is_shown() -> None:
    assert open_state("memory").health() == {"ok": True, "counters": 0, "capacity": 1_000_000, "leases": 0}
    with pytest.raises(StartupError, match=r"not in 'shared'.*plugin") as caught:
        open_state("shared://:hunter2@host/0")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Quota(0, "day"), "at least 1"),
        (lambda: Quota(1, cast(Any, "week")), "second, minute, hour, day, lease, not 'week'"),
        (lambda: MemoryState().take_now([Demand("k", Quota(1, "day"), -1)]), "costs -1"),
        (lambda: MemoryState().take_now([Demand("k", Quota(1, "day"), 1, hold=True)]), "under the lease ''"),
    ],
)
def test_impossible_quotas_and_demands_are_refused(make: Callable[[], object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        make()


@dataclass
class Model:
    """The plain reference: what is in each bucket as a fraction, what was used in each calendar window."""

    clock: Clock
    level: dict[tuple[str, Period], tuple[Fraction, int]] = field(default_factory=dict)
    used: dict[tuple[str, Period, int], int] = field(default_factory=dict)

    def left(self, demand: Demand) -> Fraction:
        key, period, amount = demand.key, demand.quota.period, demand.quota.amount
        if period in ("hour", "day"):
            return Fraction(amount - self.used.get((key, period, self.window(period)), 0))
        level, since = self.level.get((key, period), (Fraction(amount), 0))
        refilled = Fraction(amount * (self.clock.elapsed - since), 1000 * SECONDS[period])
        return min(Fraction(amount), level + refilled)

    def take(self, demands: list[Demand]) -> bool:
        if any(self.left(demand) < demand.cost for demand in demands):
            return False
        for demand in demands:
            key, period = demand.key, demand.quota.period
            self.level[(key, period)] = (self.left(demand) - demand.cost, self.clock.elapsed)
            window = (key, period, self.window(period))
            self.used[window] = self.used.get(window, 0) + demand.cost
        return True

    def window(self, period: Period) -> int:
        return int(self.clock.utcnow().timestamp()) // SECONDS[period]


AMOUNTS: dict[Period, int] = {"second": 7, "minute": 11, "hour": 13, "day": 30}
KEYS = st.tuples(st.sampled_from("ab"), st.sampled_from(list(SECONDS)))
STEPS = st.lists(
    st.tuples(
        st.integers(0, 500) | st.integers(0, 5_000_000),  # milliseconds that pass
        st.lists(st.tuples(KEYS, st.integers(0, 9)), max_size=4, unique_by=lambda demand: demand[0]),
    ),
    max_size=60,
)


@settings(deadline=None)
@given(STEPS)
async def test_every_sequence_agrees_with_the_plain_reference(
    steps: list[tuple[int, list[tuple[tuple[str, Period], int]]]],
) -> None:
    clock = Clock()
    state, model = MemoryState(now=clock.now, utcnow=clock.utcnow), Model(clock)
    for passing, wanted in steps:
        clock.elapsed += passing
        demands = [Demand(key, Quota(AMOUNTS[period], period), cost) for (key, period), cost in wanted]
        expected = model.take(demands)
        verdict = await state.take(demands)
        assert verdict.allowed == expected
        if verdict.demand is not None:
            assert verdict.remaining == math.floor(model.left(verdict.demand))
            assert 0 <= verdict.reset_after <= SECONDS[verdict.demand.quota.period]
            assert (verdict.retry_after == 0) == expected


@settings(deadline=None)
@given(
    st.sampled_from(list(SECONDS)),
    st.integers(1, 50),
    st.lists(
        st.tuples(st.integers(0, 100_000), st.integers(-200_000, 200_000), st.integers(1, 50)), max_size=30
    ),
)
async def test_whatever_the_wall_clock_does_no_window_outlives_its_length(
    period: Period, amount: int, steps: list[tuple[int, int, int]]
) -> None:
    clock = Clock()
    state = MemoryState(now=clock.now, utcnow=clock.utcnow)
    for passing, jump, cost in steps:
        clock.advance(passing)
        clock.jump(jump)
        verdict = await take(state, amount, period, cost)
        assert 0 <= verdict.reset_after <= SECONDS[period]
        if not verdict.allowed and cost <= amount:
            clock.advance(math.ceil(verdict.retry_after * 1000) / 1000)
            assert (await take(state, amount, period, cost)).allowed


async def test_the_state_in_memory_answers_at_once_and_no_differently(clock: Clock) -> None:
    at_once, awaited = (MemoryState(now=clock.now, utcnow=clock.utcnow) for _ in range(2))
    demands = [Demand("k", Quota(3, "minute")), Demand("k", Quota(2, "day"))]
    for _ in range(4):
        assert at_once.take_now(demands) == await awaited.take(demands)


PERIODS = [*SECONDS, "lease"]


def held(amount: int, period: Period, cost: int = 1, key: str = "k") -> list[Demand]:
    return [Demand(key, Quota(amount, period), cost, hold=True)]


@pytest.mark.parametrize("period", PERIODS)
def test_what_is_held_counts_until_it_is_settled(state: MemoryState, period: Period) -> None:
    assert state.take_now(held(10, period, 6), "a").remaining == 4
    assert not state.take_now(held(10, period, 5), "b").allowed
    assert state.take_now(held(10, period, 4), "b").remaining == 0
    state.settle_now("a")
    assert state.take_now(held(10, period, 6), "c").allowed
    assert state.health()["leases"] == 2


@pytest.mark.parametrize("period", list(SECONDS))
@pytest.mark.parametrize(("used", "left"), [(0, 10), (2, 8), (6, 4), (9, 1), (15, 0)])
def test_the_difference_is_given_back_or_taken(
    state: MemoryState, period: Period, used: int, left: int
) -> None:
    state.take_now(held(10, period, 6), "a")
    assert state.settle_now("a", [Demand("k", Quota(10, period), used)])
    assert state.take_now([Demand("k", Quota(10, period), 0)]).remaining == left


def test_what_was_taken_beyond_the_amount_has_to_refill_too(state: MemoryState, clock: Clock) -> None:
    state.settle_now("a", [Demand("k", Quota(10, "minute"), 25)])
    clock.advance(90)
    assert not state.take_now([Demand("k", Quota(10, "minute"))]).allowed
    clock.advance(6)
    assert state.take_now([Demand("k", Quota(10, "minute"))]).allowed


def test_a_bucket_does_not_refill_what_is_held(state: MemoryState, clock: Clock) -> None:
    state.take_now(held(10, "second", 10), "a")
    clock.advance(100)
    verdict = state.take_now([Demand("k", Quota(10, "second"))])
    assert (verdict.allowed, verdict.remaining, verdict.retry_after) == (False, 0, 1.0)


def test_what_is_held_goes_over_into_the_next_window(state: MemoryState, clock: Clock) -> None:
    state.take_now(held(10, "hour", 6), "a")
    clock.advance(1800)
    assert state.take_now([Demand("k", Quota(10, "hour"), 0)]).remaining == 4
    state.settle_now("a", [Demand("k", Quota(10, "hour"), 5)])
    assert state.take_now([Demand("k", Quota(10, "hour"), 0)]).remaining == 5


@pytest.mark.parametrize("period", PERIODS)
def test_a_lease_ends_by_itself_and_settling_it_then_frees_nothing_twice(
    state: MemoryState, clock: Clock, period: Period
) -> None:
    state.take_now(held(2, period, 2), "a", 30.0)
    clock.advance(29.999)
    assert not state.take_now(held(2, period, 2), "b").allowed
    clock.advance(0.001)
    assert state.take_now(held(2, period, 2), "b").allowed
    state.settle_now("a")
    assert not state.take_now(held(2, period), "c").allowed


def test_one_lease_may_hold_more_by_and_by(state: MemoryState) -> None:
    for key in "kl":
        state.take_now(held(1, "lease", key=key), "a")
    state.settle_now("a")
    assert [state.take_now(held(1, "lease", key=key), "b").allowed for key in "kl"] == [True, True]


def test_a_refusal_holds_nothing_and_says_what_is_left_of_each(state: MemoryState) -> None:
    demands = [*held(5, "lease"), Demand("k", Quota(3, "minute"), 2), *held(3, "day", 4)]
    verdict = state.take_now(demands, "a")
    assert (verdict.demand, verdict.retry_after) == (demands[2], math.inf)
    assert [part.remaining for part in verdict.parts] == [5, 3, 3]
    assert state.health() == {"ok": True, "counters": 1, "capacity": 1_000_000, "leases": 0}


@pytest.mark.parametrize("period", ["minute", "day"])
async def test_what_is_given_back_at_once_was_never_taken(state: MemoryState, period: Period) -> None:
    await take(state, 10, period, cost=7)
    await state.give_back([Demand("k", Quota(10, period), 7)])
    assert (await take(state, 10, period, cost=0)).remaining == 10


async def test_a_bucket_takes_back_only_what_it_has_not_refilled(state: MemoryState, clock: Clock) -> None:
    await take(state, 60, "minute", cost=60)
    clock.advance(60)
    await take(state, 60, "minute", cost=60)
    await state.give_back([Demand("k", Quota(60, "minute"), 60)], 60.0)
    assert (await take(state, 60, "minute", cost=0)).remaining == 0
    await state.give_back([Demand("k", Quota(60, "minute"), 60)], 20.0)
    assert (await take(state, 60, "minute", cost=0)).remaining == 40


async def test_a_window_that_is_over_takes_nothing_back(state: MemoryState, clock: Clock) -> None:
    await take(state, 10, "hour", cost=7)
    clock.advance(1800)
    await take(state, 10, "hour", cost=7)
    await state.give_back([Demand("k", Quota(10, "hour"), 7)], 1800.0)
    assert (await take(state, 10, "hour", cost=0)).remaining == 3
    await state.give_back([Demand("lease", Quota(10, "lease"))])
    assert (await take(state, 10, "lease", cost=10, key="lease")).allowed


class Promises(RuleBasedStateMachine):
    """Whatever is taken, held, settled, left to expire: no window sees more than its amount, and in the end
    everything is there again."""

    amounts: dict[Period, int] = {"second": 7, "minute": 11, "hour": 13, "day": 30, "lease": 3}

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.state = MemoryState(now=self.clock.now, utcnow=self.clock.utcnow)
        self.open: dict[str, tuple[int, list[Demand]]] = {}
        self.used: dict[Period, list[tuple[int, int]]] = {period: [] for period in SECONDS}
        self.leases = 0

    @rule(milliseconds=st.integers(0, 3000) | st.integers(0, 90_000_000))
    def pass_time(self, milliseconds: int) -> None:
        self.clock.elapsed += milliseconds

    @rule(seconds=st.sampled_from([-172_800, -3600, -7, 7, 3600, 172_800]))
    def jump(self, seconds: int) -> None:
        self.clock.jump(seconds)

    @rule(wanted=st.dictionaries(st.sampled_from(PERIODS), st.tuples(st.integers(0, 9), st.booleans())))
    def take(self, wanted: dict[Period, tuple[int, bool]]) -> None:
        demands = [
            Demand("k", Quota(self.amounts[period], period), cost, hold=hold or period == "lease")
            for period, (cost, hold) in wanted.items()
        ]
        lease = f"lease-{self.leases}"
        self.leases += 1
        if self.state.take_now(demands, lease, 600.0).allowed:
            holds = [demand for demand in demands if demand.hold]
            self.open[lease] = (self.clock.elapsed + 600_000, holds)
            self.book([demand for demand in demands if not demand.hold])
        seats = sum(
            demand.cost
            for expires, holds in self.open.values()
            for demand in holds
            if demand.quota.period == "lease" and expires > self.clock.elapsed
        )
        assert seats <= self.amounts["lease"]

    @precondition(lambda self: self.open)
    @rule(data=st.data())
    def settle(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(sorted(self.open)))
        expires, holds = self.open.pop(lease)
        used = []
        if self.clock.elapsed < expires:  # of one that has expired nobody knows any more
            used = [
                Demand("k", demand.quota, data.draw(st.integers(0, demand.cost)))
                for demand in holds
                if demand.quota.period != "lease"
            ]
        assert self.state.settle_now(lease, used)
        self.book(used)

    def book(self, used: list[Demand]) -> None:
        """Put on record what was used, and look at every stretch of time that ends now."""
        now = self.clock.elapsed
        for demand in used:
            period, amount = demand.quota.period, demand.quota.amount
            self.used[period].append((now, demand.cost))
            total = 0
            for at, cost in reversed(self.used[period]):
                total += cost
                if period in ("second", "minute"):
                    refilled = Fraction(amount * (now - at), 1000 * SECONDS[period])
                else:  # every window that may have been begun since
                    refilled = Fraction(amount * math.ceil((now - at) / 1000 / SECONDS[period] + 1))
                assert total <= amount + refilled

    def teardown(self) -> None:
        for lease in self.open:
            self.state.settle_now(lease)
        self.clock.advance(2 * 86_400)
        for period, amount in self.amounts.items():
            verdict = self.state.take_now([Demand("k", Quota(amount, period), amount, hold=True)], "all")
            assert verdict.allowed, period


TestPromises = Promises.TestCase
TestPromises.settings = settings(deadline=None, max_examples=60)
