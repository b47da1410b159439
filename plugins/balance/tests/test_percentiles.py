"""Percentiles that are counted."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_balance.percentiles import SHARES, Percentiles


def test_nothing_has_no_percentiles() -> None:
    assert Percentiles().of(0.0) is None
    assert Percentiles().count(0.0) == 0


def test_percentiles_are_right_to_a_tenth() -> None:
    counted, chance = Percentiles(), Random(7)
    values = [chance.lognormvariate(0, 1) for _ in range(5000)]
    for value in values:
        counted.add(value, 100.0)
    found = counted.of(100.0)
    assert found is not None
    exact = [sorted(values)[int(share * len(values)) - 1] for share in SHARES]
    assert found == pytest.approx(exact, rel=0.1)


def test_only_the_last_minutes_count() -> None:
    counted = Percentiles()
    counted.add(1.0, 0.0)
    counted.add(100.0, 10 * 60.0)
    assert counted.count(10 * 60.0) == 2
    assert counted.count(10 * 60.0, minutes=5) == 1
    recent = counted.of(10 * 60.0, minutes=5, shares=(0.5,))
    assert recent == pytest.approx([100.0], rel=0.1)
    assert counted.of(100 * 60.0) is None


def test_old_minutes_are_forgotten() -> None:
    counted = Percentiles()
    for minute in range(200):
        counted.add(1.0, 60.0 * minute)
    assert counted.count(60.0 * 199) == 30
    assert len(counted._minutes) <= 31


@given(st.lists(st.floats(1e-9, 1e9), min_size=1))
def test_percentiles_rise_and_lie_within(values: list[float]) -> None:
    counted = Percentiles()
    for value in values:
        counted.add(value, 0.0)
    found = counted.of(0.0)
    assert found is not None
    assert found == sorted(found)
    assert max(min(values), 1e-6) * 0.9 <= found[0]
    assert found[-1] <= max(*values, 1e-6) * 1.1
