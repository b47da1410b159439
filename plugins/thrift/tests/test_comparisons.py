"""Comparisons: models are known by way of others, too."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from pointsman_thrift.quality import Quality
from pointsman_thrift.quality.comparisons import Comparisons
from pointsman_thrift.quality.scale import DAY

NOW = 1_800_000_000.0


def even(_: str) -> float:
    return 0.5


def told(found: Comparisons, a: str, b: str, difference: float, labels: int, task: str = "maths") -> None:
    for _ in range(labels):
        found.add(task, (a, b), difference, weight=1.0, factor=1.0)


def test_two_models_that_never_met_are_compared_by_a_third() -> None:
    found = Comparisons()
    told(found, "a", "b", 0.3, 2000)
    told(found, "b", "c", 0.2, 2000)
    pair = found.paired("maths", "a", "c", factor=1.0, prior=even)
    assert pair.mean == pytest.approx(0.5, abs=0.02)
    assert (pair.n, pair.labels) == (0.0, 2000)
    direct = found.paired("maths", "a", "b", factor=1.0, prior=even)
    assert direct.variance < pair.variance


def test_labels_are_those_of_the_lesser_known_model() -> None:
    found = Comparisons()
    told(found, "a", "b", 0.0, 50)
    told(found, "a", "c", 0.0, 7)
    assert found.paired("maths", "a", "c", factor=1.0, prior=even).labels == 7
    assert found.paired("maths", "b", "c", factor=1.0, prior=even).labels == 7
    assert found.paired("maths", "a", "b", factor=1.0, prior=even).labels == 50
    assert found.paired("legal", "a", "b", factor=1.0, prior=even).labels == 0


def test_a_task_is_drawn_to_the_others_as_by_thirty_labels() -> None:
    found = Comparisons()
    told(found, "a", "b", 0.4, 1000, "trivia")
    told(found, "a", "b", 0.0, 30)
    assert found.paired("maths", "a", "b", factor=1.0, prior=even).mean == pytest.approx(0.2, abs=0.01)


def test_models_that_were_never_compared_have_what_is_believed_of_them() -> None:
    found = Comparisons()
    told(found, "a", "b", 0.1, 10)
    prior = {"a": 0.5, "b": 0.5, "new": 0.3, "newer": 0.2}
    pair = found.paired("maths", "new", "newer", factor=1.0, prior=prior.__getitem__)
    assert pair.mean == pytest.approx(0.1)
    assert (pair.labels, pair.prior_share) == (0.0, 1.0)


def test_more_labels_are_more_certain_and_leave_less_to_the_prior() -> None:
    shares, variances = [], []
    for labels in (0, 10, 100, 1000):
        found = Comparisons()
        told(found, "a", "b", 0.1, labels)
        pair = found.paired("maths", "a", "b", factor=1.0, prior=even)
        shares.append(pair.prior_share)
        variances.append(pair.variance)
    assert shares == sorted(shares, reverse=True)
    assert variances == sorted(variances, reverse=True)
    assert shares[0] == 1.0
    assert shares[-1] < 0.05


@settings(max_examples=30, deadline=None)
@given(some.lists(some.tuples(some.integers(0, 4), some.integers(0, 4), some.floats(-1, 1)), max_size=40))
def test_differences_are_consistent(rows: list[tuple[int, int, float]]) -> None:
    """What a is better than b and b than c is what a is better than c, and the other way round the less."""
    found = Comparisons()
    for i, j, difference in rows:
        if i < j:
            found.add("maths", (f"m{i}", f"m{j}"), difference, weight=1.0, factor=1.0)

    def better(i: int, j: int) -> float:
        return found.paired("maths", f"m{i}", f"m{j}", factor=1.0, prior=even).mean

    assert better(0, 1) + better(1, 2) == pytest.approx(better(0, 2), abs=1e-9)
    assert better(0, 3) == pytest.approx(-better(3, 0), abs=1e-9)
    assert found.paired("maths", "m0", "m4", factor=1.0, prior=even).variance >= 0


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """Three models, two hundred labels among them, at random: one is better by 0.15 than another."""
    held = 0
    for seed in range(100):
        quality, chance = Quality(), Random(seed)
        rates = {"a": 0.75, "b": 0.6, "c": 0.5}
        for number in range(200):
            a, b = chance.sample(sorted(rates), 2)
            outcomes = float(chance.random() < rates[a]), float(chance.random() < rates[b])
            quality.observe_pair("maths", a, b, outcomes, weight=1.0, at=NOW + number)
        low, high = quality.paired("maths", "a", "b", NOW + DAY).interval
        held += low <= 0.15 <= high
    assert held >= 90
