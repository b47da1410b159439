"""The ledger in SQLite: one writer thread in this process, read-only connections for everybody else."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args

from pointsman.errors import StartupError
from pointsman.ledger.files import Connect, connect_to, create_file, database_path, startup_errors
from pointsman.ledger.groups import Insert
from pointsman.ledger.lock import WriterLock
from pointsman.ledger.protocol import Ledger, Reading
from pointsman.ledger.readonly import ReadOnlyLedger
from pointsman.ledger.schema import prepare_schema, read_schema
from pointsman.ledger.tables import Row, Table, encode_row
from pointsman.ledger.writer import QUEUE_ROWS, Writer

__all__ = ["SqliteLedger", "open_ledger"]

LOCK_TIMEOUT = 1.0  # seconds; the writer tries again by itself
CACHE_KIB = 4_096
LOG_PAGES = 4_000
"""Pages in the write-ahead log before they are moved to their places. A row of a large ledger changes pages
of each of its indexes, and mostly the same ones again and again: they are moved once for many rows."""

Result = TypeVar("Result")
Durability = Literal["relaxed", "strict"]


class SqliteLedger:
    """A `Ledger` in one SQLite file."""

    def __init__(self, path: Path, *, strict: bool, queue: int, connect: Connect) -> None:
        self._path = path
        self._connect = connect
        self._tables: dict[str, Table] = {}
        self._lock = WriterLock(path)
        self._writer = Writer(self._connect_writer, strict=strict, most=queue)
        self._reads: ReadOnlyLedger | None = None

    async def open(self, tables: Sequence[Table]) -> None:
        """See `Ledger.open`."""
        await asyncio.to_thread(self._open, tables)

    def insert(self, table: str, row: Row) -> None:
        """See `Ledger.insert`."""
        try:
            declared = self._tables[table]
        except KeyError:
            known = ", ".join(self._tables) or "none, it is not open"
            raise ValueError(f"the ledger has no table {table!r}; it has: {known}") from None
        self._writer.put(table, encode_row(declared, row))

    async def flush(self) -> None:
        """See `Ledger.flush`."""
        await asyncio.wrap_future(self._writer.flush())

    async def execute(self, statements: Sequence[tuple[str, Mapping[str, object]]]) -> list[int]:
        """See `Ledger.execute`. Raises sqlite3.Error for a wrong statement."""
        if self._reads is None:
            raise RuntimeError("the ledger is not open")
        return await asyncio.wrap_future(self._writer.execute(statements))

    async def select(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """See `Ledger.select`. Raises sqlite3.Error for a wrong query, Unavailable where the disk refuses."""
        if self._reads is None:
            raise RuntimeError("the ledger is not open")
        return await self._reads.select(sql, params)

    async def read(self, function: Callable[[Reading], Result]) -> Result:
        """See `Ledger.read`."""
        if self._reads is None:
            raise RuntimeError("the ledger is not open")
        return await self._reads.read(function)

    def has_table(self, name: str) -> bool:
        """See `Ledger.has_table`."""
        return name in self._tables

    def announce(self, address: str) -> None:
        """See `Ledger.announce`. Raises StartupError where the lock file cannot be written."""
        with startup_errors(self._path):
            self._lock.announce(address)

    async def close(self) -> None:
        """See `Ledger.close`."""
        await asyncio.to_thread(self._close)

    @property
    def full(self) -> bool:
        """See `Ledger.full`."""
        return self._writer.full

    def health(self) -> dict[str, Any]:
        """See `Ledger.health`."""
        return self._writer.health()

    def _open(self, tables: Sequence[Table]) -> None:
        with startup_errors(self._path):
            try:
                self._lock.acquire()
                create_file(self._path)
                connection = self._connect_writer()
                try:
                    prepare_schema(connection, tables, self._path)
                    records = read_schema(connection, self._path)
                except BaseException:
                    connection.close()
                    raise
            except BaseException:
                self._lock.release()
                raise
        self._reads = ReadOnlyLedger(self._path, records, self._connect)
        self._tables = {table.name: table for table in tables}
        self._writer.start(connection, {table.name: Insert(table) for table in tables})

    def _close(self) -> None:
        if self._reads is not None:
            self._reads.close()
        self._writer.close()
        self._lock.release()

    def _connect_writer(self) -> sqlite3.Connection:
        connection = connect_to(self._path, self._connect, "rw", LOCK_TIMEOUT)
        try:
            (mode,) = connection.execute("pragma journal_mode = wal").fetchone()
            if mode != "wal":
                raise StartupError(
                    f"the ledger {self._path} is on a file system without shared memory, which SQLite's "
                    "write-ahead log needs. Put it on a local disk."
                )
            connection.execute(f"pragma cache_size = {-CACHE_KIB}")
            connection.execute(f"pragma wal_autocheckpoint = {LOG_PAGES}")
        except BaseException:
            connection.close()
            raise
        return connection


def open_ledger(
    url: str,
    *,
    base: Path,
    durability: Durability,
    queue: int = QUEUE_ROWS,
    connect: Connect = sqlite3.connect,
) -> Ledger:
    """The ledger at `url`, not open yet; relative paths are taken from `base`.

    Both durabilities survive the death of the process, but where it is `relaxed`, a power cut may take the
    last moments of what nobody has flushed. `queue` rows wait at most. `connect` stands in for
    `sqlite3.connect`. Raises StartupError for a URL that names no SQLite file, and for an unknown durability.
    """
    if durability not in (known := get_args(Durability)):
        raise StartupError(f"ledger: the durability {durability!r} is unknown; expected: {', '.join(known)}.")
    path = database_path(url, base)
    return SqliteLedger(path, strict=durability == "strict", queue=queue, connect=connect)
