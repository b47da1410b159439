"""Prepared: the claims of each key and candidate, worked out once for as long as key and setup last."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from pointsman.exchange import Actor, Candidate, Exchange
from pointsman.setup import Setup
from pointsman_usage.generations import app_of

from .claims import Claims, Names, claims_of, levels_of
from .settings import Dimension, Settings

__all__ = ["Prepared"]

MOST_KEYS = 10_000
MOST_VARIANTS = 1000
"""Claims kept for a key: by model, provider and app, which clients may choose freely."""

_Variant = tuple[str, str, str | None]
NOWHERE: _Variant = ("", "", None)


class _Known(msgspec.Struct):
    """What is known of a key, as long as it is the same actor under the same setup."""

    actor: Actor
    setup: Setup
    variants: dict[_Variant, Claims]


class Prepared:
    """Claims by key, and where rules ask for it, which `by_candidate` says, by model, provider and app."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._known: dict[str, _Known] = {}
        dimensions = {each for rule in settings.rules for each in rule.dimensions}
        self._by_app = "app" in dimensions
        self.by_candidate = not dimensions.isdisjoint({"app", "model", "provider"})

    def claims(self, exchange: Exchange, candidate: Candidate) -> Claims | None:
        """What a request takes if this candidate answers it; None without an actor."""
        actor = exchange.actor
        if actor is None:
            return None
        known = self._known.get(actor.key_id)
        if (
            known is None
            or known.setup is not exchange.setup
            or not (known.actor is actor or known.actor == actor)
        ):
            known = self._learn(actor, exchange.setup)
        variant = NOWHERE
        if self.by_candidate:
            app = app_of(exchange.headers)[0] if self._by_app else None
            variant = candidate.model, candidate.endpoint.provider.name, app
        claims = known.variants.get(variant)
        if claims is None:
            if len(known.variants) >= MOST_VARIANTS:
                known.variants.clear()
            claims = known.variants[variant] = claims_of(self._settings, actor, _names(actor, variant))
        return claims

    def _learn(self, actor: Actor, setup: Setup) -> _Known:
        if len(self._known) >= MOST_KEYS:
            self._known.clear()
        known = self._known[actor.key_id] = _Known(actor, setup, {})
        return known


def _names(actor: Actor, variant: _Variant) -> Names:
    """The id and name of each that a request belongs to."""
    model, provider, app = variant
    names: dict[Dimension, tuple[tuple[str, str], ...]] = {
        level.kind: ((level.id, level.name),) for level in reversed(levels_of(actor))
    }
    names["tag"] = tuple((tag, tag) for tag in dict.fromkeys(actor.tags))
    one: Mapping[Dimension, str | None] = {"model": model, "provider": provider, "app": app}
    for dimension, name in one.items():
        if name:
            names[dimension] = ((name, name),)
    return names
