"""The plan of a request."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from pointsman.exchange import Plan as Offered
from pointsman.plan import Plan


def test_a_plan_says_nothing_but_its_models_until_somebody_does() -> None:
    plan = Plan(None, ("acme/large",))
    assert (plan.pick, plan.deadline, plan.attempts, plan.on_loss, plan.hedge) == (None,) * 5
    assert not any((plan.extra, plan.preferences, plan.lost, plan.params, plan.across))


def test_a_plan_is_shared_by_requests_and_so_never_changed() -> None:
    plan = Plan("night", ("acme/large",), params={"temperature": 0})
    with pytest.raises(FrozenInstanceError):
        plan.rule = "day"  # type: ignore[misc]
    assert replace(plan, lost=("provider.sort",)).params == plan.params
    assert plan.lost == ()


def test_it_is_found_where_exchanges_are() -> None:
    assert Offered is Plan
