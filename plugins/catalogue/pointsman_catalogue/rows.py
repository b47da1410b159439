"""Rows: what one source says of one vendor's model, as it stands in the ledger and in memory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.facts import Fact
from pointsman.ledger import Column, Table

__all__ = ["ENDPOINTS", "LISTINGS", "SOURCES", "Match", "Row", "as_facts", "matches", "row_of", "stored"]

ENDPOINTS = Table(
    "known_endpoints",
    {
        "id": Column("text", "The vendor, a slash, its own id of the model.", required=True),
        "model": Column("text", "The canonical name, or the id where none is certain.", required=True),
        "vendor": Column("text", "The kind of provider.", required=True),
        "native_id": Column("text", "What the vendor calls the model.", required=True),
        "certain": Column("boolean", "Whether `model` is a canonical name.", required=True),
        "place": Column("integer", "The row's place among those of its source.", required=True),
        "matching": Column("text", "Which other ids are this model's, as JSON."),
        "facts": Column("text", "What is known, by the names of pointsman.facts, as JSON.", required=True),
        "source": Column("text", "Where it comes from.", required=True),
        "date": Column("text", "The day on which it was read there (ISO).", required=True),
    },
    primary_key="id",
    indexes=(("vendor",), ("model",)),
    mutable=True,
)
SOURCES = Table(
    "known_sources",
    {
        "source": Column("text", "What was compiled.", required=True),
        "version": Column("text", "Of which version.", required=True),
        "compiled_at": Column("real", "When, in seconds since 1970.", required=True),
        "rows": Column("integer", "How many rows came of it.", required=True),
        "lost": Column("json", "How often what had no place here."),
    },
    primary_key="source",
    mutable=True,
)
LISTINGS = Table(
    "known_listings",
    {
        "provider": Column("text", "The provider's name in the configuration.", required=True),
        "origin": Column("text", "Whom it was at that time, as base URL or kind.", required=True),
        "listed_at": Column("real", "When it answered, in seconds since 1970.", required=True),
        "models": Column("text", "Ids and facts of the models it listed, as JSON.", required=True),
    },
    primary_key="provider",
    mutable=True,
)

TUPLES = frozenset({"input_modalities", "output_modalities", "parameters"})


class Match(msgspec.Struct, frozen=True, omit_defaults=True):
    """A condition on an id, in lower case: one of these members holds it."""

    equals: str | None = None
    starts_with: str | None = None
    ends_with: str | None = None
    contains: str | None = None
    regex: str | None = None
    any: tuple[Match, ...] = ()
    all: tuple[Match, ...] = ()


class Row(msgspec.Struct, frozen=True):
    """What is known of `native_id` at `vendor`; `facts` are plain values. `model` is canonical where that is
    `certain`, or else the same as `id`."""

    model: str
    vendor: str
    native_id: str
    certain: bool
    facts: dict[str, Any]
    matching: Match | None = None
    place: int = 0
    source: str = ""
    date: str = ""

    @property
    def id(self) -> str:
        """`vendor/native_id`."""
        return f"{self.vendor}/{self.native_id}"

    def known(self) -> dict[str, Fact]:
        """What is known, as facts."""
        return as_facts(self.facts, self.source, self.date)


def matches(match: Match, native_id: str) -> bool:
    """Whether an id in lower case meets a condition."""
    if match.any:
        return any(matches(each, native_id) for each in match.any)
    if match.all:
        return all(matches(each, native_id) for each in match.all)
    if match.regex is not None:
        return re.search(match.regex, native_id) is not None
    if match.equals is not None:
        return native_id == match.equals
    if match.starts_with is not None:
        return native_id.startswith(match.starts_with)
    if match.ends_with is not None:
        return native_id.endswith(match.ends_with)
    return match.contains is not None and match.contains in native_id


def stored(row: Row) -> dict[str, object]:
    """A row as a statement's parameters."""
    return {
        "id": row.id,
        "model": row.model,
        "vendor": row.vendor,
        "native_id": row.native_id,
        "certain": row.certain,
        "place": row.place,
        "matching": msgspec.json.encode(row.matching).decode() if row.matching is not None else None,
        "facts": msgspec.json.encode(row.facts).decode(),
        "source": row.source,
        "date": row.date,
    }


def row_of(values: Mapping[str, Any], shared: dict[bytes, Any]) -> Row:
    """A row of the ledger; equal facts of rows with one `shared` are the same object. Raises
    msgspec.DecodeError for what nobody here has written."""
    matching = values["matching"]
    facts = msgspec.json.decode(values["facts"], type=dict[str, msgspec.Raw])
    return Row(
        values["model"],
        values["vendor"],
        values["native_id"],
        bool(values["certain"]),
        {name: _shared(bytes(raw), shared) for name, raw in facts.items()},
        msgspec.json.decode(matching, type=Match) if matching else None,
        values["place"],
        values["source"],
        values["date"],
    )


def _shared(raw: bytes, shared: dict[bytes, Any]) -> Any:
    value = shared.get(raw)
    if value is None:
        value = shared[raw] = msgspec.json.decode(raw)
    return value


def as_facts(values: Mapping[str, Any], source: str, date: str = "") -> dict[str, Fact]:
    """Facts of plain values; lists become tuples where a fact has those."""
    return {
        name: Fact(tuple(value) if name in TUPLES else value, source, date) for name, value in values.items()
    }
