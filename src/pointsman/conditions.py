"""Conditions: what a rule may ask of a value, by the value's type, and the test that this comes to.

| type of the value | what the file says | holds when |
|---|---|---|
| `str` | a pattern or a list of them | one matches; `*`, `?` and `[…]` as in file names |
| `bool` | true or false | it is that |
| `int`, `float` | a `Comparison` | all of it is true |
| `tuple[str, ...]` | `Tags` | it has any of these, and all of those |
| `dict[str, str]` | patterns by name | each named member matches |
| any other | a value type that has `holds(value)`, or a list of them | one holds |

A value that is None fulfils no condition.
"""

from __future__ import annotations

import fnmatch
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self

from .config import setting

__all__ = ["Comparison", "Tags", "Test", "check_given", "condition", "is_pattern", "listed", "written"]

Test = Callable[[Any], bool]

PART = re.compile(r"(<=|>=|!=|<|>|=)?\s*([0-9]+(?:\.[0-9]+)?)\s*([kM%])?")
UNITS = {"": Decimal(1), "k": Decimal(1000), "M": Decimal(1_000_000), "%": Decimal("0.01")}
OPERATORS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


class Comparison(str):
    """What a number must be: `> 200000`, `<= 1k`, `>= 1k, < 8k`. `parts` are operators and numbers."""

    expected: ClassVar[str] = "a number or comparisons such as > 200000, <= 1k, or >= 1k, < 8k"
    json_schema: ClassVar[dict[str, Any]] = {"type": ["number", "string"]}
    parts: tuple[tuple[str, int | float], ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read it; a number alone is to be equalled. Raises ValueError."""
        parts, spelled = [], []
        for part in text.split(","):
            match = PART.fullmatch(part.strip())
            if match is None:
                raise ValueError(f"{part.strip()!r} compares nothing with a number")
            sign, number, unit = match[1] or "=", Decimal(match[2]), match[3] or ""
            exact = number * UNITS[unit]
            parts.append((sign, int(exact) if exact == exact.to_integral_value() else float(exact)))
            spelled.append(f"{sign} {match[2]}{unit}")
        comparison = cls(", ".join(spelled))
        comparison.parts = tuple(parts)
        return comparison

    def holds(self, value: float | None) -> bool:
        """Whether all of it is true of a value."""
        return value is not None and all(OPERATORS[sign](value, number) for sign, number in self.parts)


def check_given(value: Any) -> None:
    """Refuse a list with nothing in it: it would never match. Raises ValueError."""
    values = value.values() if isinstance(value, Mapping) else (value,)
    if any(isinstance(each, str | tuple) and not each for each in (value, *values)):
        raise ValueError("an empty list matches nothing; leave the condition out or name something")


@dataclass(frozen=True)
class Tags:
    """What tags there must be."""

    any: tuple[str, ...] | None = setting(
        default=None, check=check_given, help="At least one of these.", example=["batch"]
    )
    all: tuple[str, ...] | None = setting(
        default=None, check=check_given, help="Every one of these.", example=["eu", "internal"]
    )

    def check(self) -> None:
        """Something must be asked of the tags."""
        if self.any is None and self.all is None:
            raise ValueError("give `any`, `all` or both")

    def holds(self, tags: Iterable[str] | None) -> bool:
        """Whether there are any of these, and all of those."""
        if tags is None:
            return False
        present = frozenset(tags)
        return present.issuperset(self.all or ()) and (self.any is None or not present.isdisjoint(self.any))


WRITTEN: Mapping[Any, Any] = {
    str: str | tuple[str, ...] | None,
    bool: bool | None,
    int: Comparison | None,
    float: Comparison | None,
    tuple[str, ...]: Tags | None,
    dict[str, str]: dict[str, str | tuple[str, ...]] | None,
}


def written(type_: Any) -> Any:
    """What a setting about values of this type may be. Raises TypeError for a type that has no conditions."""
    if type_ in WRITTEN:
        return WRITTEN[type_]
    if isinstance(type_, type) and callable(getattr(type_, "holds", None)):
        return type_ | tuple[type_, ...] | None
    raise TypeError(f"there are no conditions on {type_!r}")


def listed(expected: Any) -> tuple[Any, ...]:
    """One or several, as several."""
    return expected if isinstance(expected, tuple) else (expected,)


def is_pattern(text: str) -> bool:
    """Whether a text means more than itself."""
    return any(each in text for each in "*?[")


def condition(expected: Any) -> Test:
    """The test of a value that what the file says comes to; see the table above for what that may be."""
    if isinstance(expected, bool):
        return lambda value: value is expected
    options = listed(expected)
    if all(hasattr(option, "holds") for option in options):
        if len(options) == 1:
            test: Test = options[0].holds
            return test
        tests = [option.holds for option in options]
        return lambda value: any(test(value) for test in tests)
    if not any(map(is_pattern, options)):
        return frozenset(options).__contains__
    match = re.compile("|".join(map(fnmatch.translate, options))).match
    return lambda value: value is not None and match(value) is not None
