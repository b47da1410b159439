"""Reading a ledger: queries on connections that cannot write."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from pointsman.errors import StartupError, Unavailable
from pointsman.ledger.files import Connect, connect_to, database_path, startup_errors
from pointsman.ledger.schema import TableRecord, read_schema

__all__ = ["ReadOnlyLedger", "reader"]

LOCK_TIMEOUT = 5.0  # seconds
THREADS = 4

REFUSALS = frozenset(
    {
        *(sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_IOERR),
        *(sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FULL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PROTOCOL),
        sqlite3.SQLITE_NOTADB,
    }
)
"""What SQLite says where not the query is at fault."""
WORD = re.compile(r"\w+")

Result = TypeVar("Result")


class ReadOnlyLedger:
    """Queries on one ledger file. Connections are opened on demand and kept until `close`."""

    def __init__(self, path: Path, records: Mapping[str, TableRecord], connect: Connect) -> None:
        self._path = path
        self._json_columns = {
            table: frozenset(name for name, kind in record.columns.items() if kind == "json")
            for table, record in records.items()
        }
        self._connect = connect
        self._idle: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="ledger-reader")

    async def select(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """`select_sync` in a worker thread. Raises Unavailable where the disk refuses."""
        return await self.read(lambda reading: reading.select_sync(sql, params))

    async def read(self, function: Callable[[Self], Result]) -> Result:
        """See `Ledger.read`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._threads, function, self)
        except (sqlite3.ProgrammingError, sqlite3.InterfaceError):
            raise
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_IOERR) & 0xFF not in REFUSALS:
                raise
            raise Unavailable(
                "the ledger cannot be read now; try again later",
                error_type="server",
                detail=f"ledger: {error}",
            ) from error

    def select_sync(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows a query answers, as dicts; see `Ledger.select`. Raises sqlite3.Error for a wrong query."""
        connection = self._take_connection()
        try:
            cursor = connection.execute(sql, params or {})
            names = [column[0] for column in cursor.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in cursor]
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
        for name in self._json_columns_of(sql).intersection(names):
            for row in rows:
                row[name] = _parse(row[name])
        return rows

    def has_table(self, name: str) -> bool:
        """Whether the ledger has ever had a table of this name declared."""
        return name in self._json_columns

    def close(self) -> None:
        """Wait for the queries that run, then close every connection."""
        self._threads.shutdown(cancel_futures=True)
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_connection(self) -> sqlite3.Connection:
        with suppress(IndexError):
            return self._idle.pop()
        return connect_to(self._path, self._connect, "ro", LOCK_TIMEOUT)

    def _json_columns_of(self, sql: str) -> set[str]:
        words = set(WORD.findall(sql))
        return {name for table, names in self._json_columns.items() if table in words for name in names}


def reader(url: str, base: Path, *, connect: Connect = sqlite3.connect) -> ReadOnlyLedger:
    """Open the ledger at `url` for reading only, beside a running server or without one.

    Raises StartupError where there is no ledger, where it is damaged, and where a newer version made it.
    """
    path = database_path(url, base)
    missing = f"no ledger at {path}: start the server once, or correct `ledger` in the configuration."
    if not path.is_file():
        raise StartupError(missing)
    with startup_errors(path):
        connection = connect_to(path, connect, "ro", LOCK_TIMEOUT)
        try:
            records = read_schema(connection, path)
        finally:
            connection.close()
    if not records:
        raise StartupError(missing)
    return ReadOnlyLedger(path, records, connect)


def _parse(value: object) -> object:
    """A stored JSON text as the value it stands for; anything else, an aggregate say, as it is."""
    if isinstance(value, str):
        with suppress(ValueError):
            return json.loads(value)
    return value
