"""Statements, run by a real database."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from typing import Any

from pointsman_keys import KeyGrants, VirtualKey
from pointsman_keys.records import AUDIT, CREDENTIALS, KEYS, TEAMS, delete, insert, key_row, now, upsert

TEAM = {"name": "red", "settings": {"tags": ["a"]}, "created_at": "2026"}


def database() -> sqlite3.Connection:
    made = sqlite3.connect(":memory:")
    for table in (KEYS, TEAMS, CREDENTIALS, AUDIT):
        made.execute(
            f"create table {table.name} ({', '.join(table.columns)}, primary key ({table.primary_key}))"
        )
    return made


def rows(made: sqlite3.Connection, table: str) -> list[tuple[Any, ...]]:
    return made.execute(f"select * from {table}").fetchall()


def test_a_row_is_added_changed_and_taken_out() -> None:
    made = database()
    made.execute(*insert(TEAMS, TEAM))
    made.execute(*upsert(TEAMS, {**TEAM, "settings": {}, "updated_at": "2027"}))
    assert rows(made, "teams") == [("red", "{}", "2026", "2027")]
    made.execute(*upsert(TEAMS, {**TEAM, "name": "blue"}))
    made.execute(*delete(TEAMS, "red"))
    assert [each[0] for each in rows(made, "teams")] == ["blue"]


def test_values_are_parameters_and_never_text_of_a_statement() -> None:
    name = "x'); drop table teams; --"
    for statement, values in (insert(TEAMS, {**TEAM, "name": name}), delete(TEAMS, name)):
        assert name not in statement
        assert name in values.values()


def test_data_is_kept_as_json() -> None:
    _, values = insert(AUDIT, {"id": "1", "detail": {"ä": [1]}, "actor": "a"})
    assert json.loads(str(values["detail"])) == {"ä": [1]}
    assert insert(AUDIT, {"id": "1", "detail": None})[1]["detail"] is None


def test_a_key_as_its_row() -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    key = VirtualKey(
        "ab" * 32,
        b"\x01" * 32,
        KeyGrants(name="alice"),
        "ledger",
        (b"\x02" * 32, until),
        "2026",
        "2027",
        "key-root",
        "key-chief",
        {"name": "alice"},
    )
    row = key_row(key)
    assert row == {
        "hash": "ab" * 32,
        "digest": "01" * 32,
        "old_digest": "02" * 32,
        "old_until": "2030-01-01T00:00:00+00:00",
        "name": "alice",
        "settings": {"name": "alice"},
        "creator": "key-root",
        "maker": "key-chief",
        "created_at": "2026",
        "updated_at": "2027",
    }
    assert row.keys() | {"revoked_at"} == KEYS.columns.keys()
    made = database()
    made.execute(*upsert(KEYS, row))
    assert len(rows(made, "keys")) == 1


def test_this_moment_is_utc() -> None:
    assert datetime.fromisoformat(now()).utcoffset() is not None
    assert now().endswith("+00:00")


def test_what_is_kept_of_secrets_is_a_digest_or_sealed() -> None:
    assert {"key", "secret", "text"}.isdisjoint({*KEYS.columns, *CREDENTIALS.columns, *AUDIT.columns})
