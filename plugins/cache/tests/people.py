"""A plugin for the tests: keys whose names are their secrets, in two teams; each may use what it may."""

from __future__ import annotations

from pointsman import hookimpl
from pointsman.errors import Forbidden, RateLimited
from pointsman.exchange import Actor, Candidate, Exchange, Level

POINTSMAN_API = 1

TEAMS = {"alice": "red", "bob": "red", "carol": "blue", "erin": "red", "frank": "red"}
"""Who is in which team; `dave` is in none."""
MODELS = {"erin": ("spare/*",)}
SAYS = {"frank": {"cache": False}}


@hookimpl
def authenticate(exchange: Exchange) -> Actor | None:
    """Who calls itself what."""
    name = exchange.headers.get("x-api-key")
    if name is None:
        return None
    levels = [Level("key", name, name, SAYS.get(name, {}))]
    if name in TEAMS:
        levels.append(Level("team", TEAMS[name], TEAMS[name], {}))
    return Actor(name, name, models=MODELS.get(name, ("*",)), levels=tuple(levels))


@hookimpl
def rank_candidates(exchange: Exchange, candidates: list[Candidate]) -> list[Candidate]:
    """Those that the key may use."""
    actor = exchange.actor
    return [each for each in candidates if actor is not None and actor.may_use(each.model, each.endpoint.id)]


@hookimpl
def admit(exchange: Exchange) -> None:
    """Nothing for mallory."""
    if exchange.actor is not None and exchange.actor.name == "mallory":
        raise Forbidden("not you")


@hookimpl
def reserve_usage(exchange: Exchange) -> None:
    """Nothing that costs for who is poor."""
    if exchange.actor is not None and exchange.actor.name == "poor":
        raise RateLimited("not without money")
