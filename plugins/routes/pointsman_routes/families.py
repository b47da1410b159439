"""Families: `~author/family-latest` means the newest model of a family that a client may use.

Models are of one family whose names differ in nothing but version and date: `acme/large-4`, `acme/large-4.5`
and `acme/4-large` are `acme/large`. The newest is the one that was released last; where that is not known,
the one with the highest version, behind all of which it is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.errors import NotFound
from pointsman.exchange import Actor, Exchange

from .variants import SUFFIXES

__all__ = ["Families", "is_family", "lacks", "newest", "unknown_family", "with_newest"]

MARK, ENDING = "~", "-latest"
LONGEST_SHOWN = 100
VERSION = re.compile(r"v?[0-9]+(\.[0-9]+)*o?")
"""A part of a name that says which of a family: `4`, `v3.1`, `4o`, `20250514`; not a size, as `70b`."""
LETTERS = re.compile(r"([a-z]{2,})([0-9]+(?:\.[0-9]+)*)")
"""A word that its version follows at once, as in `large3`. That of one letter, as in `k2`, stays."""
LONGEST_NUMBER = 5
"""Digits of a number in a version: longer ones are dates."""


class Families:
    """The families of a catalogue, each with its models, the newest first; made anew when it has changed."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._edition = -1
        self._models: Mapping[str, Sequence[Model]] = {}

    def __call__(self) -> Mapping[str, Sequence[Model]]:
        """By name, `author/family`."""
        if self._edition != self._catalogue.edition:
            found: dict[str, list[Model]] = {}
            for model in self._catalogue.models.values():
                author, slash, slug = model.name.partition("/")
                if model.listed and slash and ":" not in slug:
                    found.setdefault(f"{author}/{_family(slug)}", []).append(model)
            for models in found.values():
                models.sort(key=_age, reverse=True)
            self._models, self._edition = found, self._catalogue.edition
        return self._models


def is_family(name: str) -> bool:
    """Whether a name asks for the newest of a family."""
    return name.startswith(MARK)


def lacks(catalogue: Catalogue, name: str, families: Families) -> bool:
    """Whether a name, with a suffix or without, means neither a model nor a family of some, and may not come
    to."""
    base = _split(name)[0]
    if is_family(name):
        return not catalogue.pending and _asked(base) not in families()
    return catalogue.lacks(name) and catalogue.lacks(base)


def newest(exchange: Exchange, name: str, families: Families) -> str | None:
    """The newest model of a family that the client may use and that can be called, with the suffix that was
    asked for."""
    base, suffix = _split(name)
    for model in families().get(_asked(base) or "", ()):
        if _usable(exchange.setup.catalogue, exchange.actor, model):
            return f"{model.name}{suffix}"
    return None


def with_newest(exchange: Exchange, names: Iterable[str], families: Families) -> tuple[str, ...]:
    """Names with models in the place of families; families of which there is none stay."""
    found = [(newest(exchange, name, families) or name) if is_family(name) else name for name in names]
    return tuple(dict.fromkeys(found))


def unknown_family(exchange: Exchange, name: str, families: Families) -> NotFound:
    """What to tell a client that asks for a family of which it may use nothing."""
    shown = name[:LONGEST_SHOWN]
    catalogue, actor = exchange.setup.catalogue, exchange.actor
    usable = [
        f"{MARK}{family}{ENDING}"
        for family, models in families().items()
        if any(_usable(catalogue, actor, model) for model in models)
    ]
    near = get_close_matches(shown, usable, 3)
    hint = f"did you mean {' or '.join(near)}?" if near else f"such a name is {MARK}author/family{ENDING}"
    return NotFound(f"there is no family {shown!r}; {hint}", code="model_not_found", param="model")


def _split(name: str) -> tuple[str, str]:
    """The name of a family, and the suffix behind it with its colon."""
    base, colon, suffix = name.rpartition(":")
    return (base, f":{suffix}") if colon and suffix in SUFFIXES else (name, "")


def _asked(name: str) -> str | None:
    """The family that a name asks for; None where it is none."""
    author, slash, family = name.removeprefix(MARK).partition("/")
    if not (is_family(name) and slash and family.endswith(ENDING)):
        return None
    return f"{author}/{_family(family.removesuffix(ENDING))}"


def _family(slug: str) -> str:
    """A model's name without its version and date."""
    words = []
    for word in slug.lower().split("-"):
        told = LETTERS.fullmatch(word)
        if not VERSION.fullmatch(word):
            words.append(told[1] if told else word)
    return "-".join(words)


def _age(model: Model) -> tuple[bool, int, tuple[int, ...], str]:
    """Sorts the newer behind the older. Of what is told of the model and by its hosts the earliest counts:
    these offer it later than it was released."""
    places: Iterable[Model | Endpoint] = (model, *model.endpoints)
    told = [fact.value for place in places if (fact := place.facts.get("created")) is not None]
    created = min((each for each in told if isinstance(each, int)), default=None)
    return created is not None, created or 0, _version(model.name.partition("/")[2]), model.name


def _version(slug: str) -> tuple[int, ...]:
    words = [word for word in re.findall(r"[0-9]+", slug) if len(word) <= LONGEST_NUMBER]
    return tuple(map(int, words))


def _usable(catalogue: Catalogue, actor: Actor | None, model: Model) -> bool:
    return actor is not None and any(_may(catalogue, actor, model, each) for each in model.endpoints)


def _may(catalogue: Catalogue, actor: Actor, model: Model, endpoint: Endpoint) -> bool:
    provider = endpoint.provider
    if provider.absent is not None if provider.name in actor.keys else provider.unready() is not None:
        return False
    if not actor.bounded:
        return True
    names = catalogue.names_of(model.name, endpoint)
    return actor.may_use(*names) and actor.may_reach(provider.name) and actor.may_tell(provider.about)
