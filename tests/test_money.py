"""Money: exact, never negative, rounded half up once."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.money import Cost, format_usd, parse_usd, reported_usd, sum_cost


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("-0", 0),
        ("1", 1_000_000_000),
        ("0.59", 590_000_000),
        ("0.000000001", 1),
        ("1e-9", 1),
        ("2.50", 2_500_000_000),
        ("1_000", 1_000_000_000_000),
    ],
)
def test_dollars_are_read_exactly(text: str, nano: int) -> None:
    assert parse_usd(text) == nano


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("cheap", "is not a number"),
        ("", "is not a number"),
        ("nan", "not a finite"),
        ("inf", "not a finite"),
        ("-0.01", "cannot be negative"),
        ("0.0000000001", "finer than a nano-dollar"),
        ("1e30", "larger than any price"),
    ],
)
def test_what_is_no_amount_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_usd(text)


@pytest.mark.parametrize(
    ("nano", "text"), [(0, "0.00"), (1, "0.000000001"), (12_500_000_000, "12.50"), (-5, "-0.000000005")]
)
def test_amounts_are_shown_exactly(nano: int, text: str) -> None:
    assert format_usd(nano) == text


@given(st.integers(0, 10**15))
def test_what_is_shown_reads_back(nano: int) -> None:
    assert parse_usd(format_usd(nano)) == nano


@pytest.mark.parametrize(
    ("value", "nano"),
    [
        (0.00114, 1_140_000),
        (0, 0),
        (1.13e-05, 11_300),
        (0.0004970133333333333, 497_013),
        ("0.25", 250_000_000),
        (True, None),
        (None, None),
        (-1, None),
        (float("inf"), None),
        (float("nan"), None),
        (1e300, None),
        ("free", None),
        ({"total": 1}, None),
    ],
)
def test_what_a_provider_reports_is_read_as_it_is_printed(value: object, nano: int | None) -> None:
    assert reported_usd(value) == nano


def test_half_a_nano_dollar_rounds_up_once() -> None:
    assert sum_cost({"input": (1, 500_000)}).nano == 1
    assert sum_cost({"input": (1, 499_999)}).nano == 0
    assert sum_cost({"input": (1, 250_000), "output": (1, 250_000)}).nano == 1, "summed before it is rounded"


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(0, 10**12)), max_size=5))
def test_costs_are_exact(parts: list[tuple[int, int]]) -> None:
    exact = sum((Fraction(units * price, 10**6) for units, price in parts), Fraction(0))
    cost = sum_cost({str(index): part for index, part in enumerate(parts)})
    assert cost.nano == (exact + Fraction(1, 2)).__floor__()
    assert cost.nano >= 0
    assert sum(cost.details.values()) == exact * 10**6


@pytest.mark.parametrize("part", [(-1, 5), (5, -1)])
def test_nothing_negative_is_priced(part: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="can be negative"):
        sum_cost({"input": part})


def test_what_is_billed_is_the_cost_where_nothing_else_is_said() -> None:
    assert Cost(5).billed == 5
    assert Cost(5, billed=0).billed == 0
    assert sum_cost({"input": (1, 5_000_000)}).billed == 5


def test_a_markup_is_on_the_exact_cost_and_rounded_once() -> None:
    cost = sum_cost({"input": (1, 499_999)}, markup=50_000)
    assert (cost.nano, cost.billed) == (0, 1), "0.499999 and 5% are 0.52499895: not 5% of nothing"
    assert sum_cost({"input": (1, 200_000_000)}, markup=2_500).billed == 201, "200 and 0.25%, half up"


@given(st.integers(0, 10**9), st.integers(0, 10**12), st.integers(0, 10**8))
def test_what_is_billed_is_exact(units: int, price: int, markup: int) -> None:
    exact = Fraction(units * price, 10**6) * (1 + Fraction(markup, 10**6))
    cost = sum_cost({"input": (units, price)}, markup=markup)
    assert cost.billed == (exact + Fraction(1, 2)).__floor__()
    assert cost.billed >= cost.nano


def test_a_markup_is_never_negative() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        sum_cost({"input": (1, 1)}, markup=-1)
