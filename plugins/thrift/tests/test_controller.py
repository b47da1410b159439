"""The loss budget: kept on the whole, whatever requests come."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pointsman_thrift.policy import Controller, Limits


def test_what_is_left_over_raises_the_threshold_and_losses_lower_it() -> None:
    budget = Controller(Limits(0.05, 0.5))
    before = budget.allowed()
    budget.spent(0.0, 0.8)
    raised = budget.allowed()
    assert raised > before == 0.05
    budget.spent(0.04, 0.8)
    assert budget.tau == pytest.approx(raised)
    budget.spent(0.3, 0.8)
    assert budget.tau < raised
    assert budget.exhausted
    assert budget.allowed() == 0.0


def test_an_exhausted_budget_is_earned_again() -> None:
    budget = Controller(Limits(0.05, 0.5))
    budget.spent(1.0, 0.8)
    assert budget.allowed() == 0.0
    for _ in range(100):
        budget.spent(0.0, 0.8)
    assert not budget.exhausted
    assert budget.allowed() > 0.05


def test_no_request_may_lose_more_than_a_tasks_share() -> None:
    budget = Controller(Limits(0.05, 0.15))
    for _ in range(5000):
        budget.spent(0.0, 0.9)
    assert budget.allowed() == 0.15


def test_without_a_budget_nothing_is_allowed() -> None:
    budget = Controller(Limits(0.0, 0.15))
    budget.spent(0.0, 0.9)
    assert budget.allowed() == 0.0


@given(some.floats(0.01, 0.2), some.integers(0, 1000))
def test_the_budget_is_kept_and_used(loss: float, seed: int) -> None:
    """A client of the budget that takes all it may, of losses that come as they come."""
    budget, chance = Controller(Limits(loss, 1.0)), Random(seed)
    lost = granted = 0.0
    for _ in range(4000):
        asked = chance.choice([0.0, 0.02, 0.1, 0.3, 0.6])
        taken = asked if asked <= budget.allowed() else 0.0
        budget.spent(taken, 0.8)
        lost, granted = lost + taken, granted + 0.8
    assert budget.share <= loss * 1.2
    assert loss * 0.5 < lost / granted <= loss * 1.1


def test_it_goes_on_after_a_restart() -> None:
    budget = Controller(Limits(0.05, 0.15))
    for number in range(50):
        budget.spent(0.01 * (number % 7), 0.7)
    read = Controller.of_json(json.loads(json.dumps(budget.as_json())))
    assert (read.tau, read.share, read.limits) == (budget.tau, budget.share, budget.limits)


@pytest.mark.parametrize(
    "data", [{}, {"loss": "x"}, {"loss": -1, "task_loss": 0, "tau": 0, "lost": 0, "granted": 0}]
)
def test_other_data_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"budget|float"):
        Controller.of_json(data)
