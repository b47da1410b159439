"""The catalogue: which models there are, and which endpoints serve them.

A client's `model` resolves in this order: alias, canonical `author/slug`, `provider/native-id`, a native
id that only one endpoint has.
"""

from __future__ import annotations

import difflib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from heapq import nlargest
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from cachetools import LRUCache

from .facts import Facts
from .providers import Provider

if TYPE_CHECKING:
    from .dialects import Codec
    from .lanes import Way

__all__ = ["Catalogue", "Endpoint", "Model", "Resolution"]

MOST_ASKED = 256
LONGEST_ASKED = 200
"""How many ids that no list names are remembered, and the longest of them."""


@dataclass(slots=True, eq=False)
class Endpoint:
    """One model at one provider. `id` is `provider/native-id`.

    `params` are defaults for requests that lack them, `timeout` the longest a whole answer may take, in
    seconds, `extra` what plugins declared for an endpoint, by name, `facts` what is known of it. `ways` are
    those that every request of a client's codec shares; `pointsman.lanes` finds them. `notes` are
    plugins' own data of it, by plugin name.
    """

    provider: Provider
    native_id: str
    params: Mapping[str, Any] = field(default_factory=dict)
    timeout: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    id: str = field(init=False)
    ways: dict[Codec, Way | None] = field(default_factory=dict, init=False, repr=False)
    notes: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.id = f"{self.provider.name}/{self.native_id}"


@dataclass(slots=True, eq=False)
class Model:
    """A canonical model, its aliases and its endpoints in the operator's order. Unlisted models answer
    but do not show."""

    name: str
    endpoints: list[Endpoint] = field(default_factory=list)
    aliases: tuple[str, ...] = ()
    listed: bool = True
    extra: Mapping[str, Any] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Resolution:
    """What a name means: the canonical model, its endpoints, and all names that allow-lists may use."""

    asked: str
    model: str
    endpoints: tuple[Endpoint, ...]
    names: tuple[str, ...]


