"""The shelf: what providers offer, with all that is known of it, put into the catalogue.

Facts of lower authority stay where those above say nothing: genai-prices, then the provider's own listing,
then the configuration.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import msgspec

from pointsman.catalogue import Catalogue, Endpoint
from pointsman.facts import Fact, Facts
from pointsman.providers import Provider

from .names import Names
from .rows import Row, as_facts, matches
from .settings import SOURCE, configured

__all__ = ["MODEL_FACTS", "Listing", "Shelf", "Stock", "layers"]

MODEL_FACTS = (
    "name",
    "description",
    "created",
    "context",
    "input_modalities",
    "output_modalities",
    "tokenizer",
)
"""What is told of a model by whoever tells it of an endpoint."""
NOTHING: Mapping[str, Any] = MappingProxyType({})


class Listing(msgspec.Struct, frozen=True):
    """What a provider listed on a day (ISO): the facts it told, by native id, in its order."""

    date: str
    models: dict[str, dict[str, Any]]


class Stock:
    """What is known of one provider's models: rows of its vendor, its own listing if it gave one, and the
    canonical names where its ids are to be matched to them."""

    def __init__(
        self, rows: Sequence[Row] = (), listing: Listing | None = None, names: Names | None = None
    ) -> None:
        self.listing = listing
        self.names = names
        self._own = {row.native_id: row for row in rows}
        self._conditions = [(row.matching, row) for row in rows if row.matching is not None]

    def row(self, native_id: str) -> Row | None:
        """The row of an id: its own, or the first whose condition it meets."""
        own = self._own.get(native_id)
        if own is not None:
            return own
        text = native_id.lower()
        return next((row for matching, row in self._conditions if matches(matching, text)), None)

    def offers(self, provider: Provider) -> Iterator[tuple[str, str]]:
        """The models that a provider offers: the names under which they are listed, and their ids there."""
        for native_id in self._own if self.listing is None else self.listing.models:
            yield self._name(provider, native_id), native_id

    def _name(self, provider: Provider, native_id: str) -> str:
        row = self._own.get(native_id)
        if row is not None and (row.certain or row.model != row.id):
            return row.model
        if row is None and self.names is not None:
            named = self.names.at(provider.kind, native_id)
            if named.certain:
                return named.model
        return f"{provider.name}/{native_id}"


class Shelf:
    """The catalogue of one setup, kept in step with what is known."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._fixed = frozenset(catalogue.models)
        """Models that are there already: who serves them is not for lists to say."""
        self._configured: dict[str, list[Endpoint]] = {}
        self._said: dict[str, dict[str, Any]] = {}
        self._given: dict[str, Facts] = {}
        self._models_given = {name: model.facts for name, model in catalogue.models.items()}
        for model in catalogue.models.values():
            for endpoint in model.endpoints:
                self._configured.setdefault(endpoint.provider.name, []).append(endpoint)
                said = self._said.setdefault(endpoint.id, {})
                said.update({**configured(model.extra), **configured(endpoint.extra)})
                self._given.setdefault(endpoint.id, endpoint.facts)
        self._stocks: dict[str, Stock] = {}
        self._made: dict[str, dict[str, Endpoint]] = {}
        self._shared: dict[object, Fact] = {}
        catalogue.tell = self._tell

    def stock(self, provider: Provider, stock: Stock) -> None:
        """Put a provider's models there, in place of those that were; its configured endpoints keep their
        place and get to know what there is."""
        self._stocks[provider.name] = stock
        self._shared = {}
        for endpoint in self._configured.get(provider.name, ()):
            endpoint.facts = self._facts(endpoint.native_id, endpoint.id, stock)
        before = self._made.get(provider.name, {})
        made = self._made[provider.name] = {}
        offers = []
        for name, native_id in stock.offers(provider):
            endpoint = before.get(native_id) or Endpoint(provider, native_id, NOTHING, extra=NOTHING)
            facts = self._facts(native_id, endpoint.id, stock)
            if facts != endpoint.facts:
                endpoint.facts = facts
            made[native_id] = endpoint
            offers.append((endpoint.id if name in self._fixed else name, endpoint))
        self._catalogue.learn(provider.name, offers)

    def said(self, endpoint: Endpoint) -> Mapping[str, Any]:
        """What the operator says of an endpoint."""
        return self._said.get(endpoint.id, NOTHING)

    def describe(self) -> None:
        """Tell of models what their endpoints tell."""
        for name, model in self._catalogue.models.items():
            told: dict[str, Fact] = {**self._models_given.get(name, NOTHING)}
            for endpoint in reversed(model.endpoints):
                told.update({each: endpoint.facts[each] for each in MODEL_FACTS if each in endpoint.facts})
            said = configured(model.extra) if model.extra else NOTHING
            model.facts = {**told, **as_facts(said, SOURCE)}
        self._catalogue.changed()

    def _tell(self, provider: Provider, native_id: str) -> Facts:
        """What is known of an id that no list names."""
        stock = self._stocks.get(provider.name, Stock())
        return self._facts(native_id, f"{provider.name}/{native_id}", stock)

    def _facts(self, native_id: str, endpoint_id: str, stock: Stock) -> Facts:
        merged: dict[str, Fact] = {**self._given.get(endpoint_id, NOTHING)}
        for layer in layers(native_id, stock, self._said.get(endpoint_id, NOTHING)):
            merged.update(layer)
        return {name: self._share(name, fact) for name, fact in merged.items()}

    def _share(self, name: str, fact: Fact) -> Fact:
        """The same object for equal facts, of which there are many."""
        value = msgspec.json.encode(fact.value) if isinstance(fact.value, dict | list) else fact.value
        return self._shared.setdefault((name, value, fact.source, fact.date), fact)


def layers(native_id: str, stock: Stock, said: Mapping[str, Any]) -> Iterator[Facts]:
    """What is known of a provider's id, the lowest authority first; `said` is the operator's."""
    row = stock.row(native_id)
    if row is not None:
        yield row.known()
    if stock.listing is not None and native_id in stock.listing.models:
        yield as_facts(stock.listing.models[native_id], "the provider's listing", stock.listing.date)
    if said:
        yield as_facts(said, SOURCE)
