"""Rates: so many requests, tokens or dollars in a second, minute, hour or day."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar, Self

from pointsman.money import parse_usd
from pointsman.state import Period

__all__ = ["PERIODS", "Rate", "UsdRate"]

PERIODS: dict[str, Period] = {
    "s": "second",
    "sec": "second",
    "second": "second",
    "min": "minute",
    "minute": "minute",
    "h": "hour",
    "hour": "hour",
    "d": "day",
    "day": "day",
}
SUFFIXES = {"": 1, "k": 1000, "M": 1_000_000}
_PER = rf" ?/ ?({'|'.join(PERIODS)})"
_RATE = re.compile(rf"([1-9][0-9]{{0,11}}|[0-9]{{1,9}}(?:\.[0-9]{{1,6}})?(?=[kM]))([kM]?){_PER}")
_USD_RATE = re.compile(rf"([0-9]{{1,9}}(?:\.[0-9]{{1,9}})?){_PER}")


class Rate(str):
    """So many in a period: `60/min`, `200k/min`, `1.5M/day`."""

    expected: ClassVar[str] = "a rate such as 10/s, 60/min, 200k/h or 1.5M/day"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{_RATE.pattern}$"}

    amount: int
    period: Period

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate. Raises ValueError."""
        match = _RATE.fullmatch(text)
        amount = Decimal(match[1]) * SUFFIXES[match[2]] if match is not None else Decimal(0)
        if match is None or amount < 1 or amount != amount.to_integral_value():
            raise ValueError(f"{text!r} is not a rate")
        rate = cls(text)
        rate.amount = int(amount)
        rate.period = PERIODS[match[3]]
        return rate


class UsdRate(str):
    """So many US dollars in a period: `5/day`; its `amount` is in nano-USD."""

    expected: ClassVar[str] = "US dollars in a time, such as 5/day or 0.50/h"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{_USD_RATE.pattern}$"}

    amount: int
    period: Period

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a rate. Raises ValueError."""
        match = _USD_RATE.fullmatch(text)
        amount = parse_usd(match[1]) if match is not None else 0
        if match is None or amount < 1:
            raise ValueError(f"{text!r} is not a rate of US dollars")
        rate = cls(text)
        rate.amount = amount
        rate.period = PERIODS[match[2]]
        return rate
