"""Stored: keys, teams and credentials out of the ledger, at start-up.

What cannot be read is refused: a key with settings that no plugin knows any more is known and shut, rather
than let in with less than what bounded it.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from pointsman.config import ConfigError, Schema, build_data
from pointsman.errors import StartupError
from pointsman.ledger import Ledger, reader
from pointsman.setup import Setup

from .directory import Directory, TeamRecord, VirtualKey
from .records import KEYS, TEAMS
from .settings import KeyGrants, TeamSettings

__all__ = ["load", "peek"]

log = logging.getLogger(__name__)

SELECT_TEAMS = "select * from teams"
SELECT_KEYS = "select * from keys where revoked_at is null"
SELECT_MAKERS = """
select * from keys
where revoked_at is not null and 'key-' || substr(hash, 1, 12) in (select maker from keys)
"""
"""Keys that have ended and whose bounds hold for keys that they made."""

Row = Mapping[str, Any]


async def load(ledger: Ledger, schema: Schema, directory: Directory) -> None:
    """Put what the ledger has into the directory. What the configuration has under a name stays."""
    teams, keys = await ledger.select(SELECT_TEAMS), await ledger.select(SELECT_KEYS)
    makers = await ledger.select(SELECT_MAKERS) if _has_makers(keys) else []
    _fill(schema, directory, teams, makers, keys)


def peek(setup: Setup, directory: Directory) -> None:
    """The same from the file on disk, beside a server that runs or without one; nothing where there is no
    ledger yet."""
    try:
        ledger = reader(setup.core.ledger.url, setup.base)
    except StartupError as error:
        log.debug("keys of the ledger are not known: %s", error)
        return
    with ledger:
        if not all(map(ledger.has_table, (KEYS.name, TEAMS.name))):
            return
        teams, keys = ledger.select_sync(SELECT_TEAMS), ledger.select_sync(SELECT_KEYS)
        makers = ledger.select_sync(SELECT_MAKERS) if _has_makers(keys) else []
    _fill(setup.schema, directory, teams, makers, keys)


def _has_makers(keys: Iterable[Row]) -> bool:
    return any(row.get("maker") is not None for row in keys)


def _fill(
    schema: Schema, directory: Directory, teams: Iterable[Row], makers: Iterable[Row], keys: Iterable[Row]
) -> None:
    for row in teams:
        _add_team(schema, directory, row)
    for row in makers:
        directory.retire(_key(schema, row))
    for row in keys:
        key = _key(schema, row)
        if not directory.offer(key):
            log.warning("key %r of the ledger gives way to that of the configuration", key.grants.name)
    for key in directory:
        if directory.maker_is_lost(key):
            log.warning(
                "key %r was made by %s, which is not there any more: its bounds do not hold",
                key.grants.name,
                key.maker,
            )


def _add_team(schema: Schema, directory: Directory, row: Row) -> None:
    grants, fault = _grants(schema, TeamSettings, row["settings"])
    if fault is not None:
        log.error("team %r cannot be used: %s", row["name"], fault)
        grants = TeamSettings(disabled=True)
    created, updated = row["created_at"], row["updated_at"]
    team = TeamRecord(row["name"], grants, "ledger", created, updated, given=row["settings"])
    if not directory.offer(team):
        log.warning("team %r of the ledger gives way to that of the configuration", team.name)


def _key(schema: Schema, row: Row) -> VirtualKey:
    name, digest = row["name"], bytes.fromhex(row["digest"])
    grants, fault = _grants(schema, KeyGrants, row["settings"])
    if fault is not None:
        log.error("key %r cannot be used: %s", name, fault)
        grants, fault = KeyGrants(name=name, disabled=True), f"key {name!r} has settings that cannot be used"
    old = None
    if row["old_digest"] is not None:
        old = bytes.fromhex(row["old_digest"]), datetime.fromisoformat(row["old_until"])
    return VirtualKey(
        row["hash"],
        digest,
        grants,
        "ledger",
        old,
        row["created_at"],
        row["updated_at"],
        row["creator"],
        row.get("maker"),
        row["settings"],
        fault,
    )


def _grants(schema: Schema, type_: type, given: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Settings, or why there are none."""
    try:
        return build_data(schema, type_, given), None
    except ConfigError as error:
        return None, "; ".join(problem.message for problem in error.problems)
