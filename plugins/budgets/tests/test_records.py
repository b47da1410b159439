"""What the ledger knows of money, and what happens when it cannot be written."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, closing
from functools import partial
from pathlib import Path

import httpx
import pytest

from pointsman.ledger import open_ledger
from pointsman.testing import Running
from pointsman_budgets import Budgets
from pointsman_budgets.book import Owner
from pointsman_budgets.records import BEGINNING, hour_of, spans, timestamp

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

HARD, SOFT = "{usd: 5, hard: true}", "{usd: 5}"


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        (BEGINNING, [("usage_days", "", "~")]),
        ("2026-11-26T00:00:00.000+00:00", [("usage_days", "2026-11-26", "~")]),
        (
            "2026-11-25T23:00:00.000+00:00",
            [("usage_hours", "2026-11-25T23", "2026-11-26T00"), ("usage_days", "2026-11-26", "~")],
        ),
        (
            "2026-10-31T18:30:00.000+00:00",
            [
                ("usage_minutes", "2026-10-31T18:30", "2026-10-31T19:00"),
                ("usage_hours", "2026-10-31T19", "2026-11-01T00"),
                ("usage_days", "2026-11-01", "~"),
            ],
        ),
    ],
)
def test_sums_are_read_by_the_longest_periods_that_fit(
    since: str, expected: list[tuple[str, str, str]]
) -> None:
    assert list(spans(since)) == expected


def test_times_are_those_of_rows() -> None:
    assert timestamp(1_795_694_400.5) == "2026-11-26T12:00:00.500+00:00"
    assert hour_of("2026-11-26T12:34:56.789+00:00") == "2026-11-26T12:00:00.000+00:00"


@pytest.mark.parametrize(("budget", "status"), [(HARD, 503), (SOFT, 200)])
async def test_a_ledger_that_is_locked_stops_hard_budgets_only_and_they_recover(
    serve: Serve, ask: Ask, tmp_path: Path, budget: str, status: int
) -> None:
    async with serve(budget) as served:
        assert (await ask(served)).status_code == 200
        with closing(sqlite3.connect(tmp_path / "pointsman.db", isolation_level=None)) as other:
            other.execute("begin immediate")
            during = await ask(served)
            other.execute("rollback")
        assert during.status_code == status
        if status == 503:
            message = during.json()["error"]["message"]
            assert "the budget of key 'alice' of 5.00 USD per month is hard, and the ledger cannot" in message
        while (await ask(served)).status_code != 200:
            pass
        (account,) = plugin(served).payers.accounts
        assert account.reserved == 0, "what was refused holds nothing"


@pytest.mark.parametrize(("budget", "status"), [(HARD, 503), (SOFT, 200)])
async def test_a_full_disk_stops_hard_budgets_only(
    serve: Serve, ask: Ask, monkeypatch: pytest.MonkeyPatch, budget: str, status: int
) -> None:
    connect = sqlite3.connect

    def small(*args: object, **more: object) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*args, **more)  # type: ignore[call-overload]
        connection.execute("pragma max_page_count = 1")  # no more pages than there are
        return connection

    async with serve(budget):
        pass
    monkeypatch.setattr("pointsman.gateway.open_ledger", partial(open_ledger, connect=small))
    codes = set()
    async with serve(budget) as served:
        for _ in range(400):
            codes.add((await ask(served, model="acme/small")).status_code)
            if status in codes - {200}:
                break
    assert codes <= {200, status}
    assert status in codes


async def test_a_reservation_is_dropped_once_it_has_a_generation(serve: Serve, ask: Ask) -> None:
    async with serve(HARD, usage="{}") as served:
        await ask(served)
        assert [row["state"] for row in await served.rows("reservations")] == ["settled"]
        await plugin(served).records.forget()
        assert await served.rows("reservations") == []
        (account,) = plugin(served).payers.accounts
        assert await plugin(served).records.spent(account.owner, BEGINNING) == account.spent == 100_000_000


async def test_what_was_reserved_and_has_no_generation_is_spent(serve: Serve, ask: Ask) -> None:
    async with serve(HARD) as served:
        await ask(served)
        records = plugin(served).records
        (account,) = plugin(served).payers.accounts
        await records.reserve("gen-1", [account.owner, Owner("team", "t", "t")], 7, 1_795_694_400.0)
        assert await records.spent(Owner("team", "t", "t"), BEGINNING) == 0, "it may still be settled"
        assert await records.recover() == 1
        assert await records.spent(Owner("team", "t", "t"), BEGINNING) == 7
        assert await records.spent(Owner("team", "u", "u"), BEGINNING) == 0
        assert await records.spent(Owner("team", "t", "t"), timestamp(1_795_694_460.0)) == 0


async def test_a_reservation_is_that_of_the_key_that_asks(serve: Serve) -> None:
    async with serve(HARD) as served:
        records = plugin(served).records
        owners = [
            Owner("key", "key-alice", "alice"),
            Owner("key", "key-chief", "chief"),
            Owner("team", "t", "t"),
        ]
        await records.reserve("gen-1", owners, 7, 1_795_694_400.0)
        (row,) = await served.rows("reservations")
        assert (row["key_id"], row["team"]) == ("key-alice", "t")


async def test_what_a_key_spends_is_that_of_who_made_it_too(serve: Serve) -> None:
    made = (
        "insert into keys (hash, digest, name, settings, created_at, maker) "
        "values (:hash, :hash, :hash, '{}', '2026', :maker)"
    )
    async with serve(HARD) as served:
        records, ledger = plugin(served).records, served.gateway.ledger
        family = [
            ("a" * 64, None),
            ("b" * 64, "key-" + "a" * 12),
            ("c" * 64, "key-" + "b" * 12),
            ("d" * 64, None),
        ]
        for hash, maker in family:
            await ledger.execute([(made, {"hash": hash, "maker": maker})])
            await records.reserve(
                f"gen-{hash[0]}", [Owner("key", f"key-{hash[:12]}", "x")], 1, 1_795_694_400.0
            )
        await records.recover()
        owners = [Owner("key", f"key-{hash[:12]}", "x") for hash, _ in family]
        assert [await records.spent(owner, BEGINNING) for owner in owners] == [3, 2, 1, 1]


def plugin(served: Running) -> Budgets:
    """The running plugin."""
    return next(each.target for each in served.gateway.setup.plugins.plugins if each.name == "budgets")