class Catalogue:
    """Models by name, alias, endpoint and native id."""

    def __init__(self, providers: Mapping[str, Provider]) -> None:
        self.providers = providers
        self.models: dict[str, Model] = {}
        self.pending = False
        """Whether more models may come that are not known yet."""
        self.expected: dict[str, frozenset[str]] = {}
        """By provider that cannot be called as yet: the models that it would have."""
        self.settle: Callable[[], Awaitable[None]] | None = None
        """Waits for those of them that come without anybody being asked."""
        self.edition = 0
        """How often models, endpoints or what is known of them have changed."""
        self._aliases: dict[str, Model] = {}
        self._endpoints: dict[str, tuple[Model, Endpoint]] = {}
        self._native: dict[str, list[tuple[Model, Endpoint]]] = {}
        self.tell: Callable[[Provider, str], Facts] = lambda provider, native_id: {}
        """What is known of a provider's id that no list names."""
        self._learnt: dict[str, dict[tuple[str, str], Endpoint]] = {}
        self._asked: LRUCache[str, tuple[Model, Endpoint]] = LRUCache(MOST_ASKED)
        self._resolved: dict[str, Resolution] = {}
        """What names of this catalogue mean; never names that only clients know."""

    def add(self, model: Model) -> None:
        """Add a model, or endpoints and aliases to one that is there. The first of an endpoint counts."""
        self.changed()
        present = self.models.setdefault(model.name, Model(model.name, listed=model.listed))
        present.aliases = tuple(dict.fromkeys((*present.aliases, *model.aliases)))
        present.extra = {**model.extra, **present.extra}
        present.facts = {**model.facts, **present.facts}
        for alias in model.aliases:
            self._aliases.setdefault(alias, present)
        for endpoint in model.endpoints:
            if any(endpoint.id == other.id for other in present.endpoints):
                continue
            present.endpoints.append(endpoint)
            self._endpoints.setdefault(endpoint.id, (present, endpoint))
            self._native.setdefault(endpoint.native_id, []).append((present, endpoint))

    def changed(self) -> None:
        """What was made out of the catalogue is out of date. Whoever changes facts in place says so."""
        self.edition += 1
        self._resolved.clear()

    def learn(self, provider: str, offers: Iterable[tuple[str, Endpoint]]) -> None:
        """Take what a provider offers, models' names and its endpoints of them, in place of what it offered
        before. What it goes on offering stays the same, and what was added otherwise stays in any case.

        The endpoints of a model that are learnt stand behind those that are not, in the providers' order.
        """
        self.changed()
        self._asked.clear()
        before = self._learnt.get(provider, {})
        now: dict[tuple[str, str], Endpoint] = {}
        for name, endpoint in offers:
            key = (name, endpoint.id)
            present = self.models.get(name)
            if key in before or present is None or all(each.id != endpoint.id for each in present.endpoints):
                now[key] = before.get(key, endpoint)
        self._learnt[provider] = now
        for (name, _), endpoint in [each for each in before.items() if each[0] not in now]:
            self._forget(name, endpoint)
        for (name, _), endpoint in [each for each in now.items() if each[0] not in before]:
            self.add(Model(name, [endpoint]))
            self._sort(name)

    def _sort(self, name: str) -> None:
        """Put the endpoints of a model that were learnt behind the others, in the providers' order."""

        def place(endpoint: Endpoint) -> int:
            provider = endpoint.provider.name
            learnt = (name, endpoint.id) in self._learnt.get(provider, ())
            return list(self.providers).index(provider) if learnt else -1

        endpoints = self.models[name].endpoints
        if len(endpoints) > 1:
            endpoints.sort(key=place)

    def _forget(self, name: str, endpoint: Endpoint) -> None:
        """Take away an endpoint of a model, and the model with the last."""
        present = self.models[name]
        present.endpoints.remove(endpoint)
        places = self._native[endpoint.native_id]
        places.remove((present, endpoint))
        if self._endpoints[endpoint.id] == (present, endpoint):
            del self._endpoints[endpoint.id]
            self._endpoints.update({place[1].id: place for place in places if place[1].id == endpoint.id})
        if not places:
            del self._native[endpoint.native_id]
        if not present.endpoints:
            del self.models[name]

    def resolve(self, name: str) -> Resolution | None:
        """What `name` means, or None. A provider that takes unlisted ids makes an endpoint for one."""
        known = self._resolved.get(name)
        if known is not None:
            return known
        model = self._aliases.get(name) or self.models.get(name)
        if model is not None:
            known = Resolution(name, model.name, tuple(model.endpoints), (name, model.name, *model.aliases))
            self._resolved[name] = known
            return known
        found = self._endpoints.get(name) or self._unlisted(name)
        if found is None:
            native = {endpoint.id: (model, endpoint) for model, endpoint in self._native.get(name, ())}
            if len(native) == 1:
                (found,) = native.values()
        if found is None:
            return None
        model, endpoint = found
        return Resolution(name, model.name, (endpoint,), (name, model.name, endpoint.id, *model.aliases))

    async def settled(self, names: Iterable[str]) -> None:
        """Wait for models that are still to come, if one of `names` means nothing without them."""
        if self.settle is not None and any(self.resolve(name) is None for name in names):
            await self.settle()

    def lacks(self, name: str) -> bool:
        """Whether `name` means nothing, and is not one of those that may still come."""
        known = self.pending or self.resolve(name) is not None
        return not known and not any(name in names for names in self.expected.values())

    def _unlisted(self, name: str) -> tuple[Model, Endpoint] | None:
        prefix, slash, native = name.partition("/")
        provider = self.providers.get(prefix)
        if not slash or not native or provider is None or not provider.takes(native):
            return None
        found = self._asked.get(name)
        if found is None:
            endpoint = Endpoint(provider, native, facts=self.tell(provider, native))
            found = (Model(name, listed=False), endpoint)
            if len(name) <= LONGEST_ASKED:
                self._asked[name] = found
        return found

    def names_of(self, model: str, endpoint: Endpoint) -> tuple[str, ...]:
        """Every name by which a client could ask for an endpoint of a model: what an allow-list may say."""
        present = self.models.get(model)
        names = (model, endpoint.id, *(present.aliases if present is not None else ()))
        native = self.resolve(endpoint.native_id)
        if native is not None and [each.id for each in native.endpoints] == [endpoint.id]:
            return (*names, endpoint.native_id)
        return names

    def near(self, name: str, *, among: Iterable[str] | None = None) -> list[str]:
        """Up to three listed names that look like `name`: the closest of those that share most pairs of
        letters with it, since to compare all of thousands takes seconds."""
        pool = {each.lower(): each for each in (among if among is not None else self.names())}
        wanted, tail = name.lower(), name.lower().rpartition("/")[2]
        pairs = {*pairwise(wanted)}
        alike = nlargest(64, pool, lambda each: len(pairs & {*pairwise(each)}) / (1 + len(each + wanted)))
        close = difflib.get_close_matches(wanted, alike, 3, 0.6)
        close += [each for each in pool if each not in close and each.rpartition("/")[2] == tail]
        return [pool[each] for each in close[:3]]

    def names(self) -> Iterator[str]:
        """Every listed model's name, then every alias."""
        for model in self.models.values():
            if model.listed:
                yield model.name
        for alias, model in self._aliases.items():
            if model.listed:
                yield alias

    def __len__(self) -> int:
        return sum(1 for model in self.models.values() if model.listed)
