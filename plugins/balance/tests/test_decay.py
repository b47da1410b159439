"""Amounts that fade."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_balance.decay import Fading, Mean, Peak


def test_an_amount_halves_and_halves_again() -> None:
    amount = Fading(60.0)
    amount.add(8.0, 1000.0)
    assert [amount.left(at) for at in (1000.0, 1060.0, 1180.0)] == [8.0, 4.0, 1.0]
    amount.add(1.0, 1060.0)
    assert amount.left(1060.0) == 5.0


def test_a_clock_that_goes_back_changes_nothing() -> None:
    amount = Fading(60.0)
    amount.add(8.0, 1000.0)
    assert amount.left(0.0) == 8.0


def test_a_mean_of_nothing_is_unknown_or_what_was_thought_before() -> None:
    mean = Mean(60.0)
    assert mean.value(5.0) is None
    assert mean.value(5.0, prior=3.0, mass=1.0) == 3.0
    assert mean.weight(5.0) == 0.0


def test_a_mean_is_drawn_to_what_was_thought_before_and_follows_what_is_new() -> None:
    mean = Mean(60.0)
    mean.add(10.0, 0.0, weight=3.0)
    assert mean.value(0.0, prior=2.0, mass=1.0) == pytest.approx(8.0)
    mean.add(4.0, 600.0, weight=3.0)
    value = mean.value(600.0)
    assert value is not None
    assert value == pytest.approx(4.0, abs=0.02)


@given(st.lists(st.tuples(st.floats(0.001, 1e6), st.floats(0, 1e4)), min_size=1))
def test_a_mean_lies_between_what_it_saw(seen: list[tuple[float, float]]) -> None:
    mean, now = Mean(300.0), 0.0
    for value, passed in seen:
        now += min(passed, 3000.0)
        mean.add(value, now)
    found = mean.value(now)
    assert found is not None
    assert min(value for value, _ in seen) * 0.999 <= found <= max(value for value, _ in seen) * 1.001


def test_a_peak_rises_at_once_and_falls_slowly_with_lower_values_or_none() -> None:
    peak = Peak(10.0)
    peak.add(1.0, 0.0)
    peak.add(5.0, 0.1)
    assert peak.left(0.1) == 5.0
    peak.add(1.0, 10.1)
    assert peak.left(10.1) == pytest.approx(5.0 * 0.3679 + 1.0 * 0.6321, rel=1e-3)
    assert peak.left(100.0) < 0.001
