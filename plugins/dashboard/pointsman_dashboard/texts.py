"""Texts: how numbers, amounts and times are written on the pages."""

from __future__ import annotations

from datetime import datetime

from pointsman.money import NANO

__all__ = [
    "count",
    "long_count",
    "milliseconds",
    "moment",
    "per_second",
    "share",
    "usd",
    "usd_exact",
]

UNITS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))


def count(number: float) -> str:
    """A number in few characters: 1,234 is 1.23k."""
    for size, unit in UNITS:
        if abs(number) >= size:
            return f"{number / size:.3g}{unit}"
    return f"{number:.3g}" if number != int(number) else f"{number:.0f}"


def long_count(number: float) -> str:
    """A number in full."""
    return f"{number:,.0f}"


def usd(nano: float) -> str:
    """Nano-USD as dollars, in as many digits as tell it apart from nothing."""
    dollars = nano / NANO
    if dollars == 0:
        return "$0"
    if abs(dollars) >= 1000:
        return f"${count(dollars)}"
    if abs(dollars) >= 1:
        return f"${dollars:.2f}"
    return f"${dollars:.3g}" if abs(dollars) >= 0.0001 else f"${dollars:.1e}"


def usd_exact(nano: int) -> str:
    """Nano-USD as dollars, each digit."""
    whole, rest = divmod(abs(nano), NANO)
    said = f"{whole:,}.{rest:09d}".rstrip("0").rstrip(".")
    return f"{'-' if nano < 0 else ''}${said}"


def milliseconds(value: float) -> str:
    """A length of time."""
    return f"{value:.0f} ms" if value < 1000 else f"{value / 1000:.1f} s"


def per_second(value: float) -> str:
    """Tokens a second."""
    return f"{value:.3g}/s"


def share(value: float) -> str:
    """A share in per cent, with more digits near the whole."""
    if value >= 0.9995:
        return "100%" if value == 1 else f"{value:.3%}"
    return f"{value:.1%}" if value < 0.99 else f"{value:.2%}"


def moment(text: str) -> str:
    """A time of the ledger, in UTC, to the second."""
    return datetime.fromisoformat(text).strftime("%Y-%m-%d %H:%M:%S")
