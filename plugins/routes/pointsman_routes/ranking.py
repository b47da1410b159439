"""Ranking: candidates in the order in which a request's wishes want them tried."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from pointsman.exchange import Candidate, Exchange

from .filters import Filters, named, names_of, takes
from .pace import Pace
from .preferences import MEMBER, By
from .prices import Quotes
from .tiers import MEMBER as TIER
from .tiers import Tier, admitted, offered
from .variants import Variant
from .wanted import Wanted
from .wishes import Wishes

__all__ = ["ranked", "suited"]

NEEDED = frozenset({"response_format", "verbosity"})
"""Beside tools: what a request says so that its answer is of use at all."""
UNITS = {"price": "nano-USD", "throughput": "tokens a second", "latency": "seconds"}
LAST = (1, 0.0)
"""Sorts behind all that is known."""


@dataclass(frozen=True, slots=True)
class Known:
    """What an endpoint is sorted by, as reasons and records tell it; None is not known."""

    by: By
    value: float | None

    def __str__(self) -> str:
        told = "not known" if self.value is None else f"{round(self.value, 3):g} {UNITS[self.by]}"
        return f"{self.by}: {told}"

    def data(self) -> dict[str, Any]:
        """As JSON data."""
        return {"by": self.by, "value": self.value, "unit": UNITS.get(self.by, "")}


def suited(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate] | None:
    """Within each model, those last that are known not to take what the request cannot do without; None where
    nothing changes."""
    if len(candidates) < 2:
        return None
    tools, given = exchange.peek.has_tools, set(exchange.request.fields)
    if exchange.plan is not None:
        given.update(exchange.plan.params)
    if not tools and NEEDED.isdisjoint(given):
        return None
    needed = [*sorted(NEEDED & given), *(["tools"] if tools else [])]
    lacks = [any(takes(each.endpoint, name) is False for name in needed) for each in candidates]
    if not any(lacks):
        return None
    places = _places(candidates, across=_is_across(exchange))
    for candidate, lacking in zip(candidates, lacks, strict=True):
        if lacking:
            candidate.reasons.append(f"behind others: it is known not to take {' or '.join(needed)}")
    order = sorted(range(len(candidates)), key=lambda each: (places[candidates[each].model], lacks[each]))
    return [candidates[each] for each in order]


def _is_across(exchange: Exchange) -> bool:
    """Whether the plan puts the endpoints of all models in one order."""
    return exchange.plan is not None and exchange.plan.across


def _places(candidates: Sequence[Candidate], *, across: bool) -> dict[str, int]:
    """Where the endpoints of each model stand among those of all."""
    placed = reversed([*enumerate(candidates)])
    return {each.model: 0 if across else place for place, each in placed}


def ranked(
    exchange: Exchange,
    candidates: Sequence[Candidate],
    wanted: Wanted,
    paces: Mapping[str, Pace],
) -> tuple[list[Candidate], list[str]]:
    """The candidates that stay, and the wishes of which nothing came. Where no service tier is asked for by
    name, suffixes admit others. Raises BadRequest."""
    wishes, variants, tier, quotes = wanted.wishes, wanted.variants, wanted.tier, Quotes(exchange)
    kept = [*_kept(exchange, candidates, wishes, quotes)] if wishes.filters else list(candidates)
    chosen = wishes.by is not None or wishes.order or variants
    across = wishes.across or (not chosen and _is_across(exchange))
    first = _first(exchange, kept) if tier == "priority" else frozenset()
    order = _Order(wishes, variants, paces, _places(kept, across=across), first)
    placed = [(order.place(each, quotes), each) for each in kept]
    for asked in sorted({each.tier for each in variants.values() if each.tier} if tier is None else ()):
        dear = Quotes(exchange, asked)
        more = [*_in_tier(exchange, kept, variants, asked)]
        more = [*_kept(exchange, more, wishes, dear)] if wishes.filters else more
        placed = [(order.place(each, dear), each) for each in more] + placed
    kept = [each for _, each in sorted(placed, key=itemgetter(0))]
    if wishes.alone:
        kept = [*_alone(exchange, kept, wishes, across=across)]
    return kept, order.lost()


def _first(exchange: Exchange, candidates: Iterable[Candidate]) -> frozenset[str]:
    """The endpoints that serve first who asks for it; their reasons say so."""
    found = set()
    for candidate in candidates:
        if offered(exchange, candidate.endpoint, "priority"):
            candidate.reasons.append(f"{TIER}: it has priority")
            found.add(candidate.endpoint.id)
    return frozenset(found)


def _in_tier(
    exchange: Exchange, candidates: Iterable[Candidate], variants: Mapping[str, Variant], tier: Tier
) -> Iterator[Candidate]:
    """The candidates once more, in a service tier that they have and that the suffix of a model admits."""
    for candidate in candidates:
        variant = variants.get(candidate.model)
        if variant is not None and variant.tier == tier:
            yield from admitted(exchange, candidate, tier, f"model:{variant.suffix}")


def _kept(
    exchange: Exchange, candidates: Iterable[Candidate], wishes: Wishes, quotes: Quotes
) -> Iterator[Candidate]:
    filters = Filters(exchange, wishes, quotes)
    for candidate in candidates:
        why = filters.why(candidate.endpoint)
        if why is None:
            yield candidate
        else:
            exchange.exclude(candidate, by="routes", why=why)


class _Order:
    """Where each candidate stands: by model unless models do not matter, a client's own credentials before
    all others, then by name, then by what it is."""

    def __init__(
        self,
        wishes: Wishes,
        variants: Mapping[str, Variant],
        paces: Mapping[str, Pace],
        places: Mapping[str, int],
        first: frozenset[str],
    ) -> None:
        self._wishes = wishes
        self._variants = variants
        self._paces = paces
        self._places = places
        self._first = first
        self._asked: set[str] = set()
        self._honoured: set[str] = set()

    def place(self, candidate: Candidate, quotes: Quotes) -> tuple[Any, ...]:
        """What it is sorted by; its reasons say so."""
        wishes = self._wishes
        variant = self._variants.get(candidate.model)
        by = wishes.by if variant is None or variant.by is None or wishes.order else variant.by
        free = variant is not None and variant.free_first and not quotes.free(candidate.endpoint)
        place = named(wishes.order, names_of(candidate.endpoint)) if wishes.order else None
        if place is not None:
            candidate.reasons.append(f"number {place + 1} of {MEMBER}.order")
        asker = f"{MEMBER}.sort" if by == wishes.by or variant is None else f"model:{variant.suffix}"
        return (
            self._places[candidate.model],
            candidate.key is None,
            free,
            len(wishes.order) if place is None else place,
            candidate.endpoint.id not in self._first,
            self._too_slow(candidate),
            self._value(candidate, by, asker, quotes) if by is not None else LAST,
        )

    def lost(self) -> list[str]:
        """The wishes of which nothing came: nothing is known that they ask for."""
        return sorted(self._asked - self._honoured)

    def _value(self, candidate: Candidate, by: By, asker: str, quotes: Quotes) -> tuple[int, Any]:
        value = self._known(candidate, by, quotes)
        self._note(asker, known=value is not None)
        candidate.reasons.append(Known(by, None if value is None else float(value)))
        if value is None:
            return LAST
        return (0, -value if by == "throughput" else value)

    def _known(self, candidate: Candidate, by: By, quotes: Quotes) -> Any:
        if by == "price":
            return quotes.whole(candidate.endpoint)
        pace = self._paces.get(candidate.endpoint.id)
        if pace is None or by == "exacto":
            return None
        return pace.usual_throughput if by == "throughput" else pace.usual_latency

    def _too_slow(self, candidate: Candidate) -> int:
        """0 for a candidate as fast as wished, 2 for one that is not, 1 where that is not known."""
        wishes, pace = self._wishes, self._paces.get(candidate.endpoint.id)
        worst = 0
        for name, wanted, test in (
            ("preferred_min_throughput", wishes.throughput, pace.is_as_fast if pace else None),
            ("preferred_max_latency", wishes.latency, pace.is_as_quick if pace else None),
        ):
            if wanted is None:
                continue
            holds = test(wanted) if test is not None else None
            self._note(f"{MEMBER}.{name}", known=holds is not None)
            if holds is not True:
                candidate.reasons.append(f"{name}: {'not known' if holds is None else 'not reached'}")
            worst = max(worst, {True: 0, None: 1, False: 2}[holds])
        return worst

    def _note(self, name: str, *, known: bool) -> None:
        self._asked.add(name)
        if known:
            self._honoured.add(name)


def _alone(
    exchange: Exchange, candidates: Iterable[Candidate], wishes: Wishes, *, across: bool
) -> Iterator[Candidate]:
    """The first endpoint of each model, or those that are named: nobody is to answer in their place."""
    first: dict[str, Candidate] = {}
    for candidate in candidates:
        endpoint = candidate.endpoint
        if wishes.order:
            stays = named(wishes.order, names_of(endpoint)) is not None
        else:
            stays = first.setdefault("" if across else candidate.model, candidate) is candidate
        if stays:
            yield candidate
        else:
            exchange.exclude(candidate, by="routes", why=f"{MEMBER}.allow_fallbacks: it is false")
