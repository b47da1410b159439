"""Whatever happens to a ledger in whatever order, it holds what a dictionary would."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from pointsman.errors import Conflict, Unavailable
from pointsman.ledger import Column, Table
from pointsman.ledger.groups import Insert
from pointsman.ledger.schema import prepare_schema
from pointsman.ledger.writer import Writer

from .conftest import Disk

COLUMNS = {"id": Column("text", ""), "n": Column("integer", "")}
TABLES = [
    Table("log", COLUMNS, "id"),
    Table("totals", COLUMNS, "id", sums=("n",)),
    Table("notes", COLUMNS, "id", mutable=True),
]
KEYS = st.sampled_from("abc")
NUMBERS = st.one_of(st.none(), st.integers(-5, 5))
PATIENCE = 30.0


class Machine(RuleBasedStateMachine):
    """A writer on a disk that fails and recovers, beside what it must hold."""

    def __init__(self) -> None:
        super().__init__()
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr("pointsman.ledger.writer.LONGEST_RETRY", 0.01)
        self.patch.setattr("pointsman.ledger.writer.FIRST_RETRY", 0.01)
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "ledger.db"
        self.disk = Disk()
        self.expected: dict[str, dict[str, int | None]] = {table.name: {} for table in TABLES}
        self.duplicates = 0
        with closing(sqlite3.connect(self.path)) as connection:
            prepare_schema(connection, TABLES, self.path)
        self.start()

    def start(self) -> None:
        def connect() -> sqlite3.Connection:
            return self.disk.connect(self.path, check_same_thread=False)

        self.writer = Writer(connect)
        self.writer.start(connect(), {table.name: Insert(table) for table in TABLES})

    @rule(table=st.sampled_from(["log", "totals", "notes"]), key=KEYS, number=NUMBERS)
    def put(self, table: str, key: str, number: int | None) -> None:
        self.writer.put(table, (key, number))
        rows = self.expected[table]
        if key not in rows:
            rows[key] = number
        elif table != "totals":
            self.duplicates += 1
        elif number is not None:
            rows[key] = (rows[key] or 0) + number

    @precondition(lambda self: not self.disk.fail_after_commit)
    @rule(changes=st.lists(st.tuples(st.sampled_from(["add", "raise", "drop"]), KEYS), max_size=3))
    def execute(self, changes: list[tuple[str, str]]) -> None:
        sql = {
            "add": "insert into notes (id, n) values (:id, 0)",
            "raise": "update notes set n = coalesce(n, 0) + 1 where id = :id",
            "drop": "delete from notes where id = :id",
        }
        statements: list[tuple[str, Mapping[str, object]]] = [
            (sql[kind], {"id": key}) for kind, key in changes
        ]
        future = self.writer.execute(statements)
        if self.disk.error is not None:
            assert isinstance(future.exception(PATIENCE), Unavailable)
            return
        notes, counts = dict(self.expected["notes"]), []
        for kind, key in changes:
            counts.append(int((key in notes) != (kind == "add")))
            if kind == "add" and key in notes:
                assert isinstance(future.exception(PATIENCE), Conflict)
                return
            if kind == "add":
                notes[key] = 0
            elif kind == "drop":
                notes.pop(key, None)
            elif key in notes:
                notes[key] = (notes[key] or 0) + 1
        assert future.result(PATIENCE) == counts
        self.expected["notes"] = notes

    @precondition(lambda self: self.disk.error is None)
    @rule(where=st.sampled_from(["begin", "pragma", "after the commit"]))
    def take_disk(self, where: str) -> None:
        self.writer.flush().result(PATIENCE)
        self.disk.fail_after_commit = where == "after the commit"
        self.disk.fails_at = where
        self.disk.error = sqlite3.OperationalError("disk I/O error")

    @precondition(lambda self: self.disk.error is not None)
    @rule()
    def give_disk(self) -> None:
        self.writer.flush().exception(PATIENCE)  # what waits has been tried at least once
        self.disk.error, self.disk.fail_after_commit = None, False
        self.check()

    @precondition(lambda self: self.disk.error is None)
    @rule()
    def check(self) -> None:
        self.writer.flush().result(PATIENCE)
        health = self.writer.health()
        assert (health["ok"], health["queued"], health["lost"]) == (True, 0, 0)
        assert health["duplicates"] == self.duplicates
        with closing(sqlite3.connect(self.path)) as connection:
            found = {
                table.name: dict(connection.execute(f"select id, n from {table.name}")) for table in TABLES
            }
        assert found == self.expected

    @precondition(lambda self: self.disk.error is None)
    @rule()
    def start_again(self) -> None:
        self.writer.close()
        self.duplicates = 0
        self.start()

    def teardown(self) -> None:
        self.disk.error, self.disk.fail_after_commit = None, False
        self.check()
        self.writer.close()
        self.folder.cleanup()
        self.patch.undo()


Machine.TestCase.settings = settings(
    max_examples=30,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
TestLedger: Any = Machine.TestCase
