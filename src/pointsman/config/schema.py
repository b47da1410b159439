"""The schema: everything that may stand in a configuration, and who claims it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

from pointsman.errors import StartupError

from .declare import FieldSpec, RecordSpec, help_of, one_line, record_spec, records_within
from .kinds import Record, kind_of

__all__ = ["Claim", "Details", "PluginClaim", "Schema"]

RESERVED = ("plugins",)


class Details(TypedDict, total=False):
    """What a declaration may say further; see `setting`."""

    example: Any
    minimum: float | None
    maximum: float | None
    check: Callable[[Any], None] | None


@dataclass(frozen=True, slots=True)
class Claim:
    """A section, or a field added to an open record, and its owner."""

    owner: str
    spec: FieldSpec


@dataclass(frozen=True, slots=True)
class PluginClaim:
    """A plugin's place under `plugins:`; without settings of its own `spec` is None."""

    owner: str
    spec: RecordSpec | None


class Schema:
    """Collects the claims of the core and the plugins. Two claims on one name are a StartupError."""

    def __init__(self) -> None:
        self._sections: dict[str, Claim] = {}
        self._plugins: dict[str, PluginClaim] = {}
        self._fields: dict[str, dict[str, Claim]] = {}

    def section(
        self,
        name: str,
        type: Any,
        *,
        owner: str,
        default: Any = ...,
        factory: Callable[[], Any] | None = None,
        help: str = "",
        **details: Unpack[Details],
    ) -> None:
        """Declare a top-level section.

        Without `default` and `factory` an absent section is an empty one: the file must have it only if
        something in it is required. Raises StartupError for a name taken or a type no setting can have.
        """
        if name in self._sections or name in RESERVED:
            taken = self._sections[name].owner if name in self._sections else "core"
            raise StartupError(f"section {name!r} is claimed twice: by {taken} and by {owner}")
        self._sections[name] = _claim(
            owner,
            f"section {name!r}",
            name,
            type,
            default=default,
            factory=factory,
            help=help,
            **details,
        )

    def plugin(self, name: str, type: Any, *, owner: str) -> None:
        """Declare a plugin's settings, a settings class. Raises StartupError as `section` does."""
        if name in self._plugins:
            taken = self._plugins[name].owner
            raise StartupError(f"plugin section {name!r} is claimed twice: by {taken} and by {owner}")
        where = f"the settings of plugin {name!r}"
        claim = _claim(owner, where, name, type, help=f"Settings of {name}.")
        if not isinstance(claim.spec.kind, Record):
            raise StartupError(f"{owner}: {where} must be a settings class, not {type!r}")
        spec = record_spec(claim.spec.kind.type)
        if "order" in spec.fields:
            raise StartupError(
                f"{owner}: {where} may not have a key `order`: it places the plugin among others"
            )
        self._plugins[name] = PluginClaim(owner, spec)

    def admit_plugin(self, name: str) -> None:
        """Let a plugin stand under `plugins:` even if it declared no settings."""
        self._plugins.setdefault(name, PluginClaim(name, None))

    def field(
        self,
        record: str,
        name: str,
        type: Any,
        *,
        owner: str,
        default: Any = None,
        factory: Callable[[], Any] | None = None,
        help: str = "",
        **details: Unpack[Details],
    ) -> None:
        """Add a key to an open record; its value arrives in `extra[name]`. Raises as `section` does."""
        claims = self._fields.setdefault(record, {})
        if name in claims:
            taken = claims[name].owner
            raise StartupError(f"key {name!r} of {record!r} is claimed twice: by {taken} and by {owner}")
        where = f"key {name!r} of {record!r}"
        claims[name] = _claim(
            owner,
            where,
            name,
            type,
            default=... if factory else default,
            factory=factory,
            help=help,
            **details,
        )

    @property
    def sections(self) -> Mapping[str, Claim]:
        """Top-level sections by name, `plugins` not among them."""
        return self._sections

    @property
    def plugins(self) -> Mapping[str, PluginClaim]:
        """What may stand under `plugins:`."""
        return self._plugins

    def fields(self, record: str | None) -> Mapping[str, Claim]:
        """The keys that plugins added to an open record."""
        return self._fields.get(record, {}) if record is not None else {}

    def records(self) -> dict[type, tuple[str, RecordSpec]]:
        """Every settings class that the schema leads to, with the owner that led there first."""
        found: dict[type, tuple[str, RecordSpec]] = {}
        claims = [
            *self._sections.values(),
            *(each for added in self._fields.values() for each in added.values()),
        ]
        kinds = [(claim.owner, claim.spec.kind) for claim in claims]
        kinds += [(claim.owner, Record(claim.spec.type)) for claim in self._plugins.values() if claim.spec]
        for owner, kind in kinds:
            for type_, spec in records_within(kind).items():
                found.setdefault(type_, (owner, spec))
        return found

    def verify(self) -> None:
        """Check what only shows when every claim is in. Raises StartupError.

        A key added to an open record must not be one that the record has. A record that nobody declares may
        be a plugin's that is off; one that is nearly another's name is a mistake.
        """
        open_records = {
            spec.record: (owner, spec) for owner, spec in self.records().values() if spec.record is not None
        }
        for record, claims in self._fields.items():
            for name, claim in claims.items():
                if record not in open_records:
                    near = difflib.get_close_matches(record, open_records, 1)
                    if not near:  # its owner is off: the key waits with it
                        continue
                    raise StartupError(
                        f"{claim.owner} adds key {name!r} to unknown record {record!r}; "
                        f"did you mean {near[0]!r}?"
                    )
                owner, spec = open_records[record]
                if name in spec.fields or name == spec.names:
                    raise StartupError(
                        f"key {name!r} of {record!r} is claimed twice: by {owner} and by {claim.owner}"
                    )


def _claim(owner: str, where: str, name: str, type_: Any, **fields: Any) -> Claim:
    """A checked claim; `fields` are the further ones of FieldSpec."""
    if name.startswith("x-"):
        raise StartupError(f"{owner}: {where}: names that begin with x- are free for operators")
    try:
        kind = kind_of(type_)
        records_within(kind)
    except TypeError as error:
        raise StartupError(f"{owner}: {where}: {error}") from None
    fields["help"] = one_line(fields["help"] or help_of(kind))
    if not fields["help"]:
        raise StartupError(f"{owner}: {where} needs a help text")
    return Claim(owner, FieldSpec(name, kind, **fields))
