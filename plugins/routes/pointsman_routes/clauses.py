"""Clauses: `when` of a rule, compiled: tests of single values, and what joins them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import datetime
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo

from pointsman.conditions import Test, condition, joined
from pointsman.exchange import Exchange
from pointsman.routing import Variable

from .asked import names_of_model
from .settings import WhenSettings
from .variables import MODEL

__all__ = [
    "All",
    "AnyOf",
    "Clause",
    "Clauses",
    "Holds",
    "Is",
    "Not",
    "Seen",
    "all_hold",
    "as_json",
    "asks_few",
    "each_test",
    "failed",
]

LONGEST_TOLD = 200
"""Characters of a value on record."""


class Seen(dict[str, Any]):
    """The values of one request, each read when it is first asked for."""

    __slots__ = ("exchange", "reads")

    def __init__(self, exchange: Exchange | None, reads: Mapping[str, Callable[[Any], Any]]) -> None:
        super().__init__()
        self.exchange = exchange
        self.reads = reads

    def __missing__(self, name: str) -> Any:
        value = self[name] = self.reads[name](self.exchange)
        return value


Holds = Callable[[Seen], bool]


@dataclass(frozen=True, slots=True)
class Is:
    """A test of one variable. `expected` is what the file asks for, at `place`. Of the model one of its names
    must pass."""

    variable: str
    expected: Any
    place: str = field(compare=False)
    test: Test = field(compare=False, repr=False)
    holds: Holds = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        variable, test = self.variable, self.test
        if variable == MODEL:
            holds: Holds = lambda seen: any(map(test, names_of_model(seen[MODEL])))  # noqa: E731
        else:
            holds = lambda seen: test(seen[variable])  # noqa: E731
        object.__setattr__(self, "holds", holds)


@dataclass(frozen=True, slots=True)
class All:
    """Holds when every part does."""

    parts: tuple[Clause, ...]
    holds: Holds = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", all_hold(self.parts))


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds when one part does."""

    parts: tuple[Clause, ...]
    holds: Holds = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holds", joined([part.holds for part in self.parts], any_of=True))


@dataclass(frozen=True, slots=True)
class Not:
    """Holds when its part does not."""

    part: Clause
    holds: Holds = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        test = self.part.holds
        object.__setattr__(self, "holds", lambda seen: not test(seen))


Clause: TypeAlias = Is | All | AnyOf | Not


def all_hold(parts: Sequence[Clause]) -> Holds:
    """The test that every part is passed. Nearly always they are single tests, of which there are many: those
    are called without anything in between."""
    tests = [(part.variable, part.test) for part in parts if isinstance(part, Is) and part.variable != MODEL]
    if len(tests) < max(len(parts), 2):
        return joined([part.holds for part in parts], any_of=False)

    def holds(seen: Seen) -> bool:
        for variable, test in tests:  # noqa: SIM110 - a generator costs more than the tests
            if not test(seen[variable]):
                return False
        return True

    return holds


class Clauses:
    """Compiles `when`. `reads` finds the value of each variable that was used, `few` has those whose values
    are few. What is asked of these comes first, in whichever order it is written: it is found out once for
    many requests."""

    def __init__(self, variables: Mapping[str, Variable]) -> None:
        self._variables = variables
        self.reads: dict[str, Callable[[Exchange], Any]] = {}
        self.few: set[str] = set()

    def of(self, when: WhenSettings, place: str) -> All:
        """The clause of a `when` at a place of the file."""
        parts: list[Clause] = []
        for name, expected in when.extra.items():
            if expected is not None:
                parts += self._tests(self._variables[name], expected, f"{place}.{name}")
        if when.all is not None:
            parts += [self.of(each, f"{place}.all.{number}") for number, each in enumerate(when.all)]
        if when.any is not None:
            options = [self.of(each, f"{place}.any.{number}") for number, each in enumerate(when.any)]
            parts.append(AnyOf(tuple(options)))
        if when.not_ is not None:
            parts.append(Not(self.of(when.not_, f"{place}.not")))
        return All(tuple(sorted(parts, key=lambda part: not asks_few(part, self.few))))

    def _tests(self, variable: Variable, expected: Any, place: str) -> Iterator[Is]:
        if not isinstance(expected, Mapping):
            self.reads[variable.name] = variable.read
            if variable.few:
                self.few.add(variable.name)
            yield Is(variable.name, expected, place, condition(expected))
            return
        for key, each in expected.items():
            member = key.lower() if variable.name == "headers" else key
            name = f"{variable.name}.{member}"
            self.reads[name] = _member(variable.read, member)
            yield Is(name, each, f"{place}.{key}", condition(each))


def _member(read: Callable[[Exchange], Any], name: str) -> Callable[[Exchange], Any]:
    def member(exchange: Exchange) -> Any:
        found = read(exchange)
        return found.get(name) if found is not None else None

    return member


def failed(clause: Clause, seen: Seen) -> dict[str, Any] | None:
    """The first test that does not hold, for the record: which, the value, and what was expected. Those of
    `any` and `not` are told together."""
    if clause.holds(seen):
        return None
    if isinstance(clause, All):
        return next(found for part in clause.parts if (found := failed(part, seen)) is not None)
    if isinstance(clause, Is):
        value = told(seen[clause.variable], clause.expected)
        return {"when": clause.variable, "value": value, "expected": json_of(clause.expected)}
    asked = as_json(clause)
    values = {each.variable: told(seen[each.variable]) for each in each_test(clause) if each.variable in seen}
    return {"when": next(iter(asked)), "value": values, "expected": asked}


def each_test(clause: Clause) -> Iterator[Is]:
    """Every test in a clause."""
    if isinstance(clause, Is):
        yield clause
    elif isinstance(clause, Not):
        yield from each_test(clause.part)
    else:
        for part in clause.parts:
            yield from each_test(part)


def asks_few(clause: Clause, few: Collection[str]) -> bool:
    """Whether all that a clause asks for is among the variables with few values."""
    return all(test.variable in few for test in each_test(clause))


def as_json(clause: Clause) -> dict[str, Any]:
    """A clause as the file says it, as JSON data."""
    match clause:
        case Is():
            return {clause.variable: json_of(clause.expected)}
        case Not():
            return {"not": as_json(clause.part)}
        case AnyOf():
            return {"any": [as_json(part) for part in clause.parts]}
        case All():
            parts = [as_json(part) for part in clause.parts]
            names = [name for part in parts for name in part]
            if len(set(names)) < len(names):
                return {"all": parts}
            return {name: value for part in parts for name, value in part.items()}


def json_of(expected: Any) -> Any:
    """What is expected, as JSON data."""
    if is_dataclass(expected):
        pairs = ((each.name, getattr(expected, each.name)) for each in fields(expected))
        return {name: json_of(value) for name, value in pairs if value is not None}
    if isinstance(expected, tuple):
        return [json_of(each) for each in expected]
    return str(expected) if isinstance(expected, str) else expected


def told(value: Any, expected: Any = None) -> Any:
    """A value as JSON data; a moment by the clocks of the zone that is asked about."""
    if isinstance(value, datetime):
        zone = getattr(expected[0] if isinstance(expected, tuple) else expected, "zone", "UTC")
        return f"{value.astimezone(ZoneInfo(zone)):%a %Y-%m-%d %H:%M} {zone}"
    if isinstance(value, str):
        return value[:LONGEST_TOLD]
    return [told(each) for each in value] if isinstance(value, Iterable) else value
