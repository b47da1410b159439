"""Changes: what is different between two configurations, as far as it matters where requests go, and is seen
without any request."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from fractions import Fraction
from typing import Any, Literal

from pointsman.catalogue import Endpoint, Model
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman.money import format_usd
from pointsman.setup import Setup

from .clauses import as_json
from .dry import smallest
from .prices import Quotes
from .reach import shadowed
from .rules import Rule, compile_rules

__all__ = ["Change", "changes"]

PRICE = "price"
EXTRA = "extra"
"""Settings that other plugins declared."""
KINDS = ("prompt", "completion", "request", "image")
SIGNS = {"added": "+", "removed": "-", "changed": "~", "shadowed": "!"}


@dataclass(frozen=True, slots=True)
class Change:
    """One difference; `at` is where the file has it, if it does."""

    what: Literal["rule", "preset", "model", "endpoint", "provider", "key"]
    name: str
    change: Literal["added", "removed", "changed", "shadowed"]
    detail: str = ""
    at: str = ""

    def __str__(self) -> str:
        place = f" ({self.at})" if self.at else ""
        return f"{SIGNS[self.change]} {self.what} {self.name}{place}" + (
            f": {self.detail}" if self.detail else ""
        )


def changes(old: Gateway, new: Gateway) -> Iterator[Change]:
    """All of them: rules and presets, then models with their endpoints and prices, providers and keys."""
    before, after = old.setup, new.setup
    yield from _rules(before, after)
    yield from _settings("preset", before.section("presets"), after.section("presets"))
    yield from _models(old, new)
    yield from _named("provider", before.providers, after.providers)
    yield from _settings("key", _keys(before), _keys(after))


def _rules(old: Setup, new: Setup) -> Iterator[Change]:
    before = {rule.name: rule for rule in compile_rules(old).rules}
    after = {rule.name: rule for rule in compile_rules(new).rules}
    for name, rule in before.items():
        if name not in after:
            yield Change("rule", name, "removed", at=rule.at)
    stays = [name for name in before if name in after]
    moved = _moved(stays, [name for name in after if name in before])
    for name, rule in after.items():
        if name not in before:
            yield Change("rule", name, "added", at=rule.at)
            continue
        parts = [*_parts(before[name], rule), *(["order"] if name in moved else [])]
        if parts:
            yield Change("rule", name, "changed", ", ".join(parts), rule.at)
    known = {rule.name for rule, _ in shadowed([*before.values()])}
    for rule, taker in shadowed([*after.values()]):
        if rule.name not in known:
            detail = f"never reached: {taker.name} at {taker.at} takes all its requests"
            yield Change("rule", rule.name, "shadowed", detail, rule.at)


def _moved(before: list[str], after: list[str]) -> set[str]:
    """Names that stand behind one that they stood before: as few as explain the other order. The others are a
    longest part of `after` that stands in the order of `before`."""
    places = {name: place for place, name in enumerate(before)}
    ends: list[int] = []  # of the parts of each length, the one that ends first
    behind: dict[int, int | None] = {}
    for name in after:
        place = places[name]
        length = bisect_left(ends, place)
        behind[place] = ends[length - 1] if length else None
        ends[length : length + 1] = [place]
    last = ends[-1] if ends else None
    while last is not None:
        del places[before[last]]
        last = behind[last]
    return {*places}


def _parts(old: Rule, new: Rule) -> Iterator[str]:
    if as_json(old.clause) != as_json(new.clause):
        yield "when"
    names = ("models", "fallbacks", "pick", "across", "deadline", "attempts", "on_loss", "hedge")
    for name in names:
        if getattr(old, name) != getattr(new, name) and not (
            name == "fallbacks" and new.models and old.models
        ):
            yield f"{name} {_told(getattr(old, name))} → {_told(getattr(new, name))}"
    for name in sorted({*old.extra, *new.extra}):
        if old.extra.get(name) != new.extra.get(name):
            yield name


def _told(value: Any) -> str:
    if isinstance(value, tuple):
        return f"[{', '.join(value)}]"
    return "none" if value is None else str(value)


def _models(old: Gateway, new: Gateway) -> Iterator[Change]:
    before, after = old.setup.catalogue.models, new.setup.catalogue.models
    yield from _named("model", before, after)
    asking = smallest(old), smallest(new)
    seen: set[tuple[str, ...]] = set()
    for name in before:
        if name not in after:
            continue
        for part, one, other in (
            ("endpoints", _ids(before[name]), _ids(after[name])),
            ("aliases", before[name].aliases, after[name].aliases),
        ):
            if one != other:
                yield Change("model", name, "changed", f"{part} {_told(one)} → {_told(other)}")
        ends = {each.id: each for each in before[name].endpoints}
        for endpoint in after[name].endpoints:
            if endpoint.id in ends:
                parts = [*_ends(ends[endpoint.id], endpoint, asking)]
                told = endpoint.id, *parts  # models may share it
                if parts and told not in seen:
                    seen.add(told)
                    yield Change("endpoint", endpoint.id, "changed", ", ".join(parts))


def _ids(model: Model) -> tuple[str, ...]:
    return tuple(each.id for each in model.endpoints)


def _ends(old: Endpoint, new: Endpoint, asking: tuple[Exchange | None, Exchange | None]) -> Iterator[str]:
    """What differs of an endpoint: its prices at this moment, and what plugins were told of it or its
    provider."""
    told = False
    if asking[0] is not None and asking[1] is not None:
        quotes = Quotes(asking[0]), Quotes(asking[1])
        for kind in KINDS:
            before, after = quotes[0].part(old, kind), quotes[1].part(new, kind)
            if before != after:
                told = True
                yield f"{kind} {_usd(before)} → {_usd(after)}"
    for place, ended in ((old, new), (old.provider, new.provider)):
        for name in sorted({*place.extra, *ended.extra}):
            if place.extra.get(name) != ended.extra.get(name) and not (name == PRICE and told):
                yield f"{name} at other hours, lengths or tiers" if name == PRICE else name
    for name in ("params", "timeout"):
        if getattr(old, name) != getattr(new, name):
            yield name


def _usd(nano: Fraction | None) -> str:
    return "unknown" if nano is None else f"${format_usd(round(nano))}"


def _named(
    what: Literal["preset", "model", "provider", "key"], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    for name in old:
        if name not in new:
            yield Change(what, name, "removed")
    for name in new:
        if name not in old:
            yield Change(what, name, "added")


def _settings(
    what: Literal["preset", "key"], old: Mapping[str, Any], new: Mapping[str, Any]
) -> Iterator[Change]:
    """Of records of settings: those that come and go, and which settings of the others differ. No value is
    told: some are secrets."""
    yield from _named(what, old, new)
    for name in old:
        if name in new:
            one, other = old[name], new[name]
            own = [each.name for each in fields(one) if each.name != EXTRA]
            parts = [each for each in own if getattr(one, each) != getattr(other, each)]
            extra = sorted({*one.extra, *other.extra})
            parts += [each for each in extra if one.extra.get(each) != other.extra.get(each)]
            if parts:
                yield Change(what, name, "changed", ", ".join(parts))


def _keys(setup: Setup) -> dict[str, Any]:
    known = setup.section("keys") if "keys" in setup.schema.sections else ()
    return {key.name: key for key in known}
