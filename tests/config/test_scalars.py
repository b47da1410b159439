from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config import Duration, Percent, Size, Usd, ValueType


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("30 s", 30),
        ("1.5m", 90),
        ("2h", 7200),
        ("7d", 604800),
        ("0", 0),
        ("0.1", 0.1),
    ],
)
def test_durations_are_seconds(text: str, seconds: float) -> None:
    assert Duration.parse(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "-1s", "1e3", "1 min", "1h30m", "\u0661s", "inf", "1S"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        Duration.parse(text)


def test_a_duration_ends_somewhere() -> None:
    with pytest.raises(ValueError, match="longer than a hundred years"):
        Duration.parse("9" * 400)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("512", 512),
        ("1kB", 1000),
        ("1KB", 1000),
        ("1KiB", 1024),
        ("32 MiB", 33554432),
        ("1.5GB", 1_500_000_000),
    ],
)
def test_sizes_tell_1000_from_1024(text: str, size: int) -> None:
    assert Size.parse(text) == size


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1mb", "not a size"),
        ("-1", "not a size"),
        ("1.5B", "whole number"),
        ("9999999999GiB", "larger than any file"),
    ],
)
def test_what_is_no_size_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Size.parse(text)


def test_money_is_exact_as_written() -> None:
    assert Usd.parse("0.000000001") == 1
    assert Usd.parse("20") == 20_000_000_000


@pytest.mark.parametrize(
    "text", ["", "free", "-1", "nan", "1e99", "1e-99", "1e999999999999999999", "0.0000000001"]
)
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Usd.parse(text)


@given(st.integers(0, 10**9), st.sampled_from(["ms", "s", "m"]))
def test_the_text_of_a_duration_reads_as_itself(number: int, unit: str) -> None:
    duration = (
        Duration.parse(f"{number}{unit}") if unit == "ms" else Duration.parse(f"{number % 10**6}{unit}")
    )
    assert Duration.parse(duration.text) == duration


@given(st.integers(0, 2**61))
def test_the_text_of_a_size_and_of_an_amount_reads_as_itself(number: int) -> None:
    assert Size.parse(Size(number).text) == number
    assert Usd.parse(Usd(number).text) == number


def test_texts_are_short() -> None:
    texts = [
        Duration(90).text,
        Duration(0.25).text,
        Duration(0).text,
        Size(33554432).text,
        Usd(20 * 10**9).text,
    ]
    assert texts == ["90s", "250ms", "0s", "32MiB", "20.00"]


def test_the_value_types_are_value_types() -> None:
    assert all(isinstance(each, ValueType) for each in (Duration, Size, Usd))


@pytest.mark.parametrize(
    ("text", "millionths", "spelled"),
    [
        ("5%", 50_000, "5%"),
        ("0.25 %", 2_500, "0.25%"),
        ("100%", 1_000_000, "100%"),
        ("0.0001%", 1, "0.0001%"),
    ],
)
def test_percentages_are_millionths(text: str, millionths: int, spelled: str) -> None:
    assert Percent.parse(text) == millionths
    assert Percent.parse(text).text == spelled


@pytest.mark.parametrize("text", ["", "5", "%", "-5%", "5.%", "0.00001%", "1e2%", "5 % %", "\u0665%"])
def test_what_is_no_percentage_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a percentage"):
        Percent.parse(text)
