"""Budgets as they are written, and those that contradict themselves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pointsman.config import Usd
from pointsman.errors import ConfigError
from pointsman.testing import Running
from pointsman_budgets.settings import Budget, listed

Serve = Callable[..., AbstractAsyncContextManager[Running]]


def test_none_one_and_several_budgets_are_alike() -> None:
    one = Budget(usd=Usd(1))
    assert (listed(None), listed(one), listed((one, one))) == ((), (one,), (one, one))


@pytest.mark.parametrize(
    ("budget", "said"),
    [
        ("{usd: 1, per: year}", "keys.0.budget.per"),
        ("{per: day}", "`usd` is missing"),
        ("{usd: -1}", "cannot be negative"),
        ("{usd: 1, zone: Mars/Olympus}", "'Mars/Olympus' is not a time zone"),
        ("{usd: 1, hard: true, refuse: false}", "`keys.0.budget.refuse`: a budget that is hard refuses"),
        ("{usd: 1, notify: [101%]}", "`keys.0.budget.notify.0`: a share of a budget is above 0%"),
        ("{usd: 1, notify: [0%]}", "above 0% and at most 100%"),
        ("{usd: 1, notify: [50%, 80%, 50%]}", "`keys.0.budget.notify.2`: 50% is here twice"),
        ("{usd: 1, notify: [0.5]}", "'0.5' is not a percentage"),
        ("[{usd: 1, per: day}, {usd: 2, per: day}]", "`keys.0.budget.1.per`: a second budget per day"),
        (
            "[{usd: 20, per: month}, {usd: 30, per: day}]",
            r"`keys.0.budget.1.usd`: the budget per day \(30.00\) is above that per month \(20.00\)",
        ),
        (
            "[{usd: 5, per: week}, {usd: 4, per: lifetime}, {usd: 1, per: day}]",
            r"`keys.0.budget.0.usd`: the budget per week \(5.00\) is above that per lifetime",
        ),
    ],
)
async def test_a_budget_that_cannot_be_is_a_problem_with_its_place(
    serve: Serve, budget: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        async with serve(budget):
            pass


@pytest.mark.parametrize("url", ["chat.example.org", "file:///etc/passwd", "https://", "ftp://x.example"])
async def test_a_webhook_is_an_address_of_the_web(serve: Serve, url: str) -> None:
    with pytest.raises(ConfigError, match="is not an address that begins with"):
        async with serve(budgets=f'{{webhook: {{url: "{url}"}}}}'):
            pass


async def test_what_only_tells_bounds_nothing(serve: Serve) -> None:
    async with serve("[{usd: 9, per: day}, {usd: 5, per: week, refuse: false}, {usd: 9}]"):
        pass
    with pytest.raises(ConfigError, match=r"`keys.0.budget.0.usd`: .* above that per month \(8.00\)"):
        async with serve("[{usd: 9, per: day}, {usd: 5, per: week, refuse: false}, {usd: 8}]"):
            pass


async def test_budgets_that_decrease_are_in_order(serve: Serve) -> None:
    several = "[{usd: 1, per: day}, {usd: 5, per: week}, {usd: 5, hard: true}, {usd: 9, per: lifetime}]"
    async with serve(several) as served:
        budgets = served.gateway.setup.section("keys")[0].extra["budget"]
    assert [each.per for each in budgets] == ["day", "week", "month", "lifetime"]
