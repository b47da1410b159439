"""Rules, compiled: each condition is a closure that says whether it holds and for which value."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from pointsman.exchange import Exchange, Plan

from .settings import RouteSettings, TagsSettings, WhenSettings

__all__ = ["VARIABLES", "Condition", "Rule", "Test", "compile_rule", "models_asked", "plan_for"]

Test = Callable[[Exchange], tuple[bool, Any]]
"""Whether a condition holds for a request, and the value (JSON data) it was decided on."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One line of a rule's `when`; `expected` is what the file asks for, as JSON data."""

    variable: str
    expected: Any
    test: Test


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. `models` are those it uses, its fallbacks among them; without any, those asked for are used
    and `fallbacks` after them."""

    name: str
    conditions: tuple[Condition, ...]
    models: tuple[str, ...]
    fallbacks: tuple[str, ...]

    def matches(self, exchange: Exchange) -> bool:
        """Whether all conditions hold. Puts on record what was looked at, and the first that failed."""
        decision = exchange.decision
        for condition in self.conditions:
            holds, value = condition.test(exchange)
            decision.values[condition.variable] = value
            if not holds:
                failed = {"when": condition.variable, "value": value, "expected": condition.expected}
                decision.rules.append({"name": self.name, "matched": False, "failed": failed})
                return False
        decision.rules.append({"name": self.name, "matched": True})
        return True


def plan_for(exchange: Exchange, rules: Iterable[Rule]) -> Plan:
    """The plan of the first rule that matches; without one, the models asked for."""
    for rule in rules:
        if rule.matches(exchange):
            models = rule.models or (*models_asked(exchange), *rule.fallbacks)
            return Plan(rule.name, models if rule.models else _once(models))
    return Plan(None, models_asked(exchange))


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
    return Rule(settings.name, _conditions(settings.when), models, use.fallbacks)


def _conditions(when: WhenSettings) -> tuple[Condition, ...]:
    given = [(NAMES.get(field.name, field.name), getattr(when, field.name)) for field in fields(when)]
    return tuple(
        Condition(variable, _as_json(expected), VARIABLES[variable](expected))
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


def _matching(patterns: str | tuple[str, ...], read: Callable[[Exchange], str]) -> Test:
    match = re.compile("|".join(map(fnmatch.translate, _listed(patterns))) or r"(?!)").match

    def test(exchange: Exchange) -> tuple[bool, str]:
        value = read(exchange)
        return match(value) is not None, value

    return test


def _model(patterns: str | tuple[str, ...]) -> Test:
    return _matching(patterns, lambda exchange: exchange.peek.model)


def _key(patterns: str | tuple[str, ...]) -> Test:
    return _matching(patterns, lambda exchange: exchange.actor.name if exchange.actor is not None else "")


def _surface(names: str | tuple[str, ...]) -> Test:
    wanted = frozenset(_listed(names))
    return lambda exchange: (exchange.surface in wanted, exchange.surface)


def _stream(wanted: bool) -> Test:
    return lambda exchange: (exchange.peek.stream is wanted, exchange.peek.stream)


def _tags(wanted: TagsSettings) -> Test:
    any_of = frozenset(wanted.any) if wanted.any is not None else None
    all_of = frozenset(wanted.all or ())

    def test(exchange: Exchange) -> tuple[bool, list[str]]:
        tags = exchange.actor.tags if exchange.actor is not None else ()
        holds = all_of.issubset(tags) and (any_of is None or not any_of.isdisjoint(tags))
        return holds, list(tags)

    return test


VARIABLES: Mapping[str, Callable[[Any], Test]] = {
    "model": _model,
    "key": _key,
    "surface": _surface,
    "stream": _stream,
    "key.tags": _tags,
}
"""How each variable of `when` is compiled, by its name in the file."""

NAMES: Mapping[str, str] = {"tags": "key.tags"}
"""Variables whose name in the file is none in Python."""
