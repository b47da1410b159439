"""Reach: clauses that never hold, and rules that others take all requests from; never a false alarm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.conditions import Comparison, Tags, condition
from pointsman.config.hours import Hours
from pointsman_routes.clauses import All, AnyOf, Clause, Is, Not, Seen
from pointsman_routes.moments import Days
from pointsman_routes.reach import implies, never, shadowed
from pointsman_routes.rules import Rule


def asks(variable: str, expected: Any) -> Is:
    return Is(variable, expected, "", condition(expected))


def number(text: str) -> Is:
    return asks("n", Comparison.parse(text))


def days(text: str) -> Is:
    return asks("day", Days.parse(text))


def every(*parts: Clause) -> All:
    return All(parts)


STREAM, WHOLE = asks("stream", True), asks("stream", False)
NIGHT = asks("time", Hours.parse("22:00-06:00 UTC"))


@pytest.mark.parametrize(
    "clause",
    [
        every(number("> 10, < 5")),
        every(number("> 5"), number("<= 5")),
        every(number("= 5"), number("!= 5")),
        every(number("= 5"), number("= 6")),
        every(STREAM, WHOLE),
        every(STREAM, every(WHOLE)),
        every(STREAM, Not(STREAM)),
        every(Not(every())),
        every(AnyOf((every(STREAM, WHOLE), every(number("> 1, < 1"))))),
        every(asks("model", "a"), asks("model", ("b", "c"))),
        every(asks("model", "a*"), asks("model", "b")),
        every(asks("model", "gpt-*"), asks("model", "claude-*")),
        every(asks("model", "gpt-5"), Not(every(asks("model", "gpt-*")))),
        every(days("sat, sun"), days("mon-fri")),
    ],
)
def test_what_never_holds_is_found(clause: All) -> None:
    assert never(clause) is not None


@pytest.mark.parametrize(
    "clause",
    [
        every(),
        every(STREAM),
        every(number(">= 5, <= 5")),
        every(number("> 5, < 6")),
        every(STREAM, Not(WHOLE)),
        every(AnyOf((every(STREAM, WHOLE), every(STREAM)))),
        every(asks("model", "a*"), asks("model", "*b")),
        every(asks("model", ("a", "b")), asks("model", ("b", "c"))),
        every(asks("model", "gpt-*"), Not(every(asks("model", "gpt-5")))),
        every(asks("model", "gpt-[45]"), asks("model", "gpt-4")),
        every(days("sat UTC"), days("sun Europe/Paris")),
        every(NIGHT, asks("time", Hours.parse("12:00-13:00 UTC"))),
        every(asks("tags", Tags(any=("a",))), asks("tags", Tags(any=("b",)))),
        every(Not(every(STREAM, number("> 3")))),
    ],
)
def test_what_may_hold_raises_no_alarm(clause: All) -> None:
    assert never(clause) is None


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        (every(STREAM), every()),
        (every(STREAM, NIGHT), every(NIGHT)),
        (every(asks("model", "gpt-5")), every(asks("model", ("claude-*", "gpt-*")))),
        (every(asks("model", ("gpt-5", "gpt-4*"))), every(asks("model", "gpt-*"))),
        (every(asks("model", "gpt-4*")), every(asks("model", "gpt*"))),
        (every(number("> 10")), every(number("> 5"))),
        (every(number("= 7")), every(number(">= 5, < 8"))),
        (every(number("> 5")), every(number("!= 5"))),
        (every(days("sat")), every(days("sat, sun"))),
        (every(asks("tags", Tags(all=("a", "b")))), every(asks("tags", Tags(any=("a", "c"))))),
        (every(asks("tags", Tags(any=("a",)))), every(asks("tags", Tags(any=("a", "c"))))),
        (every(STREAM), every(AnyOf((every(STREAM), every(NIGHT))))),
        (every(AnyOf((every(STREAM, NIGHT), every(STREAM, Not(NIGHT))))), every(STREAM)),
        (every(Not(every(asks("model", "gpt-*")))), every(Not(every(asks("model", "gpt-5"))))),
    ],
)
def test_what_follows_is_found_and_the_reverse_is_not(given_: All, wanted: All) -> None:
    assert implies(given_, wanted)
    assert not implies(wanted, given_)


def test_rules_that_are_never_reached_are_told_with_their_takers() -> None:
    rules = [
        Rule("gpt", every(asks("model", "gpt-*"))),
        Rule("streams", every(STREAM)),
        Rule("gpt-5", every(asks("model", "gpt-5"), WHOLE)),
        Rule("rest", every()),
        Rule("late", every(NIGHT)),
    ]
    found = [(rule.name, taker.name) for rule, taker in shadowed(rules)]
    assert found == [("gpt-5", "gpt"), ("late", "rest")]


tests_of_numbers = st.builds(
    lambda sign, value: number(f"{sign} {value}"),
    st.sampled_from(["<", "<=", ">", ">=", "=", "!="]),
    st.integers(0, 3),
)
tests_of_words = st.lists(st.sampled_from(["a", "ab", "a*", "*b", "b?", "*"]), min_size=1, max_size=2).map(
    lambda words: asks("word", tuple(words))
)
clauses = st.recursive(
    tests_of_numbers | tests_of_words,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: All(tuple(parts)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(tuple(parts)))
        | inner.map(Not)
    ),
    max_leaves=6,
)
values = st.fixed_dictionaries(
    {"n": st.sampled_from([0, 1, 2, 3, 0.5, 4]), "word": st.sampled_from(["a", "ab", "b", "bb", "", "abb"])}
)


@given(clauses, values)
def test_nothing_is_said_never_to_hold_that_does(clause: Clause, value: dict[str, Any]) -> None:
    if never(clause) is not None:
        assert not holds(clause, value)


@given(clauses, clauses, values)
def test_nothing_is_said_to_follow_that_does_not(one: Clause, other: Clause, value: dict[str, Any]) -> None:
    if implies(one, other):
        assert holds(other, value) or not holds(one, value)


def holds(clause: Clause, value: dict[str, Any]) -> bool:
    seen = Seen(None, {})
    seen.update(value)
    return clause.holds(seen)


def test_a_suffix_and_none_do_not_contradict() -> None:
    for one, other in (("acme/large", "acme/large:floor"), ("*:floor", "acme/*")):
        assert never(every(asks("model", one), asks("model", other))) is None


PATTERNS = ("*", "a*", "ab", "ab*", "a?", "[ab]*", "b", "abc")
TESTS = st.one_of(
    st.builds(
        asks,
        st.sampled_from(["model", "key"]),
        st.one_of(
            st.sampled_from(PATTERNS),
            st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2).map(tuple),
        ),
    ),
    st.builds(asks, st.just("stream"), st.booleans()),
    st.sampled_from(["> 5", "< 9", ">= 3, < 7"]).map(number),
)
CLAUSES = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: every(*parts)),
        st.lists(inner, min_size=1, max_size=2).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(lambda part: Not(every(part))),
    ),
    max_leaves=4,
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(CLAUSES, max_size=3), max_size=6))
def test_what_is_seen_at_once_changes_nothing(clauses: list[list[Clause]]) -> None:
    rules = [Rule(f"r{number}", every(*parts), number=number) for number, parts in enumerate(clauses)]
    slowly = []
    for place, rule in enumerate(rules):
        taker = next((before for before in rules[:place] if implies(rule.clause, before.clause)), None)
        slowly += [(rule, taker)] if taker is not None else []
    assert [*shadowed(rules)] == slowly
