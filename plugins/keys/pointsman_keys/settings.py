"""What the configuration says of keys, of teams, and of the organisation they are in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, ClassVar, Literal, Self

from pointsman.config import SettingError, setting
from pointsman.exchange import Role
from pointsman.secrets import Secret

__all__ = [
    "DataPolicy",
    "Expiry",
    "Grants",
    "KeyGrants",
    "KeySettings",
    "OrganisationSettings",
    "ProviderData",
    "Settings",
    "TeamSettings",
    "check_keys",
    "check_teams",
]

_HASH = re.compile(r"[0-9a-fA-F]{64}")
_HASH_OF_NOTHING = sha256(b"").hexdigest()
_NAME = re.compile(r"[^\x00-\x1f\x7f|]{1,100}")


def check_hash(key_hash: Secret) -> None:
    """64 hexadecimal digits. Raises SettingError, which never repeats the text: it may be a key."""
    expected = '64 hexadecimal digits: printf %s "$KEY" | sha256sum'
    if not _HASH.fullmatch(key_hash.reveal()):
        hint = "if this is the key itself, take it out of the file: only its SHA-256 belongs here"
        raise SettingError((), "this is not the SHA-256 of a key", expected=expected, hint=hint)
    if key_hash.reveal().lower() == _HASH_OF_NOTHING:
        hint = "was the variable with the key set?"
        raise SettingError((), "this is the SHA-256 of an empty text", expected=expected, hint=hint)


def check_name(name: str) -> None:
    """A name that records and messages can carry. Raises SettingError."""
    if not _NAME.fullmatch(name) or name != name.strip():
        expected = "1 to 100 characters, without `|`, control characters and spaces around them"
        raise SettingError((), f"{name[:100]!r} cannot be a name", expected=expected)


def check_team_name(name: str) -> None:
    """A name that addresses can carry, too. Raises SettingError."""
    check_name(name)
    if "/" in name or name in (".", ".."):
        raise SettingError(
            (), f"{name!r} cannot be a team's name", expected="a name without `/`: it is in URLs"
        )


class Expiry(datetime):
    """A moment, in UTC where the text names no zone."""

    expected: ClassVar[str] = "a date or time such as 2030-01-01 or 2030-01-01T12:00:00Z"
    json_schema: ClassVar[dict[str, Any]] = {"type": "string"}

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ISO 8601. Raises ValueError."""
        try:
            moment = cls.fromisoformat(text)
        except ValueError:
            raise ValueError(f"{text!r} is not a date or time") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)

    @property
    def text(self) -> str:
        """ISO 8601."""
        return self.isoformat()


@dataclass(frozen=True)
class DataPolicy:
    """What those who answer may do with what they are sent. Who says nothing is under what those above
    say."""

    collection: Literal["allow", "deny"] | None = setting(
        default=None, help="deny: only providers that are known to keep nothing and to learn from nothing."
    )
    zdr: bool | None = setting(
        default=None, help="true: only providers that are known to keep nothing (zero data retention)."
    )


@dataclass(frozen=True)
class ProviderData:
    """What a provider does with what it is sent, where the operator knows better than what is known of its
    vendor: by contract, or because it is his own."""

    trains: bool | None = setting(default=None, help="Whether it learns from it.")
    retains: bool | None = setting(default=None, help="Whether it keeps it.")
    retention: str | None = setting(default=None, help="For how long, in words.", example="30 days")


@dataclass(frozen=True)
class Grants:
    """What is allowed at one level: of a key, its team, the team's organisation, all must allow."""

    models: tuple[str, ...] = setting(
        default=("*",), help="Globs of the models that may be used, by name, alias or endpoint."
    )
    providers: tuple[str, ...] = setting(
        default=("*",), help="Globs of the providers that may be used.", example=["lab", "eu-*"]
    )
    surfaces: tuple[str, ...] = setting(
        default=("*",), help="Globs of the operations that may be used.", example=["chat", "embeddings"]
    )
    data_policy: DataPolicy = setting(factory=DataPolicy, example={"collection": "deny"})
    tags: tuple[str, ...] = setting(
        default=(), help="Words of your own, for rules; those of all levels count.", example=["batch"]
    )
    disabled: bool = setting(default=False, help="Refuse it for now.")
    expires: Expiry | None = setting(default=None, help="Refuse it from then on.", example="2030-01-01")
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class KeyGrants(Grants):
    """What a key is, apart from its text."""

    record: ClassVar[str] = "key"
    name: str = setting(
        check=check_name, help="What the key is called in records and messages.", example="alice"
    )
    team: str | None = setting(default=None, help="The team it belongs to, by its name.", example="research")
    role: Role = setting(
        default="member", help="viewer may look, member may call models, admin may do everything."
    )
    explain: bool = setting(default=True, help="Whether it may see decision records.")


@dataclass(frozen=True)
class KeySettings(KeyGrants):
    """A key that clients send."""

    key_hash: Secret = setting(
        check=check_hash,
        help="SHA-256 of the key, in 64 hexadecimal digits; the key itself stands nowhere.",
    )

    @property
    def digest(self) -> bytes:
        """The key's SHA-256."""
        return bytes.fromhex(self.key_hash.reveal())


@dataclass(frozen=True)
class TeamSettings(Grants):
    """Keys that share rules; its name here is what keys name."""

    record: ClassVar[str] = "team"
    role: Role = setting(
        default="member", help="The highest role that its keys may have; its admins manage its keys alone."
    )


@dataclass(frozen=True)
class OrganisationSettings(Grants):
    """What holds for all keys and teams together."""

    record: ClassVar[str] = "organisation"
    name: str = setting(default="organisation", check=check_name, help="What it is called in records.")
    role: Role = setting(default="admin", help="The highest role that its keys may have.")


@dataclass(frozen=True)
class Settings:
    """How wrong keys are answered."""

    wrong_keys: int = setting(
        default=30,
        minimum=0,
        help="After so many wrong keys a minute from one address, further ones must wait. 0 is no limit.",
    )


def check_keys(keys: tuple[KeySettings, ...]) -> None:
    """One name and one digest a key. Raises SettingError at the second."""
    names: set[str] = set()
    digests: set[bytes] = set()
    for index, key in enumerate(keys):
        if key.name in names:
            raise SettingError((index, "name"), f"key {key.name!r} is here twice")
        if key.digest in digests:
            raise SettingError((index, "key_hash"), "two keys have this digest: they are the same key")
        names.add(key.name)
        digests.add(key.digest)


def check_teams(teams: Mapping[str, TeamSettings]) -> None:
    """Names that can be used. Raises SettingError."""
    for name in teams:
        try:
            check_team_name(name)
        except SettingError as error:
            raise SettingError((name,), error.message, expected=error.expected) from None
