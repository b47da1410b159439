"""Checks: what is wrong with rules, at its place: errors at start, and what `pointsman check` warns of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial

from pointsman.catalogue import Catalogue, Endpoint, Resolution
from pointsman.conditions import is_pattern, listed
from pointsman.config import Problem
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.setup import Setup

from .clauses import Is, each_test
from .dry import smallest
from .families import Families, is_family, lacks
from .filters import Filters
from .presets import MARK, PRESET
from .prices import Quotes
from .reach import head_of, never, shadowed
from .rules import Rule, Rules
from .variables import CREDENTIALS, MODEL
from .wishes import FIELD, wishes_of

__all__ = ["errors", "warnings"]

KNOWN = "a model or alias of `models:`, or `provider/model`"


def errors(setup: Setup, rules: Rules, families: Families) -> Iterator[Problem]:
    """What no request could ever be served by."""
    yield from _repeated(setup, rules)
    for rule in rules.rules:
        yield from _unserved(setup, rule)
        yield from _credentials(setup, rule)
        yield from _unknown_models(setup, rule, families)


def warnings(gateway: Gateway, rules: Rules) -> Iterator[Problem]:
    """What has no effect, or not the one that seems meant."""
    setup = gateway.setup
    exchange = smallest(gateway)
    problem = partial(setup.config.problem, severity="warning")
    for rule in rules.rules:
        clause = never(rule.clause)
        if clause is not None:
            test = next(each_test(clause), None)
            where = test.place if test is not None else f"{rule.place}.when"
            yield problem(where, f"rule {rule.name!r} never matches: this never holds with all it asks")
        yield from [*_unseen(setup, rule, problem)] or _unasked(setup, rule, problem)
        yield from _unlisted(setup, rule, problem)
        if exchange is not None:
            yield from _empty(exchange, rule, problem)
    for rule, taker in shadowed(rules.rules):
        yield problem(
            rule.place,
            f"rule {rule.name!r} is never reached: rule {taker.name!r} at {taker.at} takes all its requests",
            hint="put it before that one, or take it out",
        )


def _repeated(setup: Setup, rules: Rules) -> Iterator[Problem]:
    """A name that two rules share: no record could tell them apart."""
    first: dict[str, Rule] = {}
    for rule in rules.rules:
        taken = first.setdefault(rule.name, rule)
        if taken is not rule:
            mark = setup.config.mark(taken.place)
            message = f"two rules are called {rule.name!r}"
            yield setup.config.problem(f"{rule.place}.name", message, hint=f"the first is at {mark}")


def _unserved(setup: Setup, rule: Rule) -> Iterator[Problem]:
    """Surfaces and dialects that nobody speaks, and presets that there are not."""
    served = {
        "surface": sorted({codec.surface for codec in setup.dialects}),
        "dialect": sorted({codec.dialect for codec in setup.dialects}),
        PRESET: sorted(setup.section("presets")),
    }
    for test, option, place in _options(rule):
        names = served.get(test.variable)
        if names is not None and not any(fnmatchcase(name, option) for name in names):
            yield setup.config.problem(
                place,
                f"{test.variable} {option!r} is not served here",
                expected=f"one of {', '.join(names)}" if names else f"no {test.variable}: there is none",
                hint=_meant(get_close_matches(option, names, 1)),
            )


def _credentials(setup: Setup, rule: Rule) -> Iterator[Problem]:
    """Headers that records must not have."""
    for test in each_test(rule.clause):
        variable, _, name = test.variable.partition(".")
        if variable == "headers" and name in CREDENTIALS:
            yield setup.config.problem(
                test.place,
                f"rule {rule.name!r} asks for a credential: what rules ask for is put on record",
                expected="another header; `key`, `key.tags` and `team` say who asks",
            )


def _unknown_models(setup: Setup, rule: Rule, families: Families) -> Iterator[Problem]:
    """Models to be used that nobody has."""
    use = setup.section("routes")[rule.number].use
    for part, names in (("models", use.models), ("fallbacks", use.fallbacks)):
        for number, name in enumerate(names):
            if name not in setup.names and lacks(setup.catalogue, name, families):
                yield setup.config.problem(
                    f"{rule.place}.use.{part}.{number}",
                    f"rule {rule.name!r} uses model {name!r}, which no provider has",
                    expected=KNOWN,
                    hint=_near(setup.catalogue, name),
                )
    for number, name in enumerate(use.endpoints):
        found = setup.catalogue.resolve(name)
        if setup.catalogue.lacks(name) or (found is not None and _is_no_endpoint(found, name)):
            yield setup.config.problem(
                f"{rule.place}.use.endpoints.{number}",
                f"rule {rule.name!r} uses endpoint {name!r}, which there is not",
                expected="an endpoint of `models:`, as `provider/model`",
                hint=_near_endpoint(setup.catalogue, name),
            )


def _is_no_endpoint(found: Resolution, name: str) -> bool:
    return all(each.id != name for each in found.endpoints)


def _near_endpoint(catalogue: Catalogue, name: str) -> str:
    models = catalogue.models.values()
    return _meant(catalogue.near(name, among=(each.id for model in models for each in model.endpoints)))


def _unseen(setup: Setup, rule: Rule, problem: Callable[..., Problem]) -> Iterator[Problem]:
    """Names that something stands in the place of before any rule is asked."""
    families = Families(setup.catalogue)
    for test, option, place in _options(rule):
        if test.variable != MODEL:
            continue
        model, mark, preset = option.partition(MARK)
        if mark:
            yield problem(
                place,
                f"no rule sees {option!r}: a preset is seen as what it leads to",
                hint=f"say `{PRESET}: {preset}`" + (f" and `{MODEL}: {model}`" if model else ""),
            )
        elif is_family(option) and not is_pattern(option) and not lacks(setup.catalogue, option, families):
            yield problem(
                place,
                f"rule {rule.name!r} is for family {option!r}: rules see the model that it leads to",
                hint="name its models, or a pattern for them",
            )


def _unlisted(setup: Setup, rule: Rule, problem: Callable[..., Problem]) -> Iterator[Problem]:
    """Endpoints that no model has: they serve only who asks for one of them by its own name."""
    catalogue = setup.catalogue
    known = {each.id for model in catalogue.models.values() for each in model.endpoints}
    for number, name in enumerate(setup.section("routes")[rule.number].use.endpoints):
        if name not in known and name not in rule.models and not catalogue.pending:
            yield problem(
                f"{rule.place}.use.endpoints.{number}",
                f"endpoint {name!r} of rule {rule.name!r} is of no model: it serves who asks for it alone",
                hint=_near_endpoint(catalogue, name),
            )


def _unasked(setup: Setup, rule: Rule, problem: Callable[..., Problem]) -> Iterator[Problem]:
    """Models to be asked for that nobody has, by rules that leave it at those."""
    catalogue = setup.catalogue
    if rule.models or rule.fallbacks or catalogue.pending:
        return
    for test, option, place in _options(rule):
        if test.variable != MODEL or option in setup.names or not _is_nobodys(catalogue, option):
            continue
        yield problem(
            place,
            f"rule {rule.name!r} is for model {option!r}, which no provider has, and names none to use",
            expected=KNOWN,
            hint=_near(catalogue, option),
        )


def _is_nobodys(catalogue: Catalogue, option: str) -> bool:
    if not is_pattern(option):
        base = option.rpartition(":")[0]
        return catalogue.lacks(option) and (not base or catalogue.lacks(base))
    head = head_of(option)
    for name, provider in catalogue.providers.items():
        if provider.takes("x") and (f"{name}/".startswith(head) or head.startswith(f"{name}/")):
            return False
    names = {*catalogue.names(), *catalogue.models}
    names |= {endpoint.id for model in catalogue.models.values() for endpoint in model.endpoints}
    return not any(fnmatchcase(name, option) for name in names)


def _empty(exchange: Exchange, rule: Rule, problem: Callable[..., Problem]) -> Iterator[Problem]:
    """A rule of whose models no endpoint is left: none can be called, or its preferences leave all out."""
    catalogue, said = exchange.setup.catalogue, rule.extra.get(FIELD)
    resolved = [found for name in rule.models if (found := catalogue.resolve(name)) is not None]
    endpoints = [endpoint for found in resolved for endpoint in found.endpoints]
    if not endpoints:
        return
    filters = Filters(exchange, wishes_of((said,) if said is not None else ()), Quotes(exchange))
    reasons = [_left_out(endpoint, filters) for endpoint in endpoints]
    if all(reasons):
        first = f"{endpoints[0].id}: {reasons[0]}"
        more = f", and {len(endpoints) - 1} more" if len(endpoints) > 1 else ""
        where = f"{rule.place}.use"
        yield problem(where, f"no endpoint of rule {rule.name!r} can answer as it is: {first}{more}")


def _left_out(endpoint: Endpoint, filters: Filters) -> str | None:
    return endpoint.provider.unready() or filters.why(endpoint)


def _options(rule: Rule) -> Iterator[tuple[Is, str, str]]:
    """The texts that a rule's tests expect, each with its test and place."""
    for test in each_test(rule.clause):
        several = isinstance(test.expected, tuple)
        for number, option in enumerate(listed(test.expected)):
            if type(option) is str:
                yield test, option, f"{test.place}.{number}" if several else test.place


def _near(catalogue: Catalogue, name: str) -> str:
    return _meant(catalogue.near(name))


def _meant(near: Sequence[str]) -> str:
    return f"did you mean {' or '.join(near)}?" if near else ""
