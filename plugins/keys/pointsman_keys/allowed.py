"""What a key may use: models, providers and surfaces, at each of its levels."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase
from itertools import groupby
from operator import attrgetter

from msgspec.structs import replace

from pointsman.errors import Forbidden
from pointsman.exchange import Actor, Candidate, Exchange

__all__ = ["candidates_for", "check_surface", "model_refusal"]


def check_surface(exchange: Exchange, actor: Actor) -> None:
    """Each level must allow the operation. Raises Forbidden."""
    for level in actor.levels:
        if not any(fnmatchcase(exchange.surface, pattern) for pattern in level.surfaces):
            raise Forbidden(f"{level.kind} {level.name!r} may not use the surface {exchange.surface!r}")


def model_refusal(exchange: Exchange, actor: Actor) -> str | None:
    """Why none of the models asked for may be used, in words; None where one may."""
    plan = exchange.plan
    wanted = plan.models if plan is not None else (exchange.peek.model,)
    names = [_known_as(exchange, name) for name in wanted]
    if any(actor.may_use(*each) for each in names):
        return None
    rule = plan.rule if plan is not None else None
    what = f"model {exchange.peek.model!r}" if rule is None else f"any model that rule {rule!r} leads to"
    return f"{_who(actor, names)} may not use {what}"


def candidates_for(exchange: Exchange, actor: Actor, candidates: list[Candidate]) -> list[Candidate]:
    """The candidates that an actor may use; among those of a model, first the ones for which it has a
    credential of its own."""
    return [
        each
        for _, group in groupby(candidates, attrgetter("model"))
        for each in _allowed(exchange, actor, group)
    ]


def _allowed(exchange: Exchange, actor: Actor, candidates: Iterable[Candidate]) -> list[Candidate]:
    own: list[Candidate] = []
    shared: list[Candidate] = []
    for candidate in candidates:
        why = _exclusion(exchange, actor, candidate) if actor.bounded else None
        if why is not None:
            exchange.exclude(candidate, by="keys", why=why)
            continue
        provider = candidate.endpoint.provider
        key = actor.keys.get(provider.name)
        if key is not None:
            reason = f"a credential of its own for {provider.name}"
            own.append(replace(candidate, key=key, reasons=[*candidate.reasons, reason]))
        if key is None or provider.unready() is None:
            shared.append(candidate)
    return own + shared


def _exclusion(exchange: Exchange, actor: Actor, candidate: Candidate) -> str | None:
    """Why an actor may not use a candidate, in words."""
    endpoint = candidate.endpoint
    names = exchange.setup.catalogue.names_of(candidate.model, endpoint)
    if not actor.may_use(*names):
        return f"{_who(actor, [names])} may not use it"
    if not actor.may_reach(endpoint.provider.name):
        return f"its provider is not allowed to key {actor.name!r}"
    if not actor.may_tell(endpoint.provider.about):
        return f"its provider is not known to treat data as key {actor.name!r} must have it (data_policy)"
    return None


def _who(actor: Actor, models: list[tuple[str, ...]]) -> str:
    """The level that is in the way, in words."""
    for level in actor.levels:
        if level.kind != "key" and not any(
            fnmatchcase(name, pattern) for names in models for name in names for pattern in level.models
        ):
            return f"{level.kind} {level.name!r} of key {actor.name!r}"
    return f"key {actor.name!r}"


def _known_as(exchange: Exchange, name: str) -> tuple[str, ...]:
    resolution = exchange.setup.catalogue.resolve(name)
    return (name,) if resolution is None else resolution.names
