"""Clauses: any, all and not, whatever is in each other; and what is told of one that does not hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.conditions import Comparison, Tags, condition
from pointsman.config.hours import Hours
from pointsman.routing import Variable
from pointsman_routes.clauses import (
    All,
    AnyOf,
    Clause,
    Clauses,
    Is,
    Not,
    Seen,
    as_json,
    each_test,
    failed,
    told,
)
from pointsman_routes.settings import WhenSettings

FLAGS = ("a", "b", "c")
VARIABLES = {
    "words": Variable("words", lambda exchange: exchange, "Words.", "test", few=False),
    "headers": Variable("headers", lambda exchange: exchange, "Headers.", "test", few=False),
    **{name: Variable(name, lambda exchange: exchange, "A flag.", "test", few=True) for name in FLAGS},
}


def clause_of(when: WhenSettings) -> All:
    return Clauses(VARIABLES).of(when, "routes.0.when")


def seen_of(**values: Any) -> Seen:
    seen = Seen(None, {})
    seen.update(values)
    return seen


whens = st.recursive(
    st.builds(
        WhenSettings, extra=st.dictionaries(st.sampled_from(FLAGS), st.none() | st.booleans(), max_size=3)
    ),
    lambda inner: st.builds(
        WhenSettings,
        any=st.none() | st.lists(inner, min_size=1, max_size=3).map(tuple),
        all=st.none() | st.lists(inner, min_size=1, max_size=3).map(tuple),
        not_=st.none() | inner,
        extra=st.dictionaries(st.sampled_from(FLAGS), st.booleans(), max_size=2),
    ),
    max_leaves=12,
)
worlds = st.fixed_dictionaries({name: st.booleans() for name in FLAGS})


def truth(when: WhenSettings, world: dict[str, bool]) -> bool:
    """What the words of a `when` mean, as plainly as can be."""
    return (
        all(world[name] is value for name, value in when.extra.items() if value is not None)
        and (when.all is None or all(truth(each, world) for each in when.all))
        and (when.any is None or any(truth(each, world) for each in when.any))
        and (when.not_ is None or not truth(when.not_, world))
    )


@given(whens, worlds)
def test_a_clause_holds_when_its_words_are_true(when: WhenSettings, world: dict[str, bool]) -> None:
    clause, seen = clause_of(when), seen_of(**world)
    assert clause.holds(seen) is truth(when, world)


@given(whens, worlds)
def test_what_is_told_of_one_that_does_not_hold_is_json_and_names_what_it_read(
    when: WhenSettings, world: dict[str, bool]
) -> None:
    clause, seen = clause_of(when), seen_of(**world)
    found = failed(clause, seen)
    assert (found is None) is clause.holds(seen)
    if found is not None:
        assert json.loads(json.dumps(found)) == found
        assert found["when"] in (*FLAGS, "any", "not")
        if found["when"] in FLAGS:
            assert found["value"] is world[found["when"]]
            assert found["expected"] is not found["value"]


@given(whens)
def test_a_clause_can_be_told_as_it_is_written(when: WhenSettings) -> None:
    assert json.loads(json.dumps(as_json(clause_of(when)))) == as_json(clause_of(when))


def test_only_what_is_needed_is_read_and_each_once() -> None:
    reads: list[str] = []

    def read(name: str, value: bool) -> Any:
        def found(_: Any) -> bool:
            reads.append(name)
            return value

        return found

    clause = All((flag("a"), AnyOf((flag("b"), flag("a"), flag("c")))))
    seen = Seen(None, {"a": read("a", True), "b": read("b", False), "c": read("c", True)})
    assert clause.holds(seen)
    assert reads == ["a", "b"]


def flag(name: str, value: bool = True) -> Is:
    return Is(name, value, "", condition(value))


@pytest.mark.parametrize(
    ("clause", "values", "expected"),
    [
        (flag("a"), {"a": False}, {"when": "a", "value": False, "expected": True}),
        (
            AnyOf((flag("a"), All((flag("b"), flag("c"))))),
            {"a": False, "b": False},
            {
                "when": "any",
                "value": {"a": False, "b": False},
                "expected": {"any": [{"a": True}, {"b": True, "c": True}]},
            },
        ),
        (
            Not(flag("a")),
            {"a": True},
            {"when": "not", "value": {"a": True}, "expected": {"not": {"a": True}}},
        ),
        (
            Not(All((flag("a"), All((flag("a"),))))),
            {"a": True},
            {"when": "not", "value": {"a": True}, "expected": {"not": {"all": [{"a": True}, {"a": True}]}}},
        ),
        (
            All((flag("a"), All((flag("b"),)))),
            {"a": True, "b": False},
            {"when": "b", "value": False, "expected": True},
        ),
    ],
)
def test_the_first_part_that_does_not_hold_is_told(
    clause: Clause, values: dict[str, bool], expected: dict[str, Any]
) -> None:
    assert failed(clause, seen_of(**values)) == expected


@pytest.mark.parametrize(
    ("value", "expected", "shown"),
    [
        ("x" * 300, None, "x" * 200),
        (("a", "b"), Tags(any=("c",)), ["a", "b"]),
        (3, Comparison.parse("> 3"), 3),
        (None, "x", None),
        (
            datetime(2026, 11, 27, 23, 30, tzinfo=UTC),
            Hours.parse("22:00-06:00 Europe/Paris"),
            "Sat 2026-11-28 00:30 Europe/Paris",
        ),
        (datetime(2026, 11, 27, 23, 30, tzinfo=UTC), None, "Fri 2026-11-27 23:30 UTC"),
    ],
)
def test_values_are_told_as_json_data(value: Any, expected: Any, shown: Any) -> None:
    assert told(value, expected) == shown


def test_members_are_variables_of_their_own_and_headers_have_no_case() -> None:
    clauses = Clauses(VARIABLES)
    when = WhenSettings(extra={"headers": {"X-Region": "eu"}, "words": {"Word": ("x", "y")}})
    clause = clauses.of(when, "routes.0.when")
    assert [test.variable for test in each_test(clause)] == ["headers.x-region", "words.Word"]
    assert [test.place for test in each_test(clause)] == [
        "routes.0.when.headers.X-Region",
        "routes.0.when.words.Word",
    ]
    assert clauses.reads["words.Word"](None) is None  # type: ignore[arg-type]
    assert clauses.reads["words.Word"]({"Word": "y"}) == "y"  # type: ignore[arg-type]
    assert clauses.few == set()
