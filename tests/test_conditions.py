"""Conditions: what they take, and of which values they hold."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.conditions import Comparison, Tags, check_given, condition, is_pattern, written
from pointsman.config.hours import Hours


@pytest.mark.parametrize(
    ("text", "spelled", "fulfil", "others"),
    [
        ("5", "= 5", (5, 5.0), (4, 6)),
        ("> 200000", "> 200000", (200_001,), (200_000, 0)),
        (">=1k", ">= 1k", (1000, 1001), (999,)),
        ("<= 1.5M", "<= 1.5M", (1_500_000,), (1_500_001,)),
        ("< 10%", "< 10%", (0.0999, 0), (0.1, 10)),
        ("!= 0", "!= 0", (1, 0.5), (0,)),
        (">= 1k, < 8k", ">= 1k, < 8k", (1000, 7999), (999, 8000)),
    ],
)
def test_comparisons(text: str, spelled: str, fulfil: tuple[float, ...], others: tuple[float, ...]) -> None:
    comparison = Comparison.parse(text)
    assert comparison == spelled
    holds = condition(comparison)
    assert all(map(holds, fulfil))
    assert not any(map(holds, others))
    assert not holds(None), "what is not known is neither more nor less"


@pytest.mark.parametrize("text", ["", "about 3", ">", "> k", "=> 3", "> 3,", "> -1", "1e3", "> 3 kB", "nan"])
def test_what_is_no_comparison_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="compares nothing with a number"):
        Comparison.parse(text)


@pytest.mark.parametrize(
    ("expected", "value", "holds"),
    [
        ("gpt-5", "gpt-5", True),
        ("gpt-5", "gpt-5o", False),
        ("gpt-?", "gpt-5", True),
        ("gpt-[45]*", "gpt-5.2", True),
        (("claude-*", "gpt-5"), "gpt-5", True),
        (("claude-*", "gpt-5"), "gpt-4", False),
        ("*", "", True),
        ("*", None, False),
        ("a", None, False),
        (True, True, True),
        (True, False, False),
        (False, None, False),
        (Comparison.parse("> 3"), 4, True),
        (Tags(any=("a", "b")), ("b", "c"), True),
        (Tags(any=("a",)), (), False),
        (Tags(all=("a", "b")), ("a",), False),
        (Tags(any=("c",), all=("a",)), ("a", "c"), True),
        (Tags(any=("c",)), None, False),
        (Hours.parse("22:00-06:00 UTC"), datetime(2026, 11, 2, 23, tzinfo=UTC), True),
        (
            (Hours.parse("01:00-02:00 UTC"), Hours.parse("03:00-04:00 UTC")),
            datetime(2026, 11, 2, 3, tzinfo=UTC),
            True,
        ),
        (
            (Hours.parse("01:00-02:00 UTC"), Hours.parse("03:00-04:00 UTC")),
            datetime(2026, 11, 2, 2, tzinfo=UTC),
            False,
        ),
    ],
)
def test_a_test_holds_of_what_is_expected(expected: Any, value: Any, holds: bool) -> None:
    assert condition(expected)(value) is holds


def test_a_type_without_conditions_is_refused() -> None:
    assert written(int) == Comparison | None
    assert written(Hours) == Hours | tuple[Hours, ...] | None
    with pytest.raises(TypeError, match="there are no conditions on <class 'bytes'>"):
        written(bytes)


@pytest.mark.parametrize("value", [(), {"x": ()}])
def test_a_list_that_matches_nothing_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="matches nothing"):
        check_given(value)
    check_given({"x": "y", "z": ("a",)})


def test_tags_ask_for_something() -> None:
    with pytest.raises(ValueError, match="give `any`, `all` or both"):
        Tags().check()


def test_what_a_pattern_is() -> None:
    assert [is_pattern(text) for text in ("a*", "a?", "[ab]", "a/b.c-d")] == [True, True, True, False]
