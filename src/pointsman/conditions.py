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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, ClassVar, Self, TypeVar

from .config import setting

__all__ = [
    "Comparison",
    "Tags",
    "Test",
    "check_given",
    "condition",
    "is_pattern",
    "joined",
    "listed",
    "written",
]

T = TypeVar("T")
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
    if isinstance(expected, Comparison):
        return joined([_compared(*part) for part in expected.parts], any_of=False)
    if isinstance(expected, Tags):
        return _tagged(expected)
    options = listed(expected)
    if all(hasattr(option, "holds") for option in options):
        return joined([option.holds for option in options], any_of=True)
    return _matched(options)


def joined(tests: Sequence[Callable[[T], bool]], *, any_of: bool) -> Callable[[T], bool]:
    """The test that is passed when any of these is, or all are."""
    if len(tests) == 1:
        return tests[0]
    if len(tests) == 2:
        first, second = tests
        if any_of:
            return lambda value: first(value) or second(value)
        return lambda value: first(value) and second(value)

    all_of = not any_of

    def test(value: T) -> bool:
        for each in tests:  # a generator costs more than most tests
            if (not each(value)) is all_of:
                return any_of
        return all_of

    return test


def _compared(sign: str, number: float) -> Test:
    compare = OPERATORS[sign]
    return lambda value: value is not None and compare(value, number)


def _tagged(wanted: Tags) -> Test:
    any_of, all_of = frozenset(wanted.any or ()), frozenset(wanted.all or ())
    if not any_of:
        return lambda tags: tags is not None and all_of.issubset(tags)
    if not all_of:
        return lambda tags: tags is not None and not any_of.isdisjoint(tags)
    return lambda tags: tags is not None and all_of.issubset(tags) and not any_of.isdisjoint(tags)


def _matched(patterns: tuple[str, ...]) -> Test:
    if not any(map(is_pattern, patterns)):
        return frozenset(patterns).__contains__
    if all(pattern.endswith("*") and not is_pattern(pattern[:-1]) for pattern in patterns):
        heads = tuple(pattern[:-1] for pattern in patterns)
        return lambda value: value is not None and value.startswith(heads)
    match = re.compile("|".join(map(fnmatch.translate, patterns))).match
    return lambda value: value is not None and match(value) is not None
