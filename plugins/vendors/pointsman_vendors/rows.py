"""The rows of the files in `vendors/`: their shape, and how they are read."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
import msgspec.yaml

from pointsman.dialects import Quirks
from pointsman.errors import PluginError
from pointsman.facts import About

__all__ = ["DIALECT", "DataRow", "QuirksRow", "Vendor", "read_all", "read_vendors"]

DIALECT = "openai-chat"
AT_HOME = "stays with whoever runs the server"
"""What becomes of data that goes to a server on the operator's own machine."""
_BLANK = re.compile(r"\\\{[a-z_]+\\\}")
"""A place in an address, escaped, that each customer fills in for himself."""


class QuirksRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a host departs from the dialect: see `pointsman.dialects.Quirks`."""

    stream_usage: Literal["ask", "always", "never"] = "ask"
    drop: frozenset[str] = frozenset()
    rename: dict[str, str] = {}
    keeps: frozenset[str] = frozenset()
    reasoning: Literal["reasoning_content", "reasoning", "reasoning_details", "never"] | None = None
    continues: Literal["last", "prefix", "final"] | None = None


class DataRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a service says it does with what it is sent, and where it says so; what is not here is unknown."""

    trains: bool | None = None
    retains: bool | None = None
    retention: str = ""
    source: str = ""


class Vendor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service.

    `base_url` ends before the surface's path; `{account}` in it is filled in by each customer. `bases` are
    those of dialects that are elsewhere at the same host. A local server runs on the operator's machine at
    that port and needs no key. `surfaces` are the operations it has, `models` the path of its listing.
    `recorded` says that host and path are those of recorded traffic. `docs` is its own documentation,
    `source` says what the row rests on, and `checked` when that was looked at.
    """

    name: str
    title: str
    base_url: str
    surfaces: tuple[Literal["chat", "completions", "embeddings"], ...]
    docs: str
    source: str
    checked: date
    aliases: tuple[str, ...] = ()
    key_variable: str | None = None
    key_required: bool = True
    local: bool = False
    dialects: tuple[str, ...] = (DIALECT,)
    bases: dict[str, str] = {}
    models: str = "/models"
    quirks: QuirksRow = QuirksRow()
    cancels: bool | None = None
    limit_headers: tuple[str, ...] = ()
    data: DataRow | None = None
    region: str = ""
    headquarters: str = ""
    recorded: bool = False

    def __post_init__(self) -> None:
        if self.key_required and self.key_variable is None:
            raise ValueError("a vendor with key_required names its key_variable")
        if self.local and (self.key_required or self.key_variable is not None):
            raise ValueError("a local server has key_required: false and no key_variable")
        if not self.models.startswith("/") and self.models != "none":
            raise ValueError("models is the path of the listing, as /models, or none")
        for dialect, base in self.bases.items():
            if dialect not in self.dialects:
                raise ValueError(f"bases names dialect {dialect!r}, which is not among the dialects")
            if base.split("/")[:3] != self.base_url.split("/")[:3]:
                raise ValueError(f"the base of {dialect!r} is at another host: its key would go there")
        if self.data is not None and not self.data.source:
            raise ValueError("data names its source, or is left out")

    @property
    def has_blank(self) -> bool:
        """Whether its address has a place that each customer fills in."""
        return "{" in self.base_url

    @property
    def listing(self) -> str | None:
        """The path of its listing of models, or None."""
        return None if self.models == "none" else self.models

    def is_at(self, url: str) -> bool:
        """Whether a base URL is this vendor's own address."""
        return re.fullmatch(_BLANK.sub("[^/]+", re.escape(self.base_url)), url.rstrip("/")) is not None

    def as_quirks(self) -> Quirks:
        """The quirks as the core takes them."""
        row = self.quirks
        return Quirks(
            stream_usage=row.stream_usage,
            drop=row.drop,
            rename=row.rename,
            keeps=row.keeps,
            reasoning=row.reasoning,
            continues=row.continues,
        )

    def about(self, *, here: bool) -> About:
        """What is known of it. At an address that is not the vendor's own (`here` is false) who answers is
        somebody else, of whom nothing is known."""
        data = self.data or (DataRow(False, False, AT_HOME) if self.local else DataRow())
        if not here:
            return About(title=self.title, docs=self.docs)
        return About(
            title=self.title,
            docs=self.docs,
            region=self.region,
            headquarters=self.headquarters,
            trains=data.trains,
            retains=data.retains,
            retention=data.retention,
            cancels=self.cancels,
            limit_headers=self.limit_headers,
            verified=self.recorded,
            source=self.source,
            checked=self.checked.isoformat(),
        )


def read_vendors(path: Path) -> list[Vendor]:
    """The vendors of a file, in its order. Raises PluginError that names the file and the row."""
    try:
        rows = msgspec.yaml.decode(path.read_bytes())
    except msgspec.DecodeError as error:
        raise PluginError(f"{path} is not valid YAML: {error}") from None
    if not isinstance(rows, dict):
        raise PluginError(f"{path} must be a mapping of vendors by name")
    vendors = []
    for name, row in rows.items():
        if not isinstance(name, str) or not isinstance(row, dict):
            raise PluginError(f"{path}, vendor {name!r}: a row is a name with a mapping")
        try:
            vendors.append(msgspec.convert({**row, "name": name}, Vendor))
        except msgspec.ValidationError as error:
            raise PluginError(f"{path}, vendor {name!r}: {error}") from None
    return vendors


def read_all(paths: Iterable[Path]) -> list[Vendor]:
    """The vendors of several files, each name once. Raises PluginError."""
    vendors: list[Vendor] = []
    places: dict[str, Path] = {}
    for path in paths:
        for vendor in read_vendors(path):
            for name in (vendor.name, *vendor.aliases):
                if name in places:
                    raise PluginError(f"{path}, vendor {name!r}: that name is in {places[name]} already")
                places[name] = path
            vendors.append(vendor)
    return vendors
