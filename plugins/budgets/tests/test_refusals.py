"""Refusals: whose budget, what is left, when it begins again, in words and as data."""

from __future__ import annotations

import pytest

from pointsman.config import Usd
from pointsman_budgets.book import Account, Owner
from pointsman_budgets.refusals import begins_again, described, refusal, unpriced
from pointsman_budgets.settings import Budget
from pointsman_budgets.windows import Per, Zone

NOON = 1_795_694_400.0
"""2026-11-26 12:00 UTC."""
DOLLAR = 10**9


def account(per: Per = "day", zone: str = "UTC", *, spent: int = 0, reserved: int = 0) -> Account:
    """Alice's budget of five dollars."""
    made = Account(
        Owner("key", "key-1", "alice"), Budget(usd=Usd(5 * DOLLAR), per=per, zone=Zone(zone)), NOON
    )
    made.spent, made.reserved = spent, reserved
    return made


@pytest.mark.parametrize(
    ("per", "zone", "moment"),
    [
        ("day", "UTC", "2026-11-27T00:00:00+00:00"),
        ("day", "Asia/Tokyo", "2026-11-27T00:00:00+09:00"),
        ("week", "America/New_York", "2026-11-30T00:00:00-05:00"),
        ("month", "Europe/Paris", "2026-12-01T00:00:00+01:00"),
        ("lifetime", "UTC", None),
    ],
)
def test_it_is_said_when_a_budget_begins_again_where_it_is(per: Per, zone: str, moment: str | None) -> None:
    assert begins_again(account(per, zone)) == moment
    end = f"it begins again at {moment}" if moment else "it does not begin again"
    assert refusal(account(per, zone, spent=5 * DOLLAR), 1, NOON).message.endswith(end)


@pytest.mark.parametrize(
    ("spent", "reserved", "needed", "wait"),
    [
        (5 * DOLLAR, 0, DOLLAR, 43_200.0),  # until midnight
        (DOLLAR, 4 * DOLLAR, DOLLAR, 1.0),  # what is held may come back at once
        (0, 0, 6 * DOLLAR, None),  # never
    ],
)
def test_it_is_said_when_to_ask_again(spent: int, reserved: int, needed: int, wait: float | None) -> None:
    assert refusal(account(spent=spent, reserved=reserved), needed, NOON).retry_after == wait


def test_what_requests_under_way_hold_is_told_apart() -> None:
    error = refusal(account(spent=DOLLAR, reserved=3 * DOLLAR), 2 * DOLLAR, NOON)
    assert "1.00 USD is left beside 3.00 that requests under way may cost" in error.message
    assert error.extra["budget"]["reserved_usd"] == "3.00"
    assert (error.status, error.error_type, error.code) == (402, "payment_required", "insufficient_budget")


def test_an_account_is_data() -> None:
    assert described(account(spent=DOLLAR // 2)) == {
        "kind": "key",
        "name": "alice",
        "limit_usd": "5.00",
        "per": "day",
        "zone": "UTC",
        "hard": False,
        "prepaid": False,
        "spent_usd": "0.50",
        "reserved_usd": "0.00",
        "left_usd": "4.50",
        "resets_at": "2026-11-27T00:00:00+00:00",
    }


def test_a_request_without_a_price_is_told_so() -> None:
    error = unpriced(account(), "acme/large")
    assert (error.status, error.code) == (402, "unpriced")
    assert "the price of no endpoint for model 'acme/large' is known: 5.00 USD is left" in error.message
