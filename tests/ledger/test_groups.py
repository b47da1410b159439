"""What one commit writes."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import Conflict
from pointsman.ledger import Column, Table
from pointsman.ledger.groups import Insert, Transaction, last_mark, new_mark, protect, write_group
from pointsman.ledger.schema import prepare_schema

TEXT, NUMBER = Column("text", ""), Column("integer", "")
LOG = Table("log", {"id": TEXT, "n": NUMBER}, "id")
TOTALS = Table(
    "totals", {"n": NUMBER, "id": TEXT, "x": Column("real", ""), "note": TEXT}, "id", sums=("n", "x")
)
NOTES = Table("notes", {"id": TEXT, "n": NUMBER}, "id", mutable=True)
TABLES = [LOG, TOTALS, NOTES]


def total(rows: Sequence[tuple[Any, ...]]) -> Mapping[str, Sequence[tuple[Any, ...]]]:
    return {"totals": [(n, kind, None, None) for _, kind, n in rows]}


SALES = Table("sales", {"id": TEXT, "kind": TEXT, "n": NUMBER}, "id", derive=total)
TABLES.append(SALES)
INSERTS = {table.name: Insert(table) for table in TABLES}


@pytest.fixture
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        prepare_schema(connection, TABLES, Path("ledger.db"))
        yield connection


def transaction(*statements: tuple[str, Mapping[str, object]]) -> Transaction:
    return Transaction(statements, Future())


def write(connection: sqlite3.Connection, *group: Any) -> tuple[list[Any], int]:
    outcomes, duplicates = write_group(connection, INSERTS, group, new_mark())
    return [outcome for _, outcome in outcomes], duplicates


def rows(connection: sqlite3.Connection, table: str) -> list[Any]:
    return connection.execute(f"select * from {table} order by id").fetchall()


@pytest.mark.parametrize("apart", [False, True])
def test_rows_of_one_key_are_added_up_and_null_adds_nothing(
    connection: sqlite3.Connection, apart: bool
) -> None:
    given = [
        ("totals", (1, "a", None, "first")),
        ("totals", (None, "b", None, "b")),
        ("totals", (2, "a", 0.5, "second")),
        ("totals", (None, "a", 0.25, None)),
        ("totals", (5, "b", None, None)),
        ("totals", (None, "c", None, None)),
        ("totals", (None, "c", None, None)),
    ]
    for group in [[row] for row in given] if apart else [given]:
        assert write(connection, *group) == ([], 0)
    assert rows(connection, "totals") == [
        (3, "a", 0.75, "first"),
        (5, "b", None, "b"),
        (None, "c", None, None),
    ]


def test_a_row_there_already_is_ignored_and_told(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture
) -> None:
    given = [("log", ("1", 1)), ("log", ("2", None)), ("log", ("1", 2)), ("log", ("3", 3))]
    assert write(connection, *given) == ([], 1)
    assert write(connection, ("log", ("2", 7))) == ([], 1)
    in_order = connection.execute("select * from log order by rowid").fetchall()
    assert in_order == [("1", 1), ("2", None), ("3", 3)]
    assert "1 rows of log were there already" in caplog.text


def test_rows_with_nulls_in_all_places_come_back_as_they_are(connection: sqlite3.Connection) -> None:
    wide = Table("wide", {"id": NUMBER, **{name: Column("boolean", "") for name in "abc"}}, "id")
    prepare_schema(connection, [wide], Path("ledger.db"))
    choices = [None, True, False]
    every = [(number, *each) for number, each in enumerate(product(choices, choices, choices))]
    assert Insert(wide).write(connection, every) == 0
    assert rows(connection, "wide") == every


def test_what_follows_from_rows_is_written_with_them(connection: sqlite3.Connection) -> None:
    write(connection, ("sales", ("1", "tea", 2)), ("sales", ("2", "jam", 3)), ("sales", ("3", "tea", 5)))
    write(connection, ("sales", ("4", "tea", 10)))
    assert [row[:2] for row in rows(connection, "totals")] == [(3, "jam"), (17, "tea")]
    connection.execute("create trigger no before insert on totals begin select raise(abort, 'full'); end")
    with pytest.raises(sqlite3.IntegrityError, match="full"):
        write(connection, ("sales", ("5", "tea", 1)))
    assert len(rows(connection, "sales")) == 4


@pytest.mark.parametrize("derived", [lambda rows: {"nowhere": [(1,)]}, lambda rows: 1 / 0])
def test_rows_are_written_though_what_follows_from_them_cannot_be_told(
    connection: sqlite3.Connection, caplog: pytest.LogCaptureFixture, derived: Any
) -> None:
    inserts = {**INSERTS, "log": Insert(replace(LOG, derive=derived))}
    assert write_group(connection, inserts, [("log", ("1", 1))], new_mark()) == ([], 0)
    assert rows(connection, "log") == [("1", 1)]
    assert "what follows from 1 rows of log is not written" in caplog.text


def test_a_transaction_sees_the_rows_before_it_and_not_the_changeable_ones_after(
    connection: sqlite3.Connection,
) -> None:
    count = ("update notes set n = n + (select count(*) from log) where id = :id", {"id": "a"})
    outcomes, duplicates = write(
        connection,
        ("notes", ("a", 10)),
        ("log", ("1", 1)),
        transaction(count, ("update notes set n = 0 where id = :id", {"id": "b"})),
        ("notes", ("b", 20)),
        ("log", ("1", 1)),
    )
    assert (outcomes, duplicates) == ([[1, 0]], 1)
    assert rows(connection, "notes") == [("a", 11), ("b", 20)]


def test_a_transaction_at_fault_fails_alone_and_whole(connection: sqlite3.Connection) -> None:
    add = "insert into notes (id, n) values (:id, :n)"
    (conflict, wrong, incomplete, huge, good), _ = write(
        connection,
        ("log", ("1", 1)),
        transaction((add, {"id": "a", "n": 1}), (add, {"id": "a", "n": 2})),
        transaction((add, {"id": "b", "n": 1}), ("update nowhere set n = 1", {})),
        transaction((add, {"id": "c"})),
        transaction((add, {"id": "d", "n": 2**63})),
        transaction((add, {"id": "e", "n": 1})),
    )
    assert isinstance(conflict, Conflict)
    assert (conflict.status, conflict.detail) == (409, "ledger: UNIQUE constraint failed: notes.id")
    assert isinstance(wrong, sqlite3.OperationalError)
    assert isinstance(incomplete, sqlite3.ProgrammingError)
    assert isinstance(huge, OverflowError)
    assert good == [1]
    assert (rows(connection, "log"), rows(connection, "notes")) == ([("1", 1)], [("e", 1)])


def test_where_the_disk_refuses_nothing_is_written(connection: sqlite3.Connection) -> None:
    before = new_mark()
    write_group(connection, INSERTS, [], before)
    pages = connection.execute("pragma page_count").fetchone()[0]
    connection.execute(f"pragma max_page_count = {pages}")
    large = transaction(("insert into notes (id, n) values (:id, 1)", {"id": "x" * 100_000}))
    with pytest.raises(sqlite3.OperationalError, match="full"):
        write(connection, ("log", ("1", 1)), large)
    assert not large.future.done()
    assert rows(connection, "log") == []
    assert last_mark(connection) == before


def test_what_failed_before_or_was_cancelled_is_passed_over(connection: sqlite3.Connection) -> None:
    failed, cancelled = (transaction(("insert into notes (id) values (:id)", {"id": "a"})) for _ in "ab")
    failed.future.set_exception(OSError())
    assert cancelled.future.cancel()
    assert write(connection, failed, cancelled) == ([], 0)
    assert rows(connection, "notes") == []


def test_the_mark_of_a_group_is_known_once_it_is_committed(connection: sqlite3.Connection) -> None:
    assert last_mark(connection) is None
    for mark in (new_mark(), new_mark()):
        write_group(connection, INSERTS, [], mark)
        assert last_mark(connection) == mark


def test_a_table_that_only_grows_is_never_updated(connection: sqlite3.Connection) -> None:
    protect(connection, INSERTS)
    (refused, *others), _ = write(
        connection,
        ("log", ("1", 1)),
        ("totals", (1, "a", None, None)),
        ("totals", (1, "a", None, None)),
        transaction(("update log set n = 2", {})),
        transaction(("update totals set n = 7", {})),
        transaction(("insert into notes (id, n) values ('a', 1)", {}), ("update notes set n = 2", {})),
    )
    assert isinstance(refused, sqlite3.DatabaseError)
    assert "not authorized" in str(refused)
    assert others == [[1], [1, 1]]
    assert rows(connection, "log") == [("1", 1)]
    (deleted,), _ = write(connection, transaction(("delete from log where n < :n", {"n": 5})))
    assert deleted == [1]
