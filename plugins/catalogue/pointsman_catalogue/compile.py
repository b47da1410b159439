"""Rows out of genai-prices: run as a module, in a process of its own, it prints them as JSON.

The package is heavy to import, and only its data is wanted; a server reads what this prints.
"""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import msgspec

from .names import Named, Names, Source, naming
from .pricing import as_price
from .rows import Match, Row

__all__ = ["PACKAGE", "Compiled", "compile_rows", "main"]

PACKAGE = "genai-prices"
NICENESS = 10
BATCH = ":batch"
VARIANTS = (":free", ":extended", ":thinking")


class Compiled(msgspec.Struct, frozen=True):
    """What came of which version; `lost` counts what had no place, by what it was."""

    version: str
    rows: list[Row]
    lost: dict[str, int]

    @property
    def lost_text(self) -> str:
        """`lost` as it is stored."""
        return msgspec.json.encode(self.lost).decode()


def compile_rows(providers: Sequence[Any], package_version: str, day: str = "") -> Compiled:
    """Rows of `genai_prices.data.providers`, those of a vendor in their order there, as of a day (ISO)."""
    lost: Counter[str] = Counter()
    rules = naming()
    ids = [model.id for each in providers if rules.source(each.id).canonical for model in each.models]
    canonical = {each.partition(":")[0] for each in ids if "/" in each and not each.startswith("~")}
    names = Names(canonical | _made(providers, Names(canonical)))
    rows: dict[str, Row] = {}
    for provider in providers:
        source = rules.source(provider.id)
        if source.skip:
            lost["provider"] += 1
            continue
        for row in _rows(provider, source, names, lost, f"{PACKAGE} {package_version}"):
            rows.setdefault(row.id, msgspec.structs.replace(row, place=len(rows), date=day))
    return Compiled(package_version, list(rows.values()), dict(lost))


def _made(providers: Sequence[Any], names: Names) -> set[str]:
    """Canonical names of models that only who makes them names."""
    found = set()
    for provider in providers:
        source = naming().source(provider.id)
        if source.author and not source.skip:
            own = (model.id for model in provider.models if _callable(model.id, source))
            named = (names.of(source.vendor, native_id, source.author) for native_id in own)
            found |= {each.model for each in named if each.certain}
    return found


def _callable(native_id: str, source: Source) -> bool:
    """Whether an id is one that a request for a chat can name, and not the beginning of several, or one of
    OpenRouter's variants."""
    if source.apart and native_id.startswith(source.apart):
        return False
    return not native_id.startswith("ft:") and not native_id.endswith(("-", *VARIANTS))


def _rows(provider: Any, source: Source, names: Names, lost: Counter[str], origin: str) -> Iterator[Row]:
    batches = {each.id: each for each in provider.models if source.canonical and each.id.endswith(BATCH)}
    for model in provider.models:
        if model.id in batches:
            continue
        if not ("/" in model.id if source.canonical else _callable(model.id, source)):
            lost["id"] += 1
            continue
        named = _named(model.id, source, names)
        vendor = source.families.get(named.model.partition("/")[0], source.vendor)
        native = source.native.format(model.id.lower() if source.lower else model.id)
        facts = _facts(model, named, lost)
        batch = batches.get(model.id + BATCH)
        if batch is not None and not _with_batch(facts, as_price(batch, lost)):
            lost["batch"] += 1
        name = named.model if named.certain or source.canonical else f"{vendor}/{native}"
        match = _match(model.match) if native == model.id else None  # it is of ids as the source has them
        if match == Match(equals=native.lower()):
            match = None
        yield Row(name, vendor, native, named.certain, facts, match, source=origin)


def _named(native_id: str, source: Source, names: Names) -> Named:
    """The canonical name of an id; one that moves on, or of a variant, is no model's own."""
    if source.canonical:
        return Named(native_id, not native_id.startswith("~") and ":" not in native_id)
    return names.of(source.vendor, native_id, source.author)


def _facts(model: Any, named: Named, lost: Counter[str]) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    for name, value in (
        ("name", model.name),
        ("description", model.description),
        ("context", model.context_window),
        ("quantization", named.quantization),
        ("price", as_price(model, lost)),
    ):
        if value:
            facts[name] = value
    if model.deprecated:
        facts["deprecated"] = ""
    return facts


def _with_batch(facts: dict[str, Any], batch: Any) -> bool:
    """Put the price of a batch beside the usual one, where neither has a history or hours and long requests
    are the same; whether that is so."""
    price = facts.get("price")
    if not isinstance(price, dict) or not isinstance(batch, dict) or "windows" in {*price, *batch}:
        return False
    usual, long = ([tier["above"] for tier in each.get("tiers", ())] for each in (price, batch))
    if long and long != usual:
        return False
    facts["price"] = {**price, "service_tiers": {**price.get("service_tiers", {}), "batch": batch}}
    return True


def _match(clause: Any) -> Match:
    """A condition of genai-prices on an id."""
    if hasattr(clause, "or_"):
        return Match(any=tuple(map(_match, clause.or_)))
    if hasattr(clause, "and_"):
        return Match(all=tuple(map(_match, clause.and_)))
    if hasattr(clause, "regex"):
        return Match(regex=clause.regex)
    ((name, text),) = vars(clause).items()
    return msgspec.convert({name: text.lower()}, Match)


def main() -> None:
    """Print what came of the version that is installed."""
    from genai_prices.data import providers

    os.nice(NICENESS)  # requests come first
    compiled = compile_rows(providers, version(PACKAGE), datetime.now(UTC).date().isoformat())
    sys.stdout.buffer.write(msgspec.json.encode(compiled))


if __name__ == "__main__":
    main()
