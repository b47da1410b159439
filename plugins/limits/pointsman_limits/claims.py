"""Claims: what each request of a key takes from whose limits, prepared once for many requests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import product

import msgspec

from pointsman.config import Percent
from pointsman.exchange import Actor, Level
from pointsman.state import Demand, Quota

from .line import Counter
from .settings import Dimension, LimitSettings, Measure, Priority, RuleSettings, Settings

__all__ = [
    "Claim",
    "Claims",
    "Costs",
    "Names",
    "chosen_by",
    "claims_of",
    "costs_of",
    "counter_name",
    "levels_of",
    "rule_counter",
]

WHOLE = 1_000_000
FIXED: tuple[Measure, ...] = ("requests", "concurrency")
"""What every request takes the same of."""
TOKENS: tuple[Measure, ...] = ("tokens", "input_tokens", "output_tokens")
MOVABLE: frozenset[Dimension] = frozenset({"model", "provider"})

Names = Mapping[Dimension, tuple[tuple[str, str], ...]]
"""The id and name of each that a request belongs to."""


VARYING: tuple[Measure, ...] = (*TOKENS, "usd")
Costs = tuple[int, int, int, int]
"""What a request may use, or has used, of each of these."""


def costs_of(input_tokens: int, output_tokens: int, nano: int = 0) -> Costs:
    """The costs of tokens and nano-USD."""
    return input_tokens + output_tokens, input_tokens, output_tokens, nano


class Claim(msgspec.Struct, frozen=True):
    """One limit: what it counts, whose it is, and the demand on it; `moves` says that another candidate may
    not be under it."""

    measure: Measure
    whose: str
    demand: Demand
    moves: bool = False

    @property
    def counter(self) -> Counter:
        """Its counter in the state."""
        return self.demand.key, self.demand.quota.period


class Claims:
    """All the limits a request is under, those that every request takes the same of first."""

    __slots__ = (
        "_rows",
        "all",
        "amounts",
        "batch",
        "counters",
        "fixed",
        "held",
        "money",
        "requests",
        "told",
        "varies",
    )

    def __init__(self, claims: Sequence[Claim], *, batch: bool = False) -> None:
        fixed = [claim for claim in claims if claim.measure in FIXED]
        varying = [claim for claim in claims if claim.measure not in FIXED]
        self.all = (*fixed, *varying)
        self.varies = bool(varying)
        self._rows = [
            (claim.demand.key, claim.demand.quota, VARYING.index(claim.measure)) for claim in varying
        ]
        self.batch = batch
        self.fixed = [claim.demand for claim in fixed]
        self.counters = tuple(claim.counter for claim in self.all)
        self.amounts = tuple(str(claim.demand.quota.amount) for claim in self.all)
        self.held = any(claim.demand.hold for claim in self.all)
        self.money = any(claim.measure == "usd" for claim in varying)
        self.requests = self._places("requests")
        kinds = {"requests": self.requests, "tokens": self._places(*TOKENS)}
        self.told = tuple(
            (
                places,
                f"x-ratelimit-limit-{kind}",
                f"x-ratelimit-remaining-{kind}",
                f"x-ratelimit-reset-{kind}",
            )
            for kind, places in kinds.items()
            if places
        )

    def _places(self, *measures: Measure) -> tuple[int, ...]:
        return tuple(place for place, claim in enumerate(self.all) if claim.measure in measures)

    def demands(self, costs: Costs) -> list[Demand]:
        """What a request takes that may use so much."""
        return self.fixed + [Demand(key, quota, costs[place], True) for key, quota, place in self._rows]

    def used(self, costs: Costs) -> list[Demand]:
        """What a request has used."""
        return [Demand(key, quota, costs[place]) for key, quota, place in self._rows]

    def taken(self) -> list[Demand]:
        """What was used up as the request came: requests."""
        return [self.all[place].demand for place in self.requests]


def levels_of(actor: Actor) -> tuple[Level, ...]:
    """Those whose limits a request is under, from the key outward."""
    return actor.levels or (Level("key", actor.key_id, actor.name, actor.extra),)


def claims_of(settings: Settings, actor: Actor, names: Names) -> Claims:
    """Every limit that applies to an actor's request for what `names` says besides."""
    levels = levels_of(actor)
    priority: Priority | None = levels[0].extra.get("priority")
    batch = priority == "batch"
    share = settings.interactive_share if batch else Percent(0)
    claims = list(_of_levels(settings, actor, levels, share))
    for rule in settings.rules:
        claims += _of_rule(rule, names, share)
    return Claims(claims, batch=batch)


def _of_levels(settings: Settings, actor: Actor, levels: Sequence[Level], share: Percent) -> Iterator[Claim]:
    for level in levels:
        limits: LimitSettings | None = level.extra.get("limits")
        if limits is None and level is levels[0] and actor.role != "admin":
            limits = settings.default
        if limits is None:
            continue
        whose = f"{level.kind} {level.name!r}"
        kept = Percent(0) if level.kind == "key" else share
        for measure, quotas in limits.quotas.items():
            key = counter_name(measure, level.kind, level.id)
            for quota in quotas:
                yield _claim(measure, whose, key, quota, kept)


def _of_rule(rule: RuleSettings, names: Names, share: Percent) -> Iterator[Claim]:
    moves = not MOVABLE.isdisjoint(rule.dimensions)
    kept = Percent(0) if "key" in rule.dimensions else share
    for chosen in chosen_by(rule, names):
        pairs = zip(rule.dimensions, chosen, strict=True)
        whose = ", ".join(f"{dimension} {name!r}" for dimension, (_, name) in pairs)
        for measure, quotas in rule.quotas.items():
            key = rule_counter(measure, rule, [id_ for id_, _ in chosen])
            for quota in quotas:
                yield _claim(measure, whose, key, quota, kept, moves=moves)


def chosen_by(rule: RuleSettings, names: Names) -> Iterator[tuple[tuple[str, str], ...]]:
    """Each combination that a rule counts for itself, an id and name for each of its dimensions."""
    *others, last = (names.get(dimension, ()) for dimension in rule.dimensions)
    matching = tuple(each for each in last if fnmatchcase(each[1], rule.match))
    return product(*others, matching)


def _claim(
    measure: Measure, whose: str, key: str, quota: Quota, share: Percent, *, moves: bool = False
) -> Claim:
    """A claim; of shared concurrency a part is left to others, but never all of it."""
    if measure == "concurrency" and share:
        left = -(-quota.amount * share // WHOLE)
        quota = Quota(max(1, quota.amount - left), quota.period)
    return Claim(measure, whose, Demand(key, quota, 1, hold=measure != "requests"), moves)


def counter_name(measure: Measure, kind: str, id_: str) -> str:
    """The state's key for a limit of a key, team or organisation."""
    return f"{measure}:{kind}:{id_}"


def rule_counter(measure: Measure, rule: RuleSettings, ids: Sequence[str]) -> str:
    """The state's key for a limit of a rule."""
    return f"{measure}:{rule.name}:{'|'.join(ids)}"
