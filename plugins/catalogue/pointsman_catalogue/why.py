"""Why: for each fact of an endpoint its value and source, and what sources of lower authority said."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pointsman.catalogue import Endpoint
from pointsman.facts import Fact, Facts
from pointsman.gateway import Gateway

from . import known, plugin_of
from .shelf import layers

__all__ = ["Told", "told_of"]


@dataclass(frozen=True, slots=True)
class Told:
    """What is told of one endpoint, here or at a vendor; of each fact the one that counts comes first.
    `configured` says whether a provider of that vendor is."""

    model: str
    place: str
    configured: bool
    facts: dict[str, list[Fact]]

    def as_json(self) -> dict[str, Any]:
        """As data for programs."""
        return {
            "model": self.model,
            "endpoint": self.place,
            "configured": self.configured,
            "facts": {
                name: [
                    {"value": each.value, "source": each.source, "date": each.date, "used": index == 0}
                    for index, each in enumerate(facts)
                ]
                for name, facts in self.facts.items()
            },
        }


async def told_of(gateway: Gateway, name: str) -> list[Told]:
    """What is told of every endpoint that a name leads to, those of configured providers first; where none
    leads there, of what these could have."""
    resolution = gateway.setup.catalogue.resolve(name)
    model, endpoints = (resolution.model, resolution.endpoints) if resolution is not None else (name, ())
    found = [Told(model, each.id, True, await _of_endpoint(gateway, each)) for each in endpoints]
    elsewhere = []
    for each in await known.servers(gateway, model):
        if not each.configured or not found:
            facts = {fact: [value] for fact, value in sorted(each.facts.items())}
            elsewhere.append(Told(each.model, f"{each.vendor}/{each.native_id}", each.configured, facts))
    return found + elsewhere


async def _of_endpoint(gateway: Gateway, endpoint: Endpoint) -> dict[str, list[Fact]]:
    keeper, price = plugin_of(gateway).keeper, known.said_price(gateway, endpoint)
    said = [{"price": price}] if price is not None else []
    if keeper is None:
        heard: Iterable[Facts] = [endpoint.facts]
    else:
        stock = await keeper.stock_of(endpoint.provider)
        heard = layers(endpoint.native_id, stock, keeper.shelf.said(endpoint))
    told: dict[str, list[Fact]] = {}
    for layer in (*heard, *said):
        for name, fact in layer.items():
            told.setdefault(name, []).insert(0, fact)
    return dict(sorted(told.items()))
