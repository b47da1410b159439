"""Records: keys, teams, their own credentials and the audit log, as the ledger keeps them.

No table has a secret in clear: keys are there by their digests, credentials sealed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pointsman.ledger import Column, Table

from .directory import VirtualKey

__all__ = [
    "AUDIT",
    "CREDENTIALS",
    "FAMILY",
    "KEYS",
    "TEAMS",
    "Statement",
    "delete",
    "insert",
    "key_row",
    "now",
    "upsert",
]

Statement = tuple[str, Mapping[str, object]]

KEYS = Table(
    "keys",
    {
        "hash": Column("text", "What names the key: SHA-256 of its first text, in hexadecimal digits."),
        "digest": Column("text", "SHA-256 of its present text.", required=True),
        "old_digest": Column("text", "SHA-256 of the text before."),
        "old_until": Column("text", "Until when that one is good: UTC, ISO 8601."),
        "name": Column("text", "What the key is called.", required=True),
        "settings": Column("json", "Its settings, as they were given.", required=True),
        "creator": Column("text", "The id of the key that made it."),
        "maker": Column(
            "text", "The same where that was an administrator of a team, whose bounds it is under."
        ),
        "created_at": Column("text", "UTC, ISO 8601.", required=True),
        "updated_at": Column("text", "UTC, ISO 8601."),
        "revoked_at": Column("text", "When it was revoked for good: UTC, ISO 8601."),
    },
    primary_key="hash",
    mutable=True,
)
TEAMS = Table(
    "teams",
    {
        "name": Column("text", "What the team is called."),
        "settings": Column("json", "Its settings, as they were given.", required=True),
        "created_at": Column("text", "UTC, ISO 8601.", required=True),
        "updated_at": Column("text", "UTC, ISO 8601."),
    },
    primary_key="name",
    mutable=True,
)
CREDENTIALS = Table(
    "credentials",
    {
        "id": Column("text", "Team and provider, joined by `|`."),
        "team": Column("text", "The team whose it is.", required=True),
        "provider": Column("text", "The provider it is for.", required=True),
        "sealed": Column("text", "The credential, sealed.", required=True),
        "fingerprint": Column("text", "What tells two of them apart.", required=True),
        "created_at": Column("text", "UTC, ISO 8601.", required=True),
    },
    primary_key="id",
    mutable=True,
)
AUDIT = Table(
    "audit",
    {
        "id": Column("text", "Sorts as things were done."),
        "at": Column("text", "UTC, ISO 8601.", required=True),
        "actor": Column("text", "The name of the key that did it.", required=True),
        "actor_id": Column("text", "The id of that key.", required=True),
        "address": Column("text", "The address it came from."),
        "action": Column("text", "What was done: `key.create`, `team.change`, …", required=True),
        "subject": Column("text", "What it was done to.", required=True),
        "detail": Column("json", "What was given; never a secret."),
    },
    primary_key="id",
    indexes=(("at",),),
)


FAMILY = """key_id in (
with recursive family (id) as (
select :id union select 'key-' || substr(hash, 1, 12) from keys join family on keys.maker = family.id
) select id from family)"""
"""The condition for rows of the key `:id`, and of those that it made and bounds."""


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def insert(table: Table, row: Mapping[str, object]) -> Statement:
    """The statement that adds a row. Values of `json` columns are given as they are."""
    columns = ", ".join(row)
    values = ", ".join(f":{name}" for name in row)
    return f"insert into {table.name} ({columns}) values ({values})", _stored(table, row)  # noqa: S608


def upsert(table: Table, row: Mapping[str, object]) -> Statement:
    """The statement that adds a row, or changes the one of its primary key."""
    statement, values = insert(table, row)
    changes = ", ".join(f"{name} = excluded.{name}" for name in row if name != table.primary_key)
    return f"{statement} on conflict ({table.primary_key}) do update set {changes}", values


def delete(table: Table, key: str) -> Statement:
    """The statement that takes a row out."""
    return f"delete from {table.name} where {table.primary_key} = :key", {"key": key}  # noqa: S608


def key_row(key: VirtualKey) -> dict[str, Any]:
    """A key as its row."""
    digest, until = key.old if key.old is not None else (None, None)
    return {
        "hash": key.hash,
        "digest": key.digest.hex(),
        "old_digest": digest.hex() if digest is not None else None,
        "old_until": until.isoformat() if until is not None else None,
        "name": key.grants.name,
        "settings": dict(key.given),
        "creator": key.creator,
        "maker": key.maker,
        "created_at": key.created_at,
        "updated_at": key.updated_at,
    }


def _stored(table: Table, row: Mapping[str, object]) -> dict[str, object]:
    return {
        name: json.dumps(value) if table.columns[name].type == "json" and value is not None else value
        for name, value in row.items()
    }
