"""Value types: durations, sizes, shares and amounts of money, read from their source text.

A value type is any class with `parse(text)`, which raises ValueError in words for the operator, and
`expected`, which says what it takes. `json_schema` and the property `text` (its canonical spelling) are
optional.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from pointsman.money import format_usd, parse_usd

__all__ = ["Duration", "Percent", "Size", "Usd", "ValueType"]

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
MILLISECONDS = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
DURATION = re.compile(rf"{NUMBER} ?(ms|s|m|h|d)?")
LONGEST = 36_500 * 86_400
BYTES = {
    "B": 1,
    "kB": 10**3,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
}
SIZE = re.compile(rf"{NUMBER} ?({'|'.join(BYTES)})?")
LARGEST = 2**63 - 1
PERCENT = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,4})?) ?%")


@runtime_checkable
class ValueType(Protocol):
    """What a class must offer to be the type of a setting."""

    expected: ClassVar[str]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the source text. Raises ValueError."""


class Duration(float):
    """A length of time in seconds."""

    expected: ClassVar[str] = "a duration such as 30s, 5m or 250ms"
    json_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": f"^{DURATION.pattern}$"}]
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `250ms`, `30s`, `5m`, `2h`, `7d`; a bare number is seconds. Raises ValueError."""
        match = DURATION.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a duration")
        seconds = Decimal(match[1]) * MILLISECONDS[match[2] or "s"] / 1000
        if seconds > LONGEST:
            raise ValueError(f"{text!r} is longer than a hundred years")
        return cls(seconds)

    @property
    def text(self) -> str:
        """The shortest exact spelling: `5m`, `90s`, `250ms`."""
        for unit in ("d", "h", "m"):
            seconds = MILLISECONDS[unit] // 1000
            if self and self % seconds == 0:
                return f"{int(self // seconds)}{unit}"
        if 0 < self < 1 and self * 1000 == int(self * 1000):
            return f"{int(self * 1000)}ms"
        return f"{float(self):.9f}".rstrip("0").rstrip(".") + "s"


class Size(int):
    """A number of bytes."""

    expected: ClassVar[str] = "a size such as 512kB, 32MiB or 1GB"
    json_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [{"type": "integer", "minimum": 0}, {"type": "string", "pattern": f"^{SIZE.pattern}$"}]
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `512`, `64kB`, `32MiB`; units of 1000 and of 1024 are told apart. Raises ValueError."""
        match = SIZE.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a size")
        size = Decimal(match[1]) * BYTES[match[2] or "B"]
        if size > LARGEST:
            raise ValueError(f"{text!r} is larger than any file can be")
        if size != size.to_integral_value():
            raise ValueError(f"{text!r} is not a whole number of bytes")
        return cls(size)

    @property
    def text(self) -> str:
        """The shortest exact spelling: `32MiB`, `1GB`, `1500B`."""
        for unit in ("GiB", "GB", "MiB", "MB", "KiB", "kB"):
            if self and self % BYTES[unit] == 0:
                return f"{self // BYTES[unit]}{unit}"
        return f"{int(self)}B"


class Percent(int):
    """A share in millionths, exact as written."""

    expected: ClassVar[str] = "a percentage such as 5% or 0.25%"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string", "pattern": f"^{PERCENT.pattern}$"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `5%` or `0.25%`, with four decimals at most. Raises ValueError."""
        match = PERCENT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is not a percentage")
        return cls(Decimal(match[1]).scaleb(4))

    @property
    def text(self) -> str:
        """The shortest exact spelling: `5%`, `0.25%`."""
        whole, rest = divmod(int(self), 10_000)
        return f"{whole}.{rest:04d}".rstrip("0").rstrip(".") + "%"


class Usd(int):
    """An amount of US dollars in nano-USD, exact as written."""

    expected: ClassVar[str] = "an amount of US dollars such as 20 or 0.05"
    json_schema: ClassVar[dict[str, Any]] = {
        "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": r"^[0-9_]*\.?[0-9]+$"}]
    }

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a decimal number of dollars. Raises ValueError."""
        return cls(parse_usd(text))

    @property
    def text(self) -> str:
        """The amount in dollars."""
        return format_usd(self)
