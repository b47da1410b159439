"""Wishes: what all that is asked of a request's endpoints comes to.

A request says what it prefers, and so do its key, that key's team, the organisation and the rule that
decided. Of choices the nearest counts. Of filters all count: a request can only ask for more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from functools import lru_cache
from typing import Any

from pointsman.exchange import Actor

from .preferences import By, MaxPrice, Percentiles, Preferences

__all__ = ["NOTHING", "Above", "Wishes", "wishes_of"]

FIELD = "preferences"
"""What they are called in the settings of keys, teams, organisations and rules."""
MOST_ACTORS = 10_000
MOST_KEPT = 1024


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is asked of endpoints; names are in lower case. `only` has a set for each of those that name some;
    `most` are prices in nano-USD, by the names of `MaxPrice`."""

    order: tuple[str, ...] = ()
    only: tuple[frozenset[str], ...] = ()
    ignore: frozenset[str] = frozenset()
    alone: bool = False
    whole: bool = False
    deny: bool = False
    zdr: bool = False
    distillable: bool = False
    quantizations: tuple[str, ...] | None = None
    by: By | None = None
    across: bool = False
    most: Mapping[str, int] = field(default_factory=dict)
    throughput: Percentiles | None = None
    latency: Percentiles | None = None
    said: Mapping[str, Any] = field(default_factory=dict)
    """All of it as JSON data, in the shape in which it is asked."""

    @property
    def filters(self) -> bool:
        """Whether any endpoint may have to be left out for what it is."""
        return bool(
            self.only
            or self.ignore
            or self.whole
            or self.deny
            or self.zdr
            or self.distillable
            or self.quantizations is not None
            or self.most
        )

    @property
    def timed(self) -> bool:
        """Whether it matters how fast endpoints are."""
        return self.by in ("throughput", "latency") or self.throughput is not None or self.latency is not None


NOTHING = Wishes()


class Above:
    """What those above a request prefer, the nearest first: its key and outward, then its rule."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Actor, tuple[Preferences, ...]]] = {}

    def of(self, actor: Actor | None, rule: Mapping[str, Any]) -> tuple[Preferences, ...]:
        """For an actor, and a plan with this `extra`."""
        if actor is None:
            found: tuple[Preferences, ...] = ()
        else:
            known = self._known.get(id(actor))
            found = known[1] if known is not None and known[0] is actor else self._learn(actor)
        own = rule.get(FIELD) if rule else None
        return found if own is None else (*found, own)

    def _learn(self, actor: Actor) -> tuple[Preferences, ...]:
        extras = [level.extra for level in actor.levels] or [actor.extra]
        found = tuple(said for extra in extras if (said := extra.get(FIELD)) is not None)
        if len(self._known) >= MOST_ACTORS:
            self._known.clear()
        self._known[id(actor)] = actor, found
        return found


@lru_cache(MOST_KEPT)
def wishes_of(said: tuple[Preferences, ...]) -> Wishes:
    """What preferences come to, the nearest first."""
    if not said:
        return NOTHING
    chosen = next((each for each in said if each.order is not None or each.sort is not None), None)
    order = chosen.order if chosen is not None else None
    sort = chosen.sort if chosen is not None else None
    quantizations = _nearest(said, "quantizations")
    prices = [each.max_price for each in said if each.max_price is not None]
    return Wishes(
        order=_slugs(order or ()),
        only=tuple(frozenset(_slugs(each.only)) for each in said if each.only is not None),
        ignore=frozenset(slug for each in said for slug in _slugs(each.ignore or ())),
        alone=_nearest(said, "allow_fallbacks") is False,
        whole=_nearest(said, "require_parameters") is True,
        deny=any(each.data_collection == "deny" for each in said),
        zdr=any(each.zdr is True for each in said),
        distillable=any(each.enforce_distillable_text is True for each in said),
        quantizations=_slugs(quantizations) if quantizations is not None else None,
        by=sort.by if sort is not None and not order else None,
        across=sort is not None and sort.partition == "none",
        most=_least(prices),
        throughput=_nearest(said, "preferred_min_throughput"),
        latency=_nearest(said, "preferred_max_latency"),
        said=_together(said),
    )


def _slugs(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(name.lower() for name in names)


def _nearest(said: Iterable[Preferences], name: str) -> Any:
    return next((value for each in said if (value := getattr(each, name)) is not None), None)


def _least(prices: Iterable[MaxPrice]) -> dict[str, int]:
    """The lowest of each kind of price."""
    least: dict[str, int] = {}
    for each in prices:
        for name in (one.name for one in fields(MaxPrice)):
            value = getattr(each, name)
            if value is not None:
                least[name] = min(value, least.get(name, value))
    return least


def _together(said: Sequence[Preferences]) -> dict[str, Any]:
    """For records: what was said, each level for itself where there are several."""
    told = [_as_json(each) for each in said]
    return told[0] if len(told) == 1 else {"levels": told}


def _as_json(value: Any) -> Any:
    """Settings as JSON data, without what was not said."""
    if is_dataclass(value):
        pairs = ((each.name, getattr(value, each.name)) for each in fields(value))
        return {name: _as_json(one) for name, one in pairs if one is not None}
    text = getattr(value, "text", None)
    if text is not None:
        return text
    return list(value) if isinstance(value, tuple) else value
