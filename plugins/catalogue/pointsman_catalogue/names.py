"""Canonical names: which `author/slug` a vendor's own id of a model stands for.

What OpenRouter calls a model is its name. Another vendor's id is matched to it by the author that the id,
the vendor or the family tells, and by the rest of the id but for case, separators and what hosts add. Where
that leads nowhere, an id of who makes its own models is named after it; anything else has no certain name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import msgspec

from pointsman.config.compose import FASTEST_LOADER

__all__ = ["Named", "Names", "Naming", "Source", "naming"]

DATE = re.compile(r"-20\d{6}$")
REVISION = re.compile(r":\d+$")
VERSION = re.compile(r"-v?\d$")
VERSION_LETTER = re.compile(r"(?<![a-z0-9])v(?=\d)")
POINT = re.compile(r"(?<=\d)p(?=\d)")
SEPARATORS = re.compile(r"[^a-z0-9]+")
LATEST = "-latest"


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How ids of one provider of a source are to be read; see names.yaml."""

    vendor: str = ""
    author: str = ""
    native: str = "{}"
    lower: bool = False
    families: dict[str, str] = {}
    apart: str = ""
    canonical: bool = False
    skip: bool = False


class Naming(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The rules of names.yaml."""

    vendors: dict[str, Source]
    organisations: dict[str, tuple[str, ...]]
    families: dict[str, str]
    paths: tuple[str, ...]
    prefixes: tuple[str, ...]
    publishers: frozenset[str]
    dated: frozenset[str]
    quantizations: dict[str, str]
    aliases: dict[str, str]

    def source(self, provider: str) -> Source:
        """How ids of a provider of genai-prices are read."""
        known = self.vendors.get(provider, Source())
        return known if known.vendor else msgspec.structs.replace(known, vendor=provider)

    def of_kind(self, vendor: str) -> Source:
        """How ids of a kind of provider are read."""
        return next(
            (each for name, each in self.vendors.items() if (each.vendor or name) == vendor), Source()
        )

    def family(self, name: str) -> str:
        """The author of the family that a bare name begins like, or nothing."""
        found = max((each for each in self.families if name.startswith(each)), key=len, default="")
        return self.families.get(found, "")


@cache
def naming() -> Naming:
    """The rules. Raises msgspec.ValidationError for a file that is not well formed."""
    text = Path(__file__).with_name("names.yaml").read_bytes()
    return msgspec.convert(FASTEST_LOADER(text).get_single_data(), Naming)


class Named(NamedTuple):
    """A canonical name; whether it is `certain`; what the id tells of the weights, if it does."""

    model: str
    certain: bool
    quantization: str = ""


class Names:
    """The canonical names there are, and what others' ids mean among them."""

    def __init__(self, canonical: Iterable[str], rules: Naming | None = None) -> None:
        self._rules = rules or naming()
        self._known: dict[tuple[str, str], str] = {}
        ambiguous = set()
        for name in canonical:
            author, _, slug = name.partition("/")
            key = (author, _compact(slug))
            if self._known.setdefault(key, name) != name:
                ambiguous.add(key)
        for key in ambiguous:
            del self._known[key]

    def of(self, vendor: str, native_id: str, author: str = "") -> Named:
        """What a vendor's id means; `author` makes the vendor's own models."""
        org, bare = self._split(native_id)
        family = self._rules.family(bare)
        others = family if org in ("", vendor, *self._rules.publishers) else ""
        authors = dict.fromkeys((*self._authors(org), author, others))
        for form, quantization in self._forms(bare, {*authors}):
            alias = self._rules.aliases.get(form, "")
            if alias and alias.partition("/")[0] in authors:
                return Named(alias, True, quantization)
            for each in authors:
                found = self._known.get((each, _compact(form)))
                if found is not None:
                    return Named(found, True, quantization)
        if author and bare and not org and family in ("", author):
            return Named(f"{author}/{bare}", not bare.endswith(LATEST))
        return Named(f"{vendor}/{native_id}", False)

    def at(self, kind: str, native_id: str) -> Named:
        """What an id means at a kind of provider."""
        source = self._rules.of_kind(kind)
        if source.canonical and all(native_id.partition("/")):
            return Named(native_id, True)
        return self.of(kind, native_id, source.author)

    def _authors(self, org: str) -> tuple[str, ...]:
        return self._rules.organisations.get(org, (org,)) if org else ()

    def _split(self, native_id: str) -> tuple[str, str]:
        """The organisation that an id names, if it does, and the rest, in lower case."""
        text = native_id.lower()
        for path in self._rules.paths:
            text = text.removeprefix(path)
        head, slash, tail = text.rpartition("/")
        if slash:
            return head.rpartition("/")[2], self._bare(tail)
        head, dot, tail = text.partition(".")
        if dot and head.isalpha() and not tail[:1].isdigit():  # anthropic.claude-…, as Bedrock writes
            return head, tail
        return "", self._bare(text)

    def _bare(self, name: str) -> str:
        for prefix in self._rules.prefixes:
            name = name.removeprefix(prefix)
        return name

    def _forms(self, bare: str, authors: set[str]) -> Iterator[tuple[str, str]]:
        """The ways to read a name, the closest first, each with what it tells of the weights."""
        if REVISION.search(bare):
            bare = REVISION.sub("", bare)
            yield bare, ""
            bare = VERSION.sub("", bare)
        yield bare, ""
        if self._rules.dated & authors:
            bare = DATE.sub("", bare.removesuffix(LATEST))
            yield bare, ""
        kept = ""
        for ending in sorted(self._rules.quantizations, key=len, reverse=True):
            if bare.endswith(ending):
                bare, kept = bare.removesuffix(ending), self._rules.quantizations[ending]
                yield bare, kept
                break
        if bare.endswith("-instruct"):
            yield bare.removesuffix("-instruct"), kept


def _compact(slug: str) -> str:
    """A name without what hosts write differently: separators, `p` for a point, `v` of a version."""
    return SEPARATORS.sub("", VERSION_LETTER.sub("", POINT.sub(".", slug.lower())))
