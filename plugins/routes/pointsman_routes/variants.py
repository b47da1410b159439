"""Variants: a model's name with a suffix that says how its endpoints are chosen, as `acme/large:floor`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pointsman.catalogue import Catalogue, Resolution

from .preferences import By
from .tiers import Tier

__all__ = ["SUFFIXES", "Variant", "unsuffixed", "varied"]


@dataclass(frozen=True, slots=True)
class Variant:
    """What a suffix asks: in which order the endpoints are tried, and that they cost nothing. `free_first`
    says that the model is asked for without it, too: then those that cost nothing come first. `tier` is the
    service tier in which they may be asked, too."""

    suffix: str
    by: By | None = None
    free: bool = False
    free_first: bool = False
    tier: Tier | None = None


SUFFIXES: Mapping[str, Variant] = {
    each.suffix: each
    for each in (
        Variant("floor", "price", tier="flex"),
        Variant("nitro", "throughput", tier="priority"),
        Variant("exacto", "exacto"),
        Variant("free", free=True),
    )
}


def varied(names: Iterable[str], catalogue: Catalogue) -> tuple[tuple[str, ...], dict[str, Variant]]:
    """The names without their suffixes, each once, and by canonical model what a suffix asks.

    A name that is a model's as it stands has none. Of several for one model the first counts.
    """
    plain: dict[str, None] = {}
    found: dict[str, Variant | None] = {}
    for name in names:
        base, variant = _split(name, catalogue)
        plain[base] = None
        resolution = catalogue.resolve(base)
        if resolution is None:
            continue
        model = resolution.model
        before = found.get(model)
        if variant is None and before is not None and before.free:
            found[model] = Variant(before.suffix, before.by, free_first=True)
        found.setdefault(model, variant)
    return tuple(plain), {model: variant for model, variant in found.items() if variant is not None}


def unsuffixed(name: str, catalogue: Catalogue) -> str:
    """A model's name without its suffix."""
    return _split(name, catalogue)[0] if ":" in name else name


def _split(name: str, catalogue: Catalogue) -> tuple[str, Variant | None]:
    base, _, suffix = name.rpartition(":")
    variant = SUFFIXES.get(suffix)
    if variant is None or not base or _listed(catalogue, catalogue.resolve(name)):
        return name, None
    return (base, variant) if _listed(catalogue, catalogue.resolve(base)) else (name, None)


def _listed(catalogue: Catalogue, resolution: Resolution | None) -> bool:
    """Whether a name is that of a model which is known to be there, rather than one a provider may have."""
    return resolution is not None and resolution.model in catalogue.models
