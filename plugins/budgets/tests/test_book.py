"""The book: whatever happens in whatever order, what is spent and open stays within the budget."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pointsman.config import Percent, Usd
from pointsman_budgets.book import Account, Book, Notice, Owner, Reservation
from pointsman_budgets.settings import Budget
from pointsman_budgets.windows import Clock

ALICE = Owner("key", "key-1", "alice")
TEAM = Owner("team", "team-1", "research")
NOON = 1_795_694_400.0
"""2026-11-26 12:00 UTC, a Thursday."""
DAY = 86_400.0
LEASE = 600.0


def budget(usd: int, **more: Any) -> Budget:
    """A budget of so many nano-USD."""
    return Budget(usd=Usd(usd), **{"per": "day", "notify": (), **more})


def book(told: list[Notice] | None = None) -> Book:
    """A book whose notices go to `told`."""
    notices = told if told is not None else []
    return Book(lease=LEASE, tell=notices.append)


def held(reserved: Reservation | Account) -> Reservation:
    """A reservation that was granted."""
    assert isinstance(reserved, Reservation)
    return reserved


def test_what_is_reserved_is_held_until_it_is_settled() -> None:
    account, page = Account(ALICE, budget(100), NOON), book()
    reservation = held(page.reserve([account], 60, NOON))
    assert (account.spent, account.reserved, account.left) == (0, 60, 40)
    assert page.reserve([account], 41, NOON) is account, "more than what is left"
    page.settle(reservation, 25)
    assert (account.spent, account.reserved, account.left) == (25, 0, 75)
    held(page.reserve([account], 75, NOON))
    assert account.left == 0


def test_all_accounts_are_reserved_from_or_none() -> None:
    key, team, page = Account(ALICE, budget(100), NOON), Account(TEAM, budget(50), NOON), book()
    assert page.reserve([key, team], 51, NOON) is team
    assert (key.reserved, team.reserved, page.open) == (0, 0, 0)
    page.settle(held(page.reserve([key, team], 50, NOON)), 50)
    assert (key.left, team.left) == (50, 0)


def test_what_costs_nothing_passes_a_budget_that_is_spent() -> None:
    account, page = Account(ALICE, budget(0), NOON), book()
    page.settle(held(page.reserve([account], 0, NOON)), 0)
    assert page.reserve([account], 1, NOON) is account


def test_a_budget_that_does_not_refuse_only_counts() -> None:
    account, page = Account(ALICE, budget(10, refuse=False), NOON), book()
    page.settle(held(page.reserve([account], 30, NOON)), 30)
    assert (account.spent, account.left) == (30, 0)


def test_a_reservation_that_nobody_settles_expires_and_what_it_used_counts_all_the_same() -> None:
    account, page = Account(ALICE, budget(100), NOON), book()
    leaked = held(page.reserve([account], 100, NOON))
    assert page.reserve([account], 1, NOON + LEASE - 1) is account
    held(page.reserve([account], 40, NOON + LEASE))
    assert (account.reserved, page.open) == (40, 1)
    page.settle(leaked, 70)
    assert (account.spent, account.reserved) == (70, 40)


def test_a_window_begins_with_nothing_and_leaves_the_last_one_alone() -> None:
    account, page = Account(ALICE, budget(100), NOON), book()
    late = held(page.reserve([account], 60, NOON + DAY / 2 - 1))
    fresh = held(page.reserve([account], 90, NOON + DAY / 2))
    page.settle(late, 60)
    assert (account.spent, account.reserved) == (0, 90), "it was of yesterday"
    page.settle(fresh, 10)
    assert (account.spent, account.reserved) == (10, 0)


def test_a_share_is_told_once_a_window() -> None:
    told: list[Notice] = []
    account = Account(ALICE, budget(100, notify=(Percent(500_000), Percent(1_000_000))), NOON)
    page = book(told)

    def spend(amount: int, now: float) -> list[int]:
        told.clear()
        page.settle(held(page.reserve([account], 1, now)), amount)
        return [notice.share for notice in told]

    assert spend(49, NOON) == []
    assert spend(1, NOON) == [500_000]
    assert spend(10, NOON) == []
    assert spend(45, NOON + DAY) == [], "a new day"
    assert spend(54, NOON + DAY) == [500_000]
    assert spend(1, NOON + DAY) == [1_000_000]
    assert spend(200, NOON + 2 * DAY) == [500_000, 1_000_000]


def test_what_was_told_before_a_restart_is_not_told_again() -> None:
    told: list[Notice] = []
    account = Account(ALICE, budget(100, notify=(Percent(500_000), Percent(800_000))), NOON)
    account.start_with(60)
    page = book(told)
    page.settle(held(page.reserve([account], 30, NOON)), 30)
    assert [notice.share for notice in told] == [800_000]


def test_a_budget_that_changes_keeps_what_is_spent() -> None:
    account, page = Account(ALICE, budget(10), NOON), book()
    page.settle(held(page.reserve([account], 10, NOON)), 10)
    account.change(budget(25))
    assert account.left == 15
    account.change(budget(5))
    assert account.left == 0


def test_a_share_of_a_larger_budget_is_told_again() -> None:
    told: list[Notice] = []
    shares = (Percent(500_000), Percent(1_000_000))
    account, page = Account(ALICE, budget(100, notify=shares), NOON), book(told)

    def spend(amount: int) -> list[int]:
        told.clear()
        page.settle(held(page.reserve([account], amount, NOON)), amount)
        return [notice.share for notice in told]

    assert spend(60) == [500_000]
    account.change(budget(200, notify=shares))
    assert spend(30) == []
    assert spend(30) == [500_000], "of the larger amount"
    account.change(budget(130, notify=shares))
    assert spend(1) == []
    account.change(budget(121, notify=shares))
    told.clear()
    page.settle(held(page.reserve([account], 0, NOON)), 0)
    assert [notice.share for notice in told] == [1_000_000], "of the smaller amount"


@pytest.mark.parametrize(
    ("account", "said"),
    [
        (Account(ALICE, budget(20 * 10**9), NOON), "the budget of key 'alice' of 20.00 USD per day"),
        (
            Account(TEAM, budget(10**9, per="lifetime"), NOON),
            "the budget of team 'research' of 1.00 USD in all",
        ),
        (
            Account(TEAM, budget(10**9, per="lifetime"), NOON, prepaid=True),
            "what team 'research' has of its 1.00 USD of credits",
        ),
    ],
)
def test_an_account_says_whose_it_is(account: Account, said: str) -> None:
    assert str(account) == said


class Spending(RuleBasedStateMachine):
    """A key and its team, requests that use what was estimated, or more, or less, or nothing, or never end;
    a process that ends and starts again, a clock that jumps."""

    def __init__(self) -> None:
        super().__init__()
        self.wall, self.steady = NOON, 0.0
        self.records: list[tuple[float, int, list[Owner]]] = []
        """What is on disk: when it was reserved, what was used, and by whom."""
        self.start()

    def start(self) -> None:
        """A process that knows what is on disk, and the time by the wall."""
        self.clock = Clock(lambda: self.wall, lambda: self.steady)
        self.page = book()
        self.key = Account(ALICE, budget(1000), self.now)
        self.team = Account(TEAM, budget(1500, per="month"), self.now)
        self.running: list[tuple[Reservation, int, float]] = []
        self.used, self.misestimates, self.windows = {}, {}, {}
        for account in (self.key, self.team):
            spent = sum(
                used for at, used, owners in self.records if account.owner in owners and at >= account.starts
            )
            account.start_with(spent)
            self.used[account], self.misestimates[account] = spent, max(0, spent - account.limit)
            self.windows[account] = account.serial

    @property
    def now(self) -> float:
        return self.clock.now()

    def pass_time(self, seconds: float) -> None:
        self.wall += seconds
        self.steady += seconds

    @rule(days=st.sampled_from([-2, 2]))
    def jump(self, days: int) -> None:
        """The wall clock jumps: nothing comes of it."""
        before = self.now
        self.wall += days * DAY
        assert self.now == before

    @rule(hard=st.booleans())
    def restart(self, hard: bool) -> None:
        """The process ends at once: of a hard budget what was reserved is on disk, and counts as spent."""
        if hard:
            for reservation, amount, at in self.running:
                self.records.append((at, amount, [each.owner for each, _ in reservation.held]))
        self.start()

    @rule(amount=st.integers(0, 400), team=st.booleans())
    def reserve(self, amount: int, team: bool) -> None:
        accounts = [self.key, self.team] if team else [self.key]
        before = {account: (account.left, account.serial) for account in accounts}
        reserved = self.page.reserve(accounts, amount, self.now)
        self.roll()
        if isinstance(reserved, Reservation):
            self.running.append((reserved, amount, self.now))
        elif reserved.serial == before[reserved][1]:
            assert amount > before[reserved][0] or self.page.open < len(self.running)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=st.sampled_from([0, 50, 100, 130]))
    def settle(self, data: st.DataObject, share: int) -> None:
        index = data.draw(st.integers(0, len(self.running) - 1))
        reservation, amount, at = self.running.pop(index)
        used = amount * share // 100
        self.records.append((at, used, [each.owner for each, _ in reservation.held]))
        expired = reservation.expires <= self.now
        for account, serial in reservation.held:
            if account.serial == serial:
                self.used[account] += used
                self.misestimates[account] += max(0, used - (0 if expired else amount))
        self.page.settle(reservation, used)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """A request whose end nobody hears of."""
        self.running.pop(data.draw(st.integers(0, len(self.running) - 1)))

    @rule(seconds=st.sampled_from([1.0, LEASE / 2, LEASE, DAY / 3, DAY, 31 * DAY]))
    def wait(self, seconds: float) -> None:
        self.pass_time(seconds)

    @rule()
    def everything_expires(self) -> None:
        """Nothing leaks: after the lease of the last reservation nothing is held."""
        self.pass_time(LEASE)
        self.page.expire(self.now)
        assert self.page.open == 0
        assert self.key.reserved == self.team.reserved == 0

    def roll(self) -> None:
        """Forget what was of a window that is over."""
        for account, serial in self.windows.items():
            if account.serial != serial:
                self.windows[account] = account.serial
                self.used[account] = self.misestimates[account] = 0

    @invariant()
    def nobody_spends_more_than_a_budget_and_what_was_misestimated(self) -> None:
        for account in (self.key, self.team):
            assert account.spent == self.used[account]
            assert account.reserved >= 0
            assert account.spent + account.reserved <= account.limit + self.misestimates[account]


TestSpending = Spending.TestCase
TestSpending.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)


def test_all_is_left_where_the_window_is_over() -> None:
    account = Account(ALICE, Budget(usd=Usd(10), per="day"), NOON)
    account.spent, account.reserved = 4, 1
    assert [account.left_at(NOON + hours * 3600) for hours in (0, 11, 12)] == [5, 5, 10]
