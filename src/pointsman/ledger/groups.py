"""What one commit writes: rows gathered by table, sums added up, and transactions in their order."""

from __future__ import annotations

import logging
import secrets
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from itertools import groupby
from types import NoneType
from typing import Any

from cachetools import LRUCache

from pointsman.errors import Conflict
from pointsman.ledger.tables import StoredValue, Table

__all__ = ["Entry", "Insert", "Statement", "Transaction", "last_mark", "new_mark", "protect", "write_group"]

Stored = tuple[StoredValue, ...]
Kinds = tuple[type, ...]
"""The types of a row's values."""
Statement = tuple[str, Mapping[str, object]]
"""SQL with `:name` parameters, and their values."""

MARK = "written"
STATEMENTS = 200
"""Inserts of a table that are remembered; each leaves other columns null."""
FAULTS = frozenset(
    {
        sqlite3.SQLITE_ERROR,
        sqlite3.SQLITE_TOOBIG,
        sqlite3.SQLITE_MISMATCH,
        sqlite3.SQLITE_MISUSE,
        sqlite3.SQLITE_AUTH,
        sqlite3.SQLITE_RANGE,
    }
)
"""Codes that blame the statement; all others blame the disk."""

logger = logging.getLogger(__name__)


class Insert:
    """Writes rows of a table."""

    def __init__(self, table: Table) -> None:
        names = [*table.columns]
        self.table = table
        self._key = names.index(table.primary_key)
        self._sums = [names.index(name) for name in table.sums]
        self._statements: LRUCache[Kinds, str] = LRUCache(STATEMENTS)

    def write(self, connection: sqlite3.Connection, rows: Sequence[Stored]) -> int:
        """Write rows in their order, those alike together; how many were ignored because their primary key
        was there.

        What is null is left out, and booleans are bound as numbers: `sqlite3` takes eight times as long for
        either as for a number.
        """
        written = 0
        for kinds, alike in groupby(self._added_up(rows) if self._sums else rows, key=_kinds):
            written += connection.executemany(self._statement(kinds), _bindable(kinds, alike)).rowcount
        ignored = 0 if self._sums else len(rows) - written
        if ignored:
            logger.warning(
                "ledger: %d rows of %s were there already and were ignored", ignored, self.table.name
            )
        return ignored

    def _added_up(self, rows: Sequence[tuple[Any, ...]]) -> Iterable[Sequence[StoredValue]]:
        """One row a primary key: the first, with the sums of all. What is null adds nothing."""
        totals: dict[StoredValue, list[Any]] = {}
        for row in rows:
            total = totals.get(row[self._key])
            if total is None:
                totals[row[self._key]] = [*row]
                continue
            for place in self._sums:
                if row[place] is not None:
                    total[place] = row[place] + (total[place] or 0)
        return totals.values()

    def _statement(self, kinds: Kinds) -> str:
        """SQL that adds a row whose values are of these kinds."""
        if kinds not in self._statements:
            self._statements[kinds] = _insert(
                self.table,
                [name for name, kind in zip(self.table.columns, kinds, strict=True) if kind is not NoneType],
            )
        return self._statements[kinds]


def _insert(table: Table, names: Sequence[str]) -> str:
    # identifiers were checked when the table was declared; the values are parameters
    columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" for _ in names)
    into = f'into "{table.name}" ({columns}) values ({marks})'
    if not table.sums:
        return f"insert or ignore {into}"
    sums = ", ".join(
        f'"{name}" = "{name}" + excluded."{name}"'
        if table.requires(name)
        else f'"{name}" = coalesce("{name}" + excluded."{name}", "{name}", excluded."{name}")'
        for name in table.sums
    )
    return f'insert {into} on conflict ("{table.primary_key}") do update set {sums}'


def _kinds(row: Sequence[StoredValue]) -> Kinds:
    return tuple(map(type, row))


def _bindable(kinds: Kinds, rows: Iterable[Sequence[StoredValue]]) -> Iterable[tuple[StoredValue, ...]]:
    """The rows without what is null, their booleans as numbers."""
    columns = zip(kinds, zip(*rows, strict=True), strict=True)
    return zip(
        *(map(int, column) if kind is bool else column for kind, column in columns if kind is not NoneType),
        strict=True,
    )


@dataclass(frozen=True, slots=True, eq=False)
class Transaction:
    """Statements that are committed together or not at all, and who waits for their row counts."""

    statements: Sequence[Statement]
    future: Future[list[int]]


Entry = tuple[str, Stored] | Transaction
"""A row with the name of its table, or a transaction."""

