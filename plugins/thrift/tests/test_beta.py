"""The beta distribution: against values that are known otherwise."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pointsman_thrift.quality.beta import interval, mean, normal_above, quantile, variance

PARAMETER = some.floats(0.1, 5000)


def test_a_flat_distribution_has_its_quantiles_where_they_are() -> None:
    for share in (0.025, 0.3, 0.5, 0.975):
        assert quantile(1, 1, share) == pytest.approx(share, abs=1e-9)


def test_quantiles_of_powers() -> None:
    """Beta(n, 1) has P(X < x) = x ** n, and Beta(1, n) is its mirror image."""
    assert quantile(5, 1, 0.5) == pytest.approx(0.5**0.2, abs=1e-9)
    assert quantile(1, 5, 0.5) == pytest.approx(1 - 0.5**0.2, abs=1e-9)


def test_a_published_interval() -> None:
    """The exact (Clopper-Pearson) limits of 8 good ones in 10 are 0.444 and 0.975."""
    assert quantile(8, 3, 0.025) == pytest.approx(0.4439, abs=1e-4)
    assert quantile(9, 2, 0.975) == pytest.approx(0.9748, abs=1e-4)


@given(PARAMETER, PARAMETER, some.floats(0.001, 0.999))
def test_quantiles_mirror(a: float, b: float, share: float) -> None:
    assert quantile(a, b, share) == pytest.approx(1 - quantile(b, a, 1 - share), abs=1e-6)


@given(PARAMETER, PARAMETER)
def test_intervals_hold_the_median_and_grow_with_their_share(a: float, b: float) -> None:
    low, high = interval(a, b)
    wider = interval(a, b, 0.99)
    assert wider[0] <= low <= quantile(a, b, 0.5) <= high <= wider[1]


def test_more_evidence_is_a_narrower_interval() -> None:
    few, many = interval(8, 2), interval(800, 200)
    assert mean(8, 2) == mean(800, 200) == 0.8
    assert many[1] - many[0] < (few[1] - few[0]) / 5
    assert variance(800, 200) < variance(8, 2)


@pytest.mark.parametrize("wrong", [(0, 1, 0.5), (1, -1, 0.5), (1, 1, 1.5)])
def test_what_is_no_distribution_is_refused(wrong: tuple[float, float, float]) -> None:
    with pytest.raises(ValueError, match="beta distribution"):
        quantile(*wrong)


def test_normal_probabilities() -> None:
    assert normal_above(0, 1) == 0.5
    assert normal_above(1.959964, 1) == pytest.approx(0.975, abs=1e-6)
    assert [normal_above(each, 0) for each in (-1, 0, 1)] == [0.0, 0.5, 1.0]
