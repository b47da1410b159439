"""Layers: the prices that count at some hour, for a long request, for a service tier.

Windows count over the price itself, tiers over them, service tiers over all; what a layer does not give
stays as it was. A percentage is of all prices below, each rounded half up to a nano-dollar; that of a tier is
of the prices without tiers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from pointsman.money import MILLION

from .settings import LayerSettings, PriceSettings, ServiceTier, ServiceTierSettings

__all__ = ["BASE", "Given", "layered", "tier_of"]

BASE = "base"


class Given(NamedTuple):
    """A price in nano-USD, per million tokens or each, and the layer that gave it."""

    nano: int
    layer: str


def layered(
    price: PriceSettings, *, window: int = -1, tier: int = 0, service: ServiceTier | None = None
) -> dict[str, Given]:
    """Every price that is known, by its key, in a window (-1 is none), past so many tiers, and in a service
    tier, if that has prices."""
    found = {key: Given(nano, BASE) for key, nano in price.prices().items()}
    if window >= 0:
        layer = price.windows[window]
        found = _over(found, layer, f"window {layer.time}")
    below = found
    for each in price.tiers[:tier]:
        found = _over(found if each.all is None else below, each, f"above {each.above}")
    if service is not None and (served := tier_of(price, service)) is not None:
        found = _over(found, served, service)
        for each in served.tiers[:tier]:
            found = _over(found, each, f"{service} above {each.above}")
    return found


def tier_of(price: PriceSettings, service: ServiceTier) -> ServiceTierSettings | None:
    """The prices of a service tier; None where they are not known."""
    found: ServiceTierSettings | None = getattr(price.service_tiers, service, None)
    return found


def _over(below: Mapping[str, Given], layer: LayerSettings, name: str) -> dict[str, Given]:
    if layer.all is not None:
        share = int(layer.all)
        return {
            key: Given((given.nano * share + MILLION // 2) // MILLION, name) for key, given in below.items()
        }
    return {**below, **{key: Given(nano, name) for key, nano in layer.prices().items()}}
