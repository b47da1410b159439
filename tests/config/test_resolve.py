from __future__ import annotations

import math
from typing import Any

import pytest

from pointsman.config.resolve import resolve


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("NULL", None),
        ("nUll", "nUll"),
        ("true", True),
        ("True", True),
        ("FALSE", False),
        ("tRue", "tRue"),
        ("yes", "yes"),
        ("No", "No"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("0", 0),
        ("-12", -12),
        ("+7", 7),
        ("0123", 123),
        ("0o17", 15),
        ("0x1F", 31),
        ("-0x1F", "-0x1F"),
        ("0b1", "0b1"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("1.5", 1.5),
        ("1.", 1.0),
        (".5", 0.5),
        ("-1e3", -1000.0),
        ("1e", "1e"),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("inf", "inf"),
        ("2026-01-31", "2026-01-31"),
        ("<<", "<<"),
        ("=", "="),
        ("\u0661", "\u0661"),
        ("1\n", "1\n"),
    ],
)
def test_plain_texts_mean_what_yaml_1_2_says(text: str, value: Any) -> None:
    resolved = resolve(text)
    assert resolved == value
    assert type(resolved) is type(value)


def test_not_a_number_is_a_float() -> None:
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


def test_digits_beyond_any_number_stay_text() -> None:
    assert isinstance(resolve("1" * 5000), str)
