"""Money: integer nano-USD, prices per million units, costs rounded once.

One US dollar is 1,000,000,000 nano-USD. A price is an integer of nano-USD per million units
(tokens, mostly). A cost is the exact sum of price times units, rounded half up once.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

import msgspec
from msgspec.structs import force_setattr

__all__ = [
    "MILLION",
    "NANO",
    "Cost",
    "drifts",
    "format_usd",
    "parse_usd",
    "reported_usd",
    "round_cost",
    "sum_cost",
]

NANO = 1_000_000_000
MILLION = 1_000_000
SQUARE = MILLION * MILLION
UNSAID = -1
DRIFT = 100
"""A bill drifts where it differs from the cost by more than this part of it: one per cent."""
LARGEST_NANO = 2**62  # fits a signed 64-bit column with room for sums


def parse_usd(text: str) -> int:
    """Read an amount of US dollars, as written, into nano-USD.

    Raises ValueError, in words for the operator, for anything but a plain decimal number that is not
    negative and not finer than a nano-dollar.
    """
    try:
        amount = Decimal(text.replace("_", ""))
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a number of US dollars") from None
    if not amount.is_finite():
        raise ValueError(f"{text!r} is not a finite amount")
    if amount.is_signed() and amount != 0:
        raise ValueError("an amount of money cannot be negative")
    if amount > LARGEST_NANO // NANO:
        raise ValueError(f"{text!r} is larger than any price or budget can be")
    nano = amount.scaleb(9)
    if nano != nano.to_integral_value():
        raise ValueError(f"{text!r} is finer than a nano-dollar (nine decimals)")
    return int(nano)


def reported_usd(value: Any) -> int | None:
    """An amount of US dollars that a provider reports, as JSON, in nano-USD, rounded half up; None for what
    is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    if not amount.is_finite() or not 0 <= amount <= LARGEST_NANO // NANO:
        return None
    return int(amount.scaleb(9).to_integral_value(ROUND_HALF_UP))


def drifts(cost_nano: int, reported_nano: int) -> bool:
    """Whether a cost and what the provider reports differ by more than one per cent of that."""
    return abs(cost_nano - reported_nano) * DRIFT > reported_nano


def format_usd(nano: int) -> str:
    """Nano-USD as US dollars, exact, without trailing zeros beyond the cents: `0.00001`, `12.50`."""
    whole, fraction = divmod(abs(nano), NANO)
    digits = f"{fraction:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if nano < 0 else ''}{whole}.{digits}"


class Cost(msgspec.Struct, frozen=True):
    """What one generation costs, in nano-USD.

    `nano` is the whole, rounded once. `details` are its exact parts in nano-USD per million (so that no
    rounding hides in them), by the name of the unit priced. `source` says where the price came from.
    `billed` is what whoever asked is charged: the cost with its markup, without one the cost itself. `saved`
    is what the answer would have cost that was given for nothing.
    """

    nano: int
    details: dict[str, int] = {}
    source: str = ""
    billed: int = UNSAID
    saved: int = 0

    def __post_init__(self) -> None:
        if self.billed == UNSAID:
            force_setattr(self, "billed", self.nano)


def sum_cost(parts: Mapping[str, tuple[int, int]], *, source: str = "", markup: int = 0) -> Cost:
    """Cost of `{name: (units, price in nano-USD per million units)}`, rounded half up once.

    `markup`, in millionths, is on top of what is billed, which is rounded once too. Raises ValueError for
    negative units, prices or markups: a cost is never negative.
    """
    if markup < 0:
        raise ValueError(f"a markup ({markup}) cannot be negative")
    details = {}
    for name, (units, price) in parts.items():
        if units < 0 or price < 0:
            raise ValueError(f"{name}: neither units ({units}) nor price ({price}) can be negative")
        details[name] = units * price
    return round_cost(details, source, markup)


def round_cost(details: dict[str, int], source: str = "", markup: int = 0) -> Cost:
    """Cost of exact parts in nano-USD per million, none of them negative, as `sum_cost` rounds it."""
    total = sum(details.values())
    nano = (total + MILLION // 2) // MILLION
    if not markup:
        return Cost(nano, details, source, nano)
    billed = (total * (MILLION + markup) + SQUARE // 2) // SQUARE
    return Cost(nano, details, source, billed)
