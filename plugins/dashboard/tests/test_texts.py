"""How numbers, amounts and times are written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman_dashboard import texts


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (texts.count, 0, "0"),
        (texts.count, 999, "999"),
        (texts.count, 1234, "1.23k"),
        (texts.count, 2_500_000, "2.5M"),
        (texts.count, 0.25, "0.25"),
        (texts.long_count, 1_234_567, "1,234,567"),
        (texts.usd, 0, "$0"),
        (texts.usd, 1_500_000_000, "$1.50"),
        (texts.usd, 15_000_000, "$0.015"),
        (texts.usd, 12_345_000_000_000, "$12.3k"),
        (texts.usd, 1_200_000, "$0.0012"),
        (texts.usd, 36_000, "$3.6e-05"),
        (texts.usd_exact, 36_000, "$0.000036"),
        (texts.usd_exact, -1_000_000_001, "-$1.000000001"),
        (texts.milliseconds, 12.3, "12 ms"),
        (texts.milliseconds, 1234, "1.2 s"),
        (texts.share, 1, "100%"),
        (texts.share, 0.9996, "99.960%"),
        (texts.share, 0.991, "99.10%"),
        (texts.share, 0.5, "50.0%"),
        (texts.per_second, 123.4, "123/s"),
        (texts.moment, "2026-11-27T18:00:00.123", "2026-11-27 18:00:00"),
    ],
)
def test_written(show: Callable[[Any], str], value: Any, expected: str) -> None:
    assert show(value) == expected
