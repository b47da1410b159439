"""The retry budget: a first attempt is free, a healthy provider is free, the rest is a fifth and three."""

from __future__ import annotations

import pytest

from pointsman.retries import RetryBudget


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [1000.0]
    monkeypatch.setattr("pointsman.retries.time.monotonic", lambda: now[0])
    return now


def allowed(budget: RetryBudget, times: int) -> int:
    return sum(budget.allows("lab") for _ in range(times))


def test_a_provider_that_has_not_failed_is_free(clock: list[float]) -> None:
    budget = RetryBudget()
    budget.failed("other")
    assert allowed(budget, 100) == 100


def test_one_that_failed_draws_on_a_fifth_of_the_requests_and_three(clock: list[float]) -> None:
    budget = RetryBudget()
    budget.failed("lab")
    assert allowed(budget, 10) == 3
    for _ in range(50):
        budget.request()
    assert allowed(budget, 100) == 10


def test_after_ten_seconds_all_is_forgotten(clock: list[float]) -> None:
    budget = RetryBudget()
    budget.request()
    budget.failed("lab")
    assert allowed(budget, 10) == 3
    clock[0] += 9
    budget.failed("lab")
    assert allowed(budget, 10) == 0, "what was drawn still counts"
    clock[0] += 2
    assert allowed(budget, 10) == 3
    clock[0] += 100
    assert allowed(budget, 10) == 10, "and the provider has not failed for long"
