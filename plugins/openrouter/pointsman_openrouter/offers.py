"""Offers: which models a key may use, and at which endpoints."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.exchange import Actor

from .providers import may_ask

__all__ = ["Offer", "allowance", "named_offer", "offer_of"]

VARIANTS = ("exacto", "floor", "free", "nitro")
"""Endings of a name that say how its endpoints are chosen, and leave the model what it is."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model, and those of its endpoints that a key may use: one at least, in the operator's order."""

    model: Model
    endpoints: tuple[Endpoint, ...]


def allowance(actor: Actor) -> Hashable:
    """What decides on the offers that an actor gets: the same for all who get the same."""
    own = frozenset(actor.keys)
    if not actor.bounded:
        return own
    levels = ((level.models, level.providers, level.uncollected, level.forgotten) for level in actor.levels)
    return own, actor.models, tuple(levels)


def offer_of(catalogue: Catalogue, actor: Actor, model: Model) -> Offer | None:
    """A listed model as an actor may use it; None where it may not, or where nobody could answer."""
    if not model.listed:
        return None
    endpoints = tuple(each for each in model.endpoints if _usable(catalogue, actor, model, each))
    return Offer(model, endpoints) if endpoints else None


def named_offer(catalogue: Catalogue, actor: Actor, name: str) -> Offer | None:
    """The offer that a name leads to: a model's, an alias, `provider/native-id`, or one of those with a
    variant's ending."""
    found = _resolved(catalogue, actor, name)
    base, _, variant = name.rpartition(":")
    return _resolved(catalogue, actor, base) if found is None and variant in VARIANTS else found


def _resolved(catalogue: Catalogue, actor: Actor, name: str) -> Offer | None:
    resolution = catalogue.resolve(name)
    model = catalogue.models.get(resolution.model) if resolution is not None else None
    return offer_of(catalogue, actor, model) if model is not None else None


def _usable(catalogue: Catalogue, actor: Actor, model: Model, endpoint: Endpoint) -> bool:
    if not may_ask(actor, endpoint.provider):
        return False
    return not actor.bounded or actor.may_use(*catalogue.names_of(model.name, endpoint))
