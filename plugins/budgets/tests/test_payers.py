"""Payers: every level is charged for itself, and what was spent is read once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, cast

import httpx
import pytest

from pointsman.config import Usd
from pointsman.errors import Unavailable
from pointsman.exchange import Actor, Level
from pointsman.testing import Running
from pointsman_budgets.book import Owner
from pointsman_budgets.payers import Payers, owners_of, pays
from pointsman_budgets.records import BEGINNING
from pointsman_budgets.settings import Budget
from pointsman_budgets.windows import Clock

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

NOON = 1_795_694_400.0
"""2026-11-26 12:00 UTC."""


class Book:
    """Stands for the ledger: what was spent and granted, slowly; remembers what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.used = {"key": 30, "team": 70}
        self.grants = 0
        self.error: Unavailable | None = None
        self.sums = True

    async def flush(self) -> None:
        await asyncio.sleep(0)
        if self.error is not None:
            raise self.error

    async def spent(self, owner: Owner, since: str) -> int:
        self.asked.append((owner.kind, since))
        await asyncio.sleep(0)
        return self.used[owner.kind]

    async def granted(self, owner: Owner) -> tuple[int, str | None]:
        await asyncio.sleep(0)
        return self.grants, "2026-11-26T10:30:00.000+00:00" if self.grants else None


def payers(book: Book) -> Payers:
    return Payers(cast(Any, book), Clock(lambda: NOON, lambda: 0.0))


def alice(key: Any = None, team: Any = None, **extra: Any) -> Actor:
    """A key of a team, each with its budgets."""
    levels = (
        Level("key", "key-1", "alice", {"budget": key, **extra}),
        Level("team", "research", "research", {"budget": team}),
    )
    return Actor("alice", "key-1", levels=levels)


def usd(amount: int, **more: Any) -> Budget:
    return Budget(usd=Usd(amount), **more)


async def test_all_levels_pay_each_with_its_own_budgets() -> None:
    book = Book()
    payer = await payers(book).find(alice(usd(100, per="day"), (usd(200), usd(900, per="lifetime"))))
    assert [(each.owner.kind, each.budget.per, each.spent, each.left) for each in payer.accounts] == [
        ("key", "day", 30, 70),
        ("team", "month", 70, 130),
        ("team", "lifetime", 70, 830),
    ]
    assert book.asked == [
        ("key", "2026-11-26T00:00:00.000+00:00"),
        ("team", "2026-11-01T00:00:00.000+00:00"),
        ("team", BEGINNING),
    ]
    assert payer.hard is None


async def test_who_comes_at_the_same_time_waits_for_one_reading() -> None:
    book = Book()
    everybody = payers(book)
    first, second = alice(usd(100, per="day")), alice(usd(100, per="day"))
    found = await asyncio.gather(*(everybody.find(each) for each in (first, second, first)))
    assert len(book.asked) == 1
    assert len({id(payer.accounts[0]) for payer in found}) == 1


async def test_a_key_that_changes_goes_on_with_what_is_spent() -> None:
    book = Book()
    everybody = payers(book)
    before = alice(usd(100))
    await everybody.find(before)
    assert everybody.known["key-1"].actor is before
    after = alice(usd(50, hard=True))
    payer = await everybody.find(after)
    assert (payer.accounts[0].spent, payer.accounts[0].left, payer.hard) == (30, 20, payer.accounts[0])
    assert everybody.known["key-1"] is payer
    assert len(book.asked) == 1


async def test_a_past_that_cannot_be_read_stops_hard_budgets_only() -> None:
    book = Book()
    book.error = Unavailable("the disk is full")
    everybody = payers(book)
    soft = await everybody.find(alice(usd(100)))
    assert soft.accounts[0].spent == 30, "what is on disk counts"
    with pytest.raises(Unavailable, match="cannot be kept: the disk is full"):
        await everybody.find(alice(usd(100, per="day", hard=True)))
    book.error = None
    hard = await everybody.find(alice(usd(100, per="day", hard=True)))
    assert hard.hard is not None


async def test_without_usage_it_is_said_that_a_soft_budget_forgets(caplog: pytest.LogCaptureFixture) -> None:
    book = Book()
    book.sums = False
    await payers(book).find(alice(usd(1), usd(1, hard=True)))
    said = [record.getMessage() for record in caplog.records if "usage is off" in record.getMessage()]
    assert len(said) == 1, "reservations on disk remember"
    assert said[0].startswith("the budget of key 'alice'")


async def test_credits_are_what_was_granted_by_now() -> None:
    book = Book()
    everybody = payers(book)
    book.grants = 50
    payer = await everybody.find(alice(prepaid=True))
    (account,) = payer.accounts
    assert (account.prepaid, account.left) == (True, 20)
    assert book.asked == [("key", "2026-11-26T10:00:00.000+00:00")]
    book.grants = 80
    assert await everybody.credits(account.owner) is account
    assert account.left == 50


def test_who_has_no_budget_at_any_level_pays_nothing() -> None:
    assert not pays(alice())
    assert not pays(Actor("bob", "key-2"))
    assert pays(alice(usd(1)))
    assert pays(alice(team=usd(1)))
    assert pays(alice(prepaid=True))
    assert pays(Actor("bob", "key-2", extra={"budget": usd(1)}))


def test_somebody_without_levels_pays_as_a_key() -> None:
    actor = Actor("bob", "key-2", extra={"budget": usd(1)})
    assert owners_of(actor) == [(Owner("key", "key-2", "bob"), {"budget": usd(1)})]


async def test_keys_of_a_team_share_its_budget_and_none_exceeds_it(serve: Serve, ask: Ask) -> None:
    teams = (
        "teams: {research: {budget: {usd: 0.15, per: day}}}\norganisation: {name: acme, budget: {usd: 100}}"
    )
    async with serve("{usd: 50}", extra=", team: research", more=teams) as served:
        assert (await ask(served)).status_code == 200
        refused = await ask(served)
        assert "the budget of team 'research' of 0.15 USD per day does not suffice" in refused.text
        assert (await ask(served, "bob")).status_code == 200, "of no team"
