"""Rules, compiled and indexed by model; the first whose conditions hold decides."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Literal, overload

from pointsman.catalogue import Catalogue
from pointsman.conditions import is_pattern, listed
from pointsman.errors import RequestError
from pointsman.exchange import Exchange, Plan
from pointsman.setup import Setup

from .asked import AskedModel
from .clauses import All, Clause, Clauses, Holds, Is, Seen, all_hold, asks_few, each_test, failed, told
from .families import is_family
from .preferences import Preferences
from .settings import RouteSettings, UseSettings
from .variables import MODEL

__all__ = ["GIVEN", "Judgement", "Rule", "Rules", "compile_rules", "models_asked"]

GIVEN = "routes.given"
"""The note with values that variables are taken to have: rule tests put them there."""
LONGEST_KEPT = 200
"""Characters of a model's name up to which its rules are kept: longer ones are nobody's."""
MOST_KEPT = 1024
"""For how many models rules are kept, and for how many kinds of requests those that are left of these."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: its `number` from 0, where it stands as `file:line`, and its `place` in the configuration.

    `models` are those it uses, its fallbacks among them; without any, those asked for are used, and
    `fallbacks` after them. `extra` goes into its plans.
    """

    name: str
    clause: All
    models: tuple[str, ...] = ()
    fallbacks: tuple[str, ...] = ()
    extra: Mapping[str, Any] = field(default_factory=dict)
    pick: str | None = None
    across: bool = False
    deadline: float | None = None
    attempts: int | None = None
    on_loss: Literal["warn", "reject", "drop"] | None = None
    hedge: float | None = None
    at: str = ""
    place: str = ""
    number: int = 0

    def plan(self, asked: tuple[str, ...]) -> Plan:
        """What this rule makes of a request for the models `asked`."""
        return Plan(
            self.name,
            self.models or _once((*asked, *self.fallbacks)),
            self.extra,
            pick=self.pick,
            across=self.across,
            deadline=self.deadline,
            attempts=self.attempts,
            on_loss=self.on_loss,
            hedge=self.hedge,
        )


@dataclass(frozen=True, slots=True)
class Trace(Sequence[Mapping[str, Any]]):
    """For records: the rules that were looked at for requests of one kind, each with its verdict, told when
    somebody asks. `seen` are the values they used, `matched` is the last of them."""

    rules: tuple[Rule, ...]
    matched: Rule | None
    model: str
    seen: Seen

    def __len__(self) -> int:
        return len(self.rules) if self.matched is None else self.matched.number + 1

    @overload
    def __getitem__(self, index: int) -> Mapping[str, Any]: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Mapping[str, Any]]: ...

    def __getitem__(self, index: int | slice) -> Any:
        return [*self][index]

    def __iter__(self) -> Iterator[Mapping[str, Any]]:
        for rule in self.looked_at():
            row = {"name": rule.name, "at": rule.at}
            if rule is self.matched:
                yield {**row, "matched": True}
            else:
                yield {**row, "matched": False, "failed": self._failed(rule)}

    def looked_at(self) -> Iterator[Rule]:
        """The rules up to the one that matched."""
        return islice(self.rules, len(self))

    def _failed(self, rule: Rule) -> dict[str, Any] | None:
        """The test that failed: that of the model, where the rule was passed over for it."""
        seen = Seen(None, {})
        seen[MODEL] = self.model
        for test in _of_model(rule.clause):
            if not test.holds(seen):
                return failed(test, seen)
            self.seen.setdefault(MODEL, self.model)
        return failed(rule.clause, self.seen)


class Values(Mapping[str, Any]):
    """For records: the values that rules used, as JSON data."""

    def __init__(self, trace: Trace) -> None:
        self._trace = trace

    @cached_property
    def _told(self) -> dict[str, Any]:
        trace = self._trace
        values = {name: told(value) for name, value in trace.seen.items()}
        if any(True for rule in trace.looked_at() for _ in _of_model(rule.clause)):
            values[MODEL] = told(trace.model)
        return values

    def __getitem__(self, name: str) -> Any:
        return self._told[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._told)

    def __len__(self) -> int:
        return len(self._told)


@dataclass(slots=True)
class Judgement:
    """The plan for requests of one kind, and why, for their records. `suffixed` says that a model's name may
    have a suffix, `families` that one may mean the newest of a family."""

    plan: Plan
    suffixed: bool
    families: bool
    rules: Trace
    values: Values


class _Shelf:
    """The rules that are left for requests for one model, each with what it asks beside that: of variables
    with few values, and of others; None is nothing. `finds` finds the values of all, `few` of the first."""

    __slots__ = ("few", "finds", "model", "plans", "rules")

    def __init__(
        self,
        model: AskedModel,
        rules: Iterable[Rule],
        finds: Mapping[str, Callable[[Exchange], Any]],
        few: frozenset[str],
    ) -> None:
        self.model = model
        self.finds = {**finds, MODEL: lambda _: model}
        split = [(rule, *_beside_model(rule.clause, few)) for rule in rules]
        self.rules = tuple((rule, _joined(first), _joined(then)) for rule, first, then in split)
        used = _once(test.variable for _, first, _ in split for part in first for test in each_test(part))
        self.few = tuple(finds[name] for name in used if name != MODEL)
        self.plans: dict[str | None, _Planned] = {}

    def plan(self, rule: Rule | None, exchange: Exchange) -> _Planned:
        """What a rule, or none, makes of a request."""
        if exchange.peek.models:
            return _planned(rule, models_asked(exchange))
        name = rule.name if rule is not None else None
        found = self.plans.get(name)
        if found is None:
            found = self.plans[name] = _planned(rule, (str(self.model),))
        return found


_Planned = tuple[Plan, bool, bool]
"""A plan, whether a name in it may have a suffix, and whether one may mean a family."""


def _planned(rule: Rule | None, asked: tuple[str, ...]) -> _Planned:
    plan = rule.plan(asked) if rule is not None else Plan(None, asked)
    return plan, any(":" in name for name in plan.models), any(map(is_family, plan.models))


@dataclass(slots=True)
class _Left:
    """The rules that are left for requests of one kind, each with what it asks beside that, up to the first
    that asks nothing. `seen` are the values by which it came to that; `judgement` is there where the first of
    them decides, or none."""

    rules: Sequence[tuple[Rule, Holds | None]]
    seen: Seen
    judgement: Judgement | None = None


class Rules:
    """Rules in their order. For each model that is asked for, those that could match are found once; so are
    those of them that are left for requests that are alike in what has few values. Both are found anew when
    the `catalogue` has changed."""

    def __init__(
        self,
        rules: Iterable[Rule] = (),
        reads: Mapping[str, Callable[[Exchange], Any]] | None = None,
        few: Iterable[str] = (),
        catalogue: Catalogue | None = None,
    ) -> None:
        self._catalogue = catalogue
        self._edition = -1
        self.rules = tuple(rules)
        self._reads = reads or {}
        self._few = frozenset(few)
        self._exact: dict[str, list[int]] = {}
        self._open: list[int] = []
        for number, rule in enumerate(self.rules):
            names = _names(rule)
            for name in names or ():
                self._exact.setdefault(name, []).append(number)
            if names is None:
                self._open.append(number)
        self._shelves: dict[str, _Shelf] = {}
        self._kept: dict[tuple[Any, ...], _Left] = {}

    def judge(self, exchange: Exchange) -> Judgement:
        """What the rules say; without one that matches, the models asked for are planned."""
        model = exchange.peek.model
        if self._catalogue is not None and self._edition != self._catalogue.edition:
            self._edition = self._catalogue.edition
            self._shelves.clear()
            self._kept.clear()
        shelf = self._shelves.get(model) or self._shelve(model)
        if exchange.peek.models or len(model) > LONGEST_KEPT or GIVEN in exchange.notes:
            left = self._left(exchange, shelf)
        else:
            kind = (model, *[read(exchange) for read in shelf.few])
            found = self._kept.get(kind)
            if found is None:
                if len(self._kept) >= MOST_KEPT:
                    self._kept.clear()
                found = self._kept[kind] = self._left(exchange, shelf)
            left = found
        return left.judgement or self._judged(exchange, shelf, left)

    def further(self, exchange: Exchange) -> dict[str, Any]:
        """For records: the values of all variables that any rule asks for, as they are when this is asked. So
        other rules can be tried on the same request."""
        seen = Seen(exchange, self._reads)
        seen.update(exchange.notes.get(GIVEN, {}))
        found = {}
        for name in self._reads:
            with suppress(RequestError):
                found[name] = told(seen[name])
        return found

    def _shelve(self, model: str) -> _Shelf:
        seen, asked = Seen(None, {}), AskedModel.of(model, self._catalogue)
        seen[MODEL] = asked
        named = (place for name in asked.names for place in self._exact.get(name, ()))
        places = sorted({*named, *self._open})
        left = [
            rule
            for rule in (self.rules[place] for place in places)
            if all(test.holds(seen) for test in _of_model(rule.clause))
        ]
        shelf = _Shelf(asked, left, self._reads, self._few)
        if len(model) <= LONGEST_KEPT:
            if len(self._shelves) >= MOST_KEPT:
                self._shelves.clear()
            self._shelves[model] = shelf
        return shelf

    def _left(self, exchange: Exchange, shelf: _Shelf) -> _Left:
        """Go through what rules ask of variables with few values."""
        seen = Seen(exchange, shelf.finds)
        if GIVEN in exchange.notes:
            seen.update({name: value for name, value in exchange.notes[GIVEN].items() if name != MODEL})
        rules: list[tuple[Rule, Holds | None]] = []
        for rule, holds, asked in shelf.rules:
            if holds is None or holds(seen):
                rules.append((rule, asked))
                if asked is None:
                    break
        seen.exchange = None  # what is kept keeps no request
        left = _Left(rules, seen)
        if not rules or rules[0][1] is None:
            left.judgement = self._judgement(exchange, shelf, rules[0][0] if rules else None, seen)
        return left

    def _judged(self, exchange: Exchange, shelf: _Shelf, left: _Left) -> Judgement:
        """Ask the rules that are left."""
        seen = Seen(exchange, shelf.finds)
        seen.update(left.seen)
        matched: Rule | None = None
        for rule, holds in left.rules:
            if holds is None or holds(seen):
                matched = rule
                break
        seen.exchange = None
        return self._judgement(exchange, shelf, matched, seen)

    def _judgement(self, exchange: Exchange, shelf: _Shelf, matched: Rule | None, seen: Seen) -> Judgement:
        trace = Trace(self.rules, matched, shelf.model, seen)
        return Judgement(*shelf.plan(matched, exchange), trace, Values(trace))


def _of_model(clause: Clause) -> Iterator[Is]:
    """The tests of the model that must hold for a clause to."""
    if isinstance(clause, All):
        for part in clause.parts:
            yield from _of_model(part)
    elif isinstance(clause, Is) and clause.variable == MODEL:
        yield clause


def _beside_model(clause: All, few: frozenset[str]) -> tuple[list[Clause], list[Clause]]:
    """What a clause asks beside the model: of variables with few values, and of others."""
    parts = [part for part in clause.parts if not (isinstance(part, Is) and part.variable == MODEL)]
    first = [part for part in parts if asks_few(part, few)]
    return first, [part for part in parts if not asks_few(part, few)]


def _joined(parts: Sequence[Clause]) -> Holds | None:
    """The test of all parts; None without any."""
    return all_hold(parts) if parts else None


def _names(rule: Rule) -> tuple[str, ...] | None:
    """The models that a rule can be for; None where that is not to be said."""
    for test in _of_model(rule.clause):
        options = listed(test.expected)
        if not any(map(is_pattern, options)):
            return options
    return None


def models_asked(exchange: Exchange) -> tuple[str, ...]:
    """The models a client names, in its order, each once."""
    further = exchange.peek.models
    return _once((exchange.peek.model, *further)) if further else (exchange.peek.model,)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def compile_rules(setup: Setup) -> Rules:
    """The rules of a configuration, ready for requests."""
    clauses = Clauses(setup.variables)
    rules = [_compiled(setup, route, clauses, number) for number, route in enumerate(setup.section("routes"))]
    return Rules(rules, clauses.reads, clauses.few, setup.catalogue)


def _compiled(setup: Setup, route: RouteSettings, clauses: Clauses, number: int) -> Rule:
    use, place = route.use, f"routes.{number}"
    found = setup.config.problem(place, "")
    return Rule(
        route.name,
        clauses.of(route.when, f"{place}.when"),
        _once((*use.models, *use.fallbacks)) if use.models else (),
        use.fallbacks,
        _extra(use),
        use.pick,
        use.across,
        use.deadline,
        use.attempts,
        use.on_loss,
        use.hedge,
        f"{Path(found.file).name}:{found.line}",
        place,
        number,
    )


def _extra(use: UseSettings) -> dict[str, Any]:
    """What a rule says to plugins; its `max_price` and its `endpoints` are among its preferences."""
    extra = {name: value for name, value in use.extra.items() if value is not None}
    more: dict[str, Any] = {"max_price": use.max_price} if use.max_price is not None else {}
    if use.endpoints:
        more |= {"only": use.endpoints, "order": use.endpoints}
    if more:
        extra["preferences"] = dataclasses.replace(extra.get("preferences") or Preferences(), **more)
    return extra