Outcome = tuple[Future[list[int]], list[int] | Exception]
Rows = dict[str, list[Stored]]


def new_mark() -> str:
    """A value to know a group by."""
    return secrets.token_hex(8)


def last_mark(connection: sqlite3.Connection) -> str | None:
    """The mark of the group that was committed last."""
    found = connection.execute("select value from pointsman_meta where name = ?", (MARK,)).fetchone()
    return found[0] if found else None


def protect(connection: sqlite3.Connection, inserts: Mapping[str, Insert]) -> None:
    """Refuse every update of a table that only grows."""
    tables = [insert.table for insert in inserts.values()]
    growing = {table.name for table in tables if not (table.mutable or table.sums)}

    def allow(action: int, table: str | None, *_: str | None) -> int:
        updates = action == sqlite3.SQLITE_UPDATE and table in growing
        return sqlite3.SQLITE_DENY if updates else sqlite3.SQLITE_OK

    connection.set_authorizer(allow)


def write_group(
    connection: sqlite3.Connection,
    inserts: Mapping[str, Insert],
    group: Iterable[Entry],
    mark: str,
    told: Callable[[int], None] = lambda duplicates: None,
) -> tuple[list[Outcome], int]:
    """Commit a group; the outcome of each transaction in it, and how many rows were there before, which
    `told` hears before the commit.

    Rows of tables that only grow go first, the others and the transactions in their order. A transaction
    whose own fault it is fails alone. Raises where the disk refuses, and then nothing is written, unless
    it was the commit itself that failed: `last_mark` tells.
    """
    rows: Rows = {}
    ordered: list[Entry] = []
    for entry in group:
        if isinstance(entry, tuple) and not inserts[entry[0]].table.mutable:
            rows.setdefault(entry[0], []).append(entry[1])
        else:
            ordered.append(entry)
    outcomes: list[Outcome] = []
    duplicates = 0
    with connection:
        connection.execute("begin immediate")
        for entry in ordered:
            if isinstance(entry, tuple):
                rows.setdefault(entry[0], []).append(entry[1])
                continue
            duplicates += _write_rows(connection, inserts, rows)
            rows = {}
            if _is_wanted(entry):
                outcomes.append((entry.future, _execute(connection, entry)))
        duplicates += _write_rows(connection, inserts, rows)
        connection.execute("insert or replace into pointsman_meta (name, value) values (?, ?)", (MARK, mark))
        told(duplicates)
    return outcomes, duplicates


def _write_rows(connection: sqlite3.Connection, inserts: Mapping[str, Insert], rows: Rows) -> int:
    """Write rows by table, and what follows from them; how many were there before."""
    ignored = 0
    for name, values in rows.items():
        insert = inserts[name]
        ignored += insert.write(connection, values)
        ignored += _write_rows(connection, inserts, _derived(insert.table, values, inserts.keys()))
    return ignored


def _derived(table: Table, rows: Sequence[Stored], known: Collection[str]) -> Rows:
    """What follows from rows. Where that cannot be told they are written all the same: they would be tried
    again for ever."""
    if table.derive is None:
        return {}
    try:
        derived = {name: [*more] for name, more in table.derive(rows).items()}
        if not derived.keys() <= set(known):
            raise LookupError(f"unknown tables: {derived.keys() - set(known)}")
    except Exception:
        logger.exception("ledger: what follows from %d rows of %s is not written", len(rows), table.name)
        return {}
    return derived


def _is_wanted(transaction: Transaction) -> bool:
    """Whether somebody still waits for it: it did not fail before, and was not cancelled."""
    future = transaction.future
    return not future.done() and future.set_running_or_notify_cancel()


def _execute(connection: sqlite3.Connection, transaction: Transaction) -> list[int] | Exception:
    connection.execute("savepoint one")
    try:
        counts = [connection.execute(sql, values).rowcount for sql, values in transaction.statements]
    except Exception as error:
        fault = _fault(error)
        if fault is None:
            raise
        connection.execute("rollback to one")
        connection.execute("release one")
        return fault
    connection.execute("release one")
    return counts


def _fault(error: Exception) -> Exception | None:
    """What to tell whose statement was at fault; None where the disk was."""
    if isinstance(error, sqlite3.IntegrityError):
        return Conflict("this contradicts what is there already", detail=f"ledger: {error}")
    if isinstance(error, OSError):
        return None
    if not isinstance(error, sqlite3.Error) or isinstance(
        error, sqlite3.ProgrammingError | sqlite3.InterfaceError
    ):
        return error
    return error if getattr(error, "sqlite_errorcode", 0) & 0xFF in FAULTS else None
