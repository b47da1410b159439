"""What a request wants beyond its models: preferences, variants of models, a service tier."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from pointsman.exchange import Exchange, Plan

from .preferences import MEMBER, Preferences, preferences_of
from .presets import Asked
from .tiers import MEMBER as TIER
from .tiers import Tier, asked_tier
from .variants import Variant, varied
from .wishes import NOTHING, Wishes, wishes_of

__all__ = ["Wanted", "wanted_of"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a request wants; `tier` is the service tier that it asks for by name."""

    wishes: Wishes = NOTHING
    variants: Mapping[str, Variant] = field(default_factory=dict)
    tier: Tier | None = None

    @property
    def timed(self) -> bool:
        """Whether it matters how fast endpoints are."""
        return self.wishes.timed or any(each.by == "throughput" for each in self.variants.values())


def wanted_of(
    exchange: Exchange, plan: Plan, above: tuple[Preferences, ...], preset: Asked | None
) -> tuple[Plan, Wanted | None]:
    """What a request wants, which goes on record, and its plan with that; None where that is nothing. Raises
    BadRequest."""
    own = preferences_of(exchange.request)
    if own is None and preset is not None:
        own = preset.preferences
    wishes = wishes_of(above if own is None else (own, *above))
    models, variants = varied(plan.models, exchange.setup.catalogue)
    tier = asked_tier(exchange, plan)
    if wishes is NOTHING and not variants and tier is None:
        return plan, None
    told = {
        MEMBER: wishes.said,
        "variants": {model: each.suffix for model, each in variants.items()},
        TIER: tier,
    }
    preferences = {name: value for name, value in told.items() if value}
    seen = exchange.decision.values
    values = {**seen, **preferences}
    if TIER in seen:  # rules saw the client's own word for it
        values[TIER] = seen[TIER]
    exchange.decision.values = values
    return replace(plan, models=models, preferences=preferences), Wanted(wishes, variants, tier)
