"""Listing: the endpoints of a plan's models, without those that cannot give what is asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pointsman.catalogue import Endpoint, Resolution
from pointsman.exchange import Candidate, Exchange

from .prices import Quotes
from .tiers import MEMBER as TIER
from .tiers import offered
from .wanted import Wanted

__all__ = ["Places", "listed", "places_of"]

LONGEST_SHOWN = 100
Places = Callable[[Resolution, int], list[tuple[Endpoint, str]]]


def listed(exchange: Exchange, places: Places, wanted: Wanted | None) -> list[Candidate]:
    """The endpoints of the plan's models, in the plan's and then the operator's order, each once. `places`
    tells of a model at its place in a plan its endpoints, each with why it has its own."""
    plan, resolve = exchange.plan, exchange.setup.catalogue.resolve
    candidates: dict[str, Candidate] = {}
    for number, name in enumerate(plan.models if plan is not None else (), 1):
        resolution = resolve(name)
        if resolution is None:
            exchange.decision.exclude(name[:LONGEST_SHOWN], by="routes", why="no such model")
            continue
        for endpoint, reason in places(resolution, number):
            if endpoint.id not in candidates:
                candidates[endpoint.id] = Candidate(endpoint, resolution.model, [reason])
    found: Iterable[Candidate] = candidates.values()
    if exchange.peek.max_tokens is not None:
        found = [each for each in found if _writes_enough(exchange, each, exchange.peek.max_tokens)]
    if wanted is not None and (wanted.variants or wanted.tier == "flex"):
        found = _wanted(exchange, found, wanted)
    return [*found]


def _writes_enough(exchange: Exchange, candidate: Candidate, wanted: int) -> bool:
    """Whether an endpoint is not known to write less than was asked for."""
    fact = candidate.endpoint.facts.get("max_output")
    if fact is None or not isinstance(fact.value, int) or fact.value >= wanted:
        return True
    exchange.exclude(candidate, by="routes", why=f"max_tokens: it writes {fact.value} tokens at most")
    return False


def _wanted(exchange: Exchange, candidates: Iterable[Candidate], wanted: Wanted) -> list[Candidate]:
    """Without the endpoints that are not known to cost nothing, of models that are to be had so, and without
    those that do not wait for room, where that is asked for."""
    quotes, kept = Quotes(exchange), []
    for candidate in candidates:
        variant, why = wanted.variants.get(candidate.model), None
        if variant is not None and variant.free and not quotes.free(candidate.endpoint):
            why = "model:free: it is not known to cost nothing"
        elif wanted.tier == "flex" and not offered(exchange, candidate.endpoint, "flex"):
            why = f"{TIER}: it is not known to have flex"
        if why is None:
            kept.append(candidate)
        else:
            exchange.exclude(candidate, by="routes", why=why)
    return kept


def places_of(resolution: Resolution, number: int) -> list[tuple[Endpoint, str]]:
    """The endpoints of a model that is the plan's choice of this number, each with why it has its place."""
    choice, of = f"{_ordinal(number)} choice: model {resolution.asked}", len(resolution.endpoints)
    return [
        (endpoint, f"{choice}, endpoint {place} of {of}")
        for place, endpoint in enumerate(resolution.endpoints, 1)
    ]


def _ordinal(number: int) -> str:
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
