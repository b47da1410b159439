"""The rows of `vendors.yaml`: their shape, and how they are read."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
import yaml

from pointsman.dialects import Quirks
from pointsman.errors import PluginError

__all__ = ["DIALECT", "QuirksRow", "Vendor", "read_vendors"]

DIALECT = "openai-chat"


class QuirksRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a host departs from the dialect: see `pointsman.dialects.Quirks`."""

    stream_usage: Literal["ask", "always", "never"] = "ask"
    drop: frozenset[str] = frozenset()
    rename: dict[str, str] = {}
    keeps: frozenset[str] = frozenset()
    reasoning: Literal["reasoning_content", "reasoning", "reasoning_details", "never"] | None = None


class Vendor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One service.

    `base_url` ends before the surface's path. A local server runs on the operator's machine at that port
    and needs no key. `surfaces` are the operations it has. `docs` is its own documentation, `source` says
    what the row rests on, and `checked` when that was looked at.
    """

    name: str
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
    quirks: QuirksRow = QuirksRow()

    def __post_init__(self) -> None:
        if self.key_required and self.key_variable is None:
            raise ValueError("a vendor with key_required names its key_variable")
        if self.local and (self.key_required or self.key_variable is not None):
            raise ValueError("a local server has key_required: false and no key_variable")

    @property
    def local_url(self) -> str | None:
        """Where a local server of this kind usually is."""
        return self.base_url if self.local else None

    def as_quirks(self) -> Quirks:
        """The quirks as the core takes them."""
        row = self.quirks
        return Quirks(
            stream_usage=row.stream_usage,
            drop=row.drop,
            rename=row.rename,
            keeps=row.keeps,
            reasoning=row.reasoning,
        )


def read_vendors(path: Path) -> list[Vendor]:
    """The vendors of a file, in its order. Raises PluginError that names the file and the row."""
    try:
        rows = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
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
