"""Rules, compiled: each condition is a test of one value of a request."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pointsman.exchange import Exchange, Plan

from .settings import RouteSettings, TagsSettings, WhenSettings

__all__ = ["VARIABLES", "Condition", "Judgement", "Rule", "Rules", "Variable", "compile_rule", "models_asked"]

LONGEST_KEPT = 200
"""Characters of a model's name up to which its judgement is kept: longer ones are nobody's."""
MOST_KEPT = 1024
"""How many judgements are kept."""


@dataclass(frozen=True, slots=True)
class Variable:
    """Something rules may ask of a request: how it is read (always the same way, and fast, for it is read of
    every request once a rule names it), and how what the file expects of it is made into a test."""

    read: Callable[[Exchange], Any]
    compile: Callable[[Any], Callable[[Any], bool]]


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a rule's `when`; `expected` is what the file asks for, as JSON data."""

    variable: str
    expected: Any
    holds: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `models` are those it uses, its fallbacks among them; without any, those asked for are used
    and `fallbacks` after them. `extra` goes into its plans."""

    name: str
    conditions: tuple[Condition, ...]
    models: tuple[str, ...]
    fallbacks: tuple[str, ...]
    extra: Mapping[str, Any]
    pick: str | None = None
    across: bool = False

    def plan(self, asked: tuple[str, ...]) -> Plan:
        """What this rule makes of a request for the models `asked`."""
        models = self.models or _once((*asked, *self.fallbacks))
        return Plan(self.name, models, self.extra, pick=self.pick, across=self.across)


@dataclass(slots=True)
class Judgement:
    """The plan for requests of one kind, and why, for their records: the rules looked at, each with its
    verdict, and the values they used. `suffixed` says that a model's name may have a suffix."""

    plan: Plan
    rules: list[dict[str, Any]]
    values: dict[str, Any]
    suffixed: bool = False


class Rules:
    """Rules in their order; the first whose conditions hold decides. What they say to requests that are alike
    in all that any rule asks is found out once."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self._rules = tuple(rules)
        used = _once(condition.variable for rule in self._rules for condition in rule.conditions)
        self._reads = [VARIABLES[name].read for name in used]
        self._kept: dict[tuple[Any, ...], Judgement] = {}

    def judge(self, exchange: Exchange) -> Judgement:
        """What the rules say; without one that matches, the models asked for are planned."""
        peek = exchange.peek
        if peek.models or len(peek.model) > LONGEST_KEPT:
            return self._judged(exchange)
        seen = (peek.model, *[read(exchange) for read in self._reads])
        found = self._kept.get(seen)
        if found is None:
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            found = self._kept[seen] = self._judged(exchange)
        return found

    def _judged(self, exchange: Exchange) -> Judgement:
        """The first failing condition of each rule goes on record, up to the rule that matches."""
        asked = models_asked(exchange)
        found = Judgement(Plan(None, asked), [], {})
        for rule in self._rules:
            failed = _failed(rule, exchange, found.values)
            if failed is None:
                found.rules.append({"name": rule.name, "matched": True})
                found.plan = rule.plan(asked)
                break
            found.rules.append({"name": rule.name, "matched": False, "failed": failed})
        found.suffixed = any(":" in name for name in found.plan.models)
        return found


def _failed(rule: Rule, exchange: Exchange, values: dict[str, Any]) -> dict[str, Any] | None:
    """The first condition that does not hold, for the record; the values looked at are added to `values`."""
    for condition in rule.conditions:
        value = VARIABLES[condition.variable].read(exchange)
        values[condition.variable] = _as_json(value)
        if not condition.holds(value):
            return {
                "when": condition.variable,
                "value": _as_json(value),
                "expected": condition.expected,
            }
    return None


def models_asked(exchange: Exchange) -> tuple[str, ...]:
    """The models a client names, in its order, each once."""
    further = exchange.peek.models
    return _once((exchange.peek.model, *further)) if further else (exchange.peek.model,)


def _once(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(names))


def compile_rule(settings: RouteSettings) -> Rule:
    """A rule ready for requests."""
    use = settings.use
    models = _once((*use.models, *use.fallbacks)) if use.models else ()
    extra = {name: value for name, value in use.extra.items() if value is not None}
    conditions = _conditions(settings.when)
    return Rule(settings.name, conditions, models, use.fallbacks, extra, use.pick, use.across)


def _conditions(when: WhenSettings) -> tuple[Condition, ...]:
    given = [(NAMES.get(field.name, field.name), getattr(when, field.name)) for field in fields(when)]
    return tuple(
        Condition(variable, _as_json(expected), VARIABLES[variable].compile(expected))
        for variable, expected in given
        if expected is not None
    )


def _as_json(expected: Any) -> Any:
    if isinstance(expected, TagsSettings):
        asked = {"any": expected.any, "all": expected.all}
        return {name: list(tags) for name, tags in asked.items() if tags is not None}
    return list(expected) if isinstance(expected, tuple) else expected


def _listed(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names


def _pattern(patterns: str | tuple[str, ...]) -> Callable[[str], bool]:
    match = re.compile("|".join(map(fnmatch.translate, _listed(patterns))) or r"(?!)").match
    return lambda value: match(value) is not None


def _name(names: str | tuple[str, ...]) -> Callable[[str], bool]:
    return frozenset(_listed(names)).__contains__


def _is(wanted: bool) -> Callable[[bool], bool]:
    return lambda value: value is wanted


def _tagged(wanted: TagsSettings) -> Callable[[tuple[str, ...]], bool]:
    any_of = frozenset(wanted.any) if wanted.any is not None else None
    all_of = frozenset(wanted.all or ())
    return lambda tags: all_of.issubset(tags) and (any_of is None or not any_of.isdisjoint(tags))


VARIABLES: Mapping[str, Variable] = {
    "model": Variable(lambda exchange: exchange.peek.model, _pattern),
    "key": Variable(lambda exchange: exchange.actor.name if exchange.actor else "", _pattern),
    "surface": Variable(lambda exchange: exchange.surface, _name),
    "stream": Variable(lambda exchange: exchange.peek.stream, _is),
    "key.tags": Variable(lambda exchange: tuple(exchange.actor.tags) if exchange.actor else (), _tagged),
}
"""The variables of `when`, by their names in the file."""

NAMES: Mapping[str, str] = {"tags": "key.tags"}
"""Variables whose name in the file is none in Python."""
