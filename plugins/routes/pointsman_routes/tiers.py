"""Service tiers: how urgently an answer is wanted, and which endpoints have that to offer.

`flex` is answered when there is room, and cheaper, `priority` (also `fast`) before others, and dearer. An
endpoint has a tier where it or its provider says so in the configuration, where it is asked for in its own
`params`, or where its price in that tier is known and another than usually.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from msgspec.structs import replace

from pointsman.catalogue import Endpoint
from pointsman.errors import RequestError
from pointsman.exchange import Candidate, Exchange, Plan
from pointsman.members import mentioned, together
from pointsman.registers import RegisterSettings
from pointsman.types import Usage

__all__ = ["MEMBER", "MEMBERS", "Tier", "admitted", "asked_tier", "offered", "register_tiers", "said_tier"]

Tier = Literal["flex", "priority"]
MEMBER = "service_tier"
SPELLINGS = (MEMBER, "serviceTier")
"""What the dialects call it."""
MEMBERS = frozenset(SPELLINGS)
WORDS: Mapping[str, Tier] = {"flex": "flex", "priority": "priority", "fast": "priority"}
FIELD = "service_tiers"
USUAL = "default"
SOME = Usage(1000, 1000)


def register_tiers(register: RegisterSettings) -> None:
    """Add `service_tiers` to endpoints and providers."""
    for record, what in (("endpoint", "It"), ("provider", "Each of its models")):
        register.field(
            record,
            FIELD,
            tuple[Tier, ...] | None,
            default=None,
            help=f"{what} may be asked for in these service tiers; without it in those whose price is known.",
            example=["flex"],
        )


def asked_tier(exchange: Exchange, plan: Plan) -> Tier | None:
    """The tier that a request, or its preset, asks for; None for the usual one, whatever it is called."""
    said: Any = said_tier(exchange)
    if said is None:
        said = plan.params.get(MEMBER)
    return WORDS.get(said.lower()) if isinstance(said, str) else None


def said_tier(exchange: Exchange) -> str | None:
    """The word by which a request asks for a tier, in any dialect."""
    fields = exchange.request.fields
    return next((word for each in SPELLINGS if (word := mentioned(fields, each)) is not None), None)


def offered(exchange: Exchange, endpoint: Endpoint, tier: Tier) -> bool:
    """Whether an endpoint is known to have a tier."""
    for place in (endpoint, endpoint.provider):
        said: tuple[Tier, ...] | None = place.extra.get(FIELD)
        if said is not None:
            return tier in said
    own = endpoint.params.get(MEMBER)
    if isinstance(own, str) and own.lower() in WORDS:
        return WORDS[own.lower()] == tier
    try:
        usual, asked = (exchange.quote(endpoint, replace(SOME, service_tier=each)) for each in (USUAL, tier))
    except RequestError:
        return False
    return asked is not None and asked != usual


def admitted(exchange: Exchange, candidate: Candidate, tier: Tier, why: str) -> Iterator[Candidate]:
    """A candidate once more, as it is asked for in a tier that it has."""
    way = candidate.way
    if way is not None and offered(exchange, candidate.endpoint, tier):
        params = together({MEMBER: tier}, way.params)
        reasons = [*candidate.reasons, f"asked for in its tier {tier}: {why}"]
        yield replace(candidate, way=replace(way, params=params), reasons=reasons)
