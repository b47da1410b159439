"""Reach: clauses that never hold, and rules that others take all requests from.

What is found is so; what cannot be decided by looking at two tests of one variable is not found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from itertools import combinations
from math import inf
from typing import Any

from pointsman.conditions import Comparison, Tags, is_pattern, listed

from .clauses import All, AnyOf, Clause, Is, Not, each_test
from .moments import Days
from .rules import Rule
from .variables import MODEL

__all__ = ["head_of", "implies", "never", "shadowed"]


def never(clause: Clause) -> Clause | None:
    """The innermost clause for which a clause never holds; None where it may."""
    match clause:
        case Is(expected=Comparison() as comparison):
            return clause if _Span(comparison).empty else None
        case Is():
            return None
        case Not(part=part):
            return clause if _always(part) else None
        case AnyOf(parts=parts):
            return clause if all(never(part) for part in parts) else None
        case All():
            parts = tuple(_parts(clause))
            found = next((inner for part in parts if (inner := never(part))), None)
            return found or next((two[1] for two in combinations(parts, 2) if _contradict(*two)), None)


def shadowed(rules: Sequence[Rule]) -> Iterator[tuple[Rule, Rule]]:
    """Each rule that is never reached, and the one before it that takes all it would."""
    heads = [_heads(rule.clause) for rule in rules]
    asked = [frozenset(test.variable for test in each_test(rule.clause)) for rule in rules]
    for place, rule in enumerate(rules):
        for number, before in enumerate(rules[:place]):
            if _may_take(heads[number], heads[place], asked[place]) and implies(rule.clause, before.clause):
                yield rule, before
                break


Heads = dict[str, tuple[str, ...]]
"""By variable: what the texts begin with that a clause takes."""


def _heads(clause: Clause) -> Heads:
    """Those of the tests that must hold for a clause to; none of a variable that is asked about otherwise
    than for texts, or twice."""
    found: Heads = {}
    for part in _parts(clause) if isinstance(clause, All) else ():
        if isinstance(part, Is):
            options = listed(part.expected)
            texts = part.variable not in found and all(type(each) is str for each in options)
            found[part.variable] = tuple(map(head_of, options)) if texts else ()
    return found


def _may_take(taker: Heads, given: Heads, asked: frozenset[str]) -> bool:
    """Whether it is worth to look whether one rule takes all requests of another, which asks for these
    variables: what most pairs of rules have not is seen at once."""
    for variable, heads in taker.items():
        if variable not in asked:
            return False
        own = given.get(variable)
        if heads and own and not all(each.startswith(heads) for each in own):
            return False
    return True


def implies(given: Clause, wanted: Clause) -> bool:
    """Whether one clause holds whenever another does, as far as that can be told."""
    if isinstance(wanted, All):
        return all(implies(given, part) for part in wanted.parts)
    if isinstance(given, AnyOf) and all(implies(part, wanted) for part in given.parts):
        return True
    if isinstance(given, All) and any(implies(part, wanted) for part in given.parts):
        return True
    if isinstance(wanted, AnyOf):
        return any(implies(given, part) for part in wanted.parts)
    if isinstance(given, Not) and isinstance(wanted, Not):
        return implies(wanted.part, given.part)
    if isinstance(given, Is) and isinstance(wanted, Is):
        return given.variable == wanted.variable and _narrower(given.expected, wanted.expected)
    return False


def _parts(clause: All) -> Iterator[Clause]:
    for part in clause.parts:
        if isinstance(part, All):
            yield from _parts(part)
        else:
            yield part


def _always(clause: Clause) -> bool:
    if isinstance(clause, All):
        return all(_always(part) for part in clause.parts)
    return isinstance(clause, AnyOf) and any(_always(part) for part in clause.parts)


def _contradict(one: Clause, other: Clause) -> bool:
    for first, second in ((one, other), (other, one)):
        if isinstance(first, Not) and implies(second, first.part):
            return True
    if not (isinstance(one, Is) and isinstance(other, Is) and one.variable == other.variable):
        return False
    first_expected, second_expected = one.expected, other.expected
    if one.variable == MODEL:  # which has a name with its suffix, and one without
        names = (*listed(first_expected), *listed(second_expected))
        return not any(":" in each for each in names) and _apart(first_expected, second_expected)
    if isinstance(first_expected, bool):
        return bool(first_expected is not second_expected)
    if isinstance(first_expected, Comparison):
        return _Span(first_expected, second_expected).empty
    return _apart(first_expected, second_expected)


def _apart(one: Any, other: Any) -> bool:
    """Whether no value fulfils both of two expectations."""
    return not any(_meet(some, another) for some in listed(one) for another in listed(other))


def _narrower(given: Any, wanted: Any) -> bool:
    """Whether what fulfils one expectation fulfils another."""
    if given == wanted:
        return True
    if isinstance(given, Comparison):
        return _Span(given).within(_Span(wanted))
    if isinstance(given, Tags):
        some, every = frozenset(given.any or ()), frozenset(given.all or ())
        any_of = frozenset(wanted.any or ())
        fulfilled = not any_of or not any_of.isdisjoint(every) or (bool(some) and some <= any_of)
        return every.issuperset(wanted.all or ()) and fulfilled
    if isinstance(given, bool):
        return False
    return all(any(_covers(each, one) for each in listed(wanted)) for one in listed(given))


def _covers(wide: Any, narrow: Any) -> bool:
    """Whether a pattern, or days, takes all that another does."""
    if wide == narrow:
        return True
    if isinstance(wide, Days):
        return bool(wide.zone == narrow.zone and wide.numbers >= narrow.numbers)
    if type(narrow) is not str:
        return False
    if not is_pattern(narrow):
        return fnmatchcase(narrow, wide)
    return wide.endswith("*") and not is_pattern(wide[:-1]) and head_of(narrow).startswith(wide[:-1])


def _meet(one: Any, other: Any) -> bool:
    """Whether a value may fulfil both; so where that is not known."""
    if isinstance(one, Days):
        return one.zone != other.zone or not one.numbers.isdisjoint(other.numbers)
    if type(one) is not str:
        return True
    if not is_pattern(one):
        return fnmatchcase(one, other)
    if not is_pattern(other):
        return fnmatchcase(other, one)
    first, second = head_of(one), head_of(other)
    return first.startswith(second) or second.startswith(first)


def head_of(pattern: str) -> str:
    """What a pattern begins with before it means more than itself."""
    return pattern[: next(place for place, each in enumerate(f"{pattern}*") if each in "*?[")]


class _Span:
    """The numbers that fulfil comparisons: from `low` to `high`, which may be among them, without `gaps`."""

    def __init__(self, *comparisons: Comparison) -> None:
        self.low, self.low_open, self.high, self.high_open = -inf, True, inf, True
        self.gaps: set[float] = set()
        for sign, number in (part for each in comparisons for part in each.parts):
            if sign == "!=":
                self.gaps.add(number)
            if sign in (">", ">=", "="):
                self.low, self.low_open = max((self.low, self.low_open), (number, sign == ">"))
            if sign in ("<", "<=", "="):
                high, closed = min((self.high, not self.high_open), (number, sign != "<"))
                self.high, self.high_open = high, not closed

    @property
    def empty(self) -> bool:
        """Whether no number is left."""
        if self.low == self.high:
            return self.low_open or self.high_open or self.low in self.gaps
        return self.low > self.high

    def within(self, other: _Span) -> bool:
        """Whether the other has all of its numbers."""
        above = (self.low, self.low_open) >= (other.low, other.low_open)
        below = (self.high, not self.high_open) <= (other.high, not other.high_open)
        return above and below and all(gap in self.gaps or not self.has(gap) for gap in other.gaps)

    def has(self, number: float) -> bool:
        """Whether a number is between the ends."""
        low = self.low < number or (self.low == number and not self.low_open)
        return low and (number < self.high or (number == self.high and not self.high_open))
