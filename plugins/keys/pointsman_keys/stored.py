"""Stored: keys, teams and credentials out of the ledger, at start-up.

What cannot be read is refused: a key with settings that no plugin knows any more is known and shut, rather
than let in with less than what bounded it.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pointsman.config import ConfigError, Schema, build_data
from pointsman.ledger import Ledger

from .directory import Directory, TeamRecord, VirtualKey
from .settings import KeyGrants, TeamSettings

__all__ = ["load"]

log = logging.getLogger(__name__)

SELECT_TEAMS = "select * from teams"
SELECT_KEYS = "select * from keys where revoked_at is null"


async def load(ledger: Ledger, schema: Schema, directory: Directory) -> None:
    """Put what the ledger has into the directory. What the configuration has under a name stays."""
    for row in await ledger.select(SELECT_TEAMS):
        if row["name"] in directory.teams:
            log.warning("team %r of the ledger gives way to that of the configuration", row["name"])
            continue
        grants, fault = _grants(schema, TeamSettings, row["settings"])
        if fault is not None:
            log.error("team %r cannot be used: %s", row["name"], fault)
            grants = TeamSettings(disabled=True)
        directory.put_team(
            TeamRecord(
                row["name"], grants, "ledger", row["created_at"], row["updated_at"], given=row["settings"]
            )
        )
    for row in await ledger.select(SELECT_KEYS):
        _add_key(schema, directory, row)


def _add_key(schema: Schema, directory: Directory, row: Mapping[str, Any]) -> None:
    name, digest = row["name"], bytes.fromhex(row["digest"])
    if digest in directory.known or directory.key(row["hash"]) is not None:
        log.warning("key %r of the ledger gives way to that of the configuration", name)
        return
    grants, fault = _grants(schema, KeyGrants, row["settings"])
    if fault is not None:
        log.error("key %r cannot be used: %s", name, fault)
        grants, fault = KeyGrants(name=name, disabled=True), f"key {name!r} has settings that cannot be used"
    old = None
    if row["old_digest"] is not None:
        old = bytes.fromhex(row["old_digest"]), datetime.fromisoformat(row["old_until"])
    directory.put(
        VirtualKey(
            row["hash"],
            digest,
            grants,
            "ledger",
            old,
            row["created_at"],
            row["updated_at"],
            row["creator"],
            row["settings"],
            fault,
        )
    )


def _grants(schema: Schema, type_: type, given: Mapping[str, Any]) -> tuple[Any, str | None]:
    """Settings, or why there are none."""
    try:
        return build_data(schema, type_, given), None
    except ConfigError as error:
        return None, "; ".join(problem.message for problem in error.problems)
