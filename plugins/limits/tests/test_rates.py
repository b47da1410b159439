"""Rates as they are written."""

from __future__ import annotations

import re

import pytest

from pointsman_limits.rates import Rate, UsdRate


@pytest.mark.parametrize(
    ("text", "amount", "period"),
    [
        ("10/s", 10, "second"),
        ("1/sec", 1, "second"),
        ("7/second", 7, "second"),
        ("60/min", 60, "minute"),
        ("60 / minute", 60, "minute"),
        ("1000/h", 1000, "hour"),
        ("1000/hour", 1000, "hour"),
        ("5000/day", 5000, "day"),
        ("5000/d", 5000, "day"),
        ("200k/min", 200_000, "minute"),
        ("1.5M/day", 1_500_000, "day"),
        ("0.5k/s", 500, "second"),
    ],
)
def test_a_rate_is_read_as_written(text: str, amount: int, period: str) -> None:
    rate = Rate.parse(text)
    assert (rate.amount, rate.period, str(rate)) == (amount, period, text)
    assert re.search(Rate.json_schema["pattern"], text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "60", "0/min", "-1/min", "1.5/s", "60/week", "60/MIN", "/min", "60/", "6 0/min", "1e3/h"),
        *("1K/s", "2m/h", "0k/s", "0.0001k/s", "1.0005k/h", "k/s", "5G/day"),
    ],
)
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate"):
        Rate.parse(text)


@pytest.mark.parametrize(
    ("text", "nano", "period"),
    [("5/day", 5_000_000_000, "day"), ("0.50/h", 500_000_000, "hour"), ("0.000000001/s", 1, "second")],
)
def test_money_is_read_to_the_nano_dollar(text: str, nano: int, period: str) -> None:
    rate = UsdRate.parse(text)
    assert (rate.amount, rate.period, str(rate)) == (nano, period, text)
    assert re.search(UsdRate.json_schema["pattern"], text)


@pytest.mark.parametrize("text", ["0/day", "-1/day", "5", "5k/day", "5/month", "0.0000000001/day", "$5/day"])
def test_what_is_no_money_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a rate of US dollars"):
        UsdRate.parse(text)
