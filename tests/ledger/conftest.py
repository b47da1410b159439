"""A ledger on a real file, and an SQLite that can be told to refuse."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from pointsman.ledger import Column, Ledger, Table, open_ledger

URL = "sqlite:///ledger.db"


class Disk:
    """Counts the writes of every connection it hands out, and fails them with `error` while that is set:
    at their beginning, or reported by the commit that did happen."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.fail_after_commit = False
        self.fails_at = "begin"
        self.groups: list[list[str]] = []  # the first column of each executemany
        self.connections = 0

    def connect(self, *args: Any, **kwargs: Any) -> sqlite3.Connection:
        disk = self

        class Connection(sqlite3.Connection):
            def execute(self, sql: str, *params: Any) -> sqlite3.Cursor:
                if disk.error is not None and not disk.fail_after_commit and sql.startswith(disk.fails_at):
                    raise disk.error
                return super().execute(sql, *params)

            def executemany(self, sql: str, rows: Iterable[Any], /) -> sqlite3.Cursor:
                written = list(rows)
                disk.groups.append([row[0] for row in written])
                return super().executemany(sql, written)

            def __exit__(self, *exc: Any) -> Any:
                result = super().__exit__(*exc)
                if disk.error is not None and disk.fail_after_commit:
                    raise disk.error
                return result

        self.connections += 1
        return sqlite3.connect(*args, factory=Connection, **kwargs)


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def table() -> Table:
    return Table(
        "generations",
        {
            "id": Column("text", "generation id"),
            "number": Column("integer", "order of insertion"),
            "seconds": Column("real", "duration"),
            "stream": Column("boolean", "whether it was streamed"),
            "tags": Column("json", "tags of the key"),
        },
        primary_key="id",
        indexes=(("number",), ("stream", "number")),
    )


@pytest.fixture
async def ledger(tmp_path: Path, disk: Disk, table: Table) -> AsyncIterator[Ledger]:
    opened = open_ledger(URL, base=tmp_path, durability="relaxed", connect=disk.connect)
    await opened.open([table])
    yield opened
    disk.error = None
    await opened.close()
