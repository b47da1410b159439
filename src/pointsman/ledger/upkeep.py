"""Looking after a ledger: copies and checks from outside, beside a running server or without one; and what is
old is deleted from inside."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

from pointsman.errors import StartupError
from pointsman.ledger.files import Connect, connect_to, database_path
from pointsman.ledger.protocol import Ledger
from pointsman.ledger.schema import META, TableRecord, read_schema
from pointsman.ledger.tables import Table

__all__ = ["BATCH", "Finding", "back_up", "check_ledger", "delete_before"]

LOCK_TIMEOUT = 10.0  # seconds
STEP_PAGES = 2000
MOST_FINDINGS = 100
BATCH = 500
"""Rows deleted in one transaction: other rows wait for it."""
SQL_TYPES = {"text": "TEXT", "integer": "INTEGER", "real": "REAL", "boolean": "INTEGER", "json": "TEXT"}

Progress = Callable[[int, int], None]
"""Called with the pages that are left and those there are."""


class Finding(NamedTuple):
    """What is wrong with a ledger: what was looked at, the table where there is one, and what was found."""

    check: str
    table: str | None
    message: str


def back_up(
    url: str,
    base: Path,
    target: Path,
    *,
    progress: Progress | None = None,
    connect: Connect = sqlite3.connect,
) -> int:
    """Copy the ledger at `url` as it is at this moment into a new file; its size in bytes.

    The copy has that name only once it is whole and checked. Raises StartupError where there is no ledger,
    where the target exists, and where the copy cannot be made.
    """
    path = _existing(database_path(url, base))
    if target.exists():
        raise StartupError(f"{target} exists, and is not overwritten. Name another file.")
    try:
        with _new_file(target) as copy:
            _copy(path, copy, progress, connect)
            size = copy.stat().st_size
            os.link(copy, target)
    except (sqlite3.Error, OSError) as error:
        raise StartupError(f"the ledger {path} cannot be copied to {target}: {error}") from error
    return size


def check_ledger(
    url: str,
    base: Path,
    tables: Sequence[Table],
    *,
    quick: bool = False,
    connect: Connect = sqlite3.connect,
) -> list[Finding]:
    """What is wrong with the ledger at `url`: its pages and indexes, its record of what it holds, and what
    the next start with `tables` would refuse. `quick` leaves the indexes' contents out.

    Raises StartupError where there is no ledger.
    """
    path = _existing(database_path(url, base))
    try:
        with closing(connect_to(path, connect, "ro", LOCK_TIMEOUT)) as connection:
            found = [*_damage(connection, quick)]
            recorded = read_schema(connection, path)
            found += _differences(connection, recorded, {table.name: table for table in tables})
    except StartupError as error:
        return [Finding("schema", None, str(error))]
    except sqlite3.Error as error:
        return [Finding("integrity", None, str(error))]
    return found


async def delete_before(ledger: Ledger, table: Table, before: str) -> int:
    """Delete the rows of a table whose `at` is before a time, a few at a time; how many there were. Raises
    Unavailable where the disk refuses."""
    name, key = table.name, table.primary_key
    sql = (
        f"delete from {name} where {key} in "  # noqa: S608 - names were checked when the table was declared
        f"(select {key} from {name} where at < :before order by at limit :batch)"
    )
    deleted = 0
    while True:
        (count,) = await ledger.execute([(sql, {"before": before, "batch": BATCH})])
        deleted += count
        if count < BATCH:
            return deleted


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise StartupError(
            f"no ledger at {path}: start the server once, or correct `ledger` in the configuration."
        )
    return path


@contextmanager
def _new_file(target: Path) -> Iterator[Path]:
    """A file beside the target, readable by its owner only, that is gone afterwards."""
    number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    os.close(number)
    try:
        yield Path(name).absolute()
    finally:
        Path(name).unlink()


def _copy(path: Path, copy: Path, progress: Progress | None, connect: Connect) -> None:
    with (
        closing(connect_to(path, connect, "ro", LOCK_TIMEOUT)) as source,
        closing(connect_to(copy, connect, "rw", LOCK_TIMEOUT)) as made,
    ):
        source.execute("begin")  # what others write from now on is not in the copy
        tables = read_schema(source, path)
        source.backup(made, pages=STEP_PAGES, progress=_told(progress), sleep=0)
        made.execute("pragma journal_mode = delete")  # one file, complete in itself
        damage = [text for (text,) in made.execute("pragma quick_check(1)") if text != "ok"]
        if damage or read_schema(made, copy) != tables:
            raise sqlite3.DatabaseError(f"the copy is not whole: {(damage or ['no schema'])[0]}")


def _told(progress: Progress | None) -> Callable[[int, int, int], None]:
    def tell(_: int, left: int, pages: int) -> None:
        if progress is not None:
            progress(left, pages)

    return tell


def _damage(connection: sqlite3.Connection, quick: bool) -> Iterator[Finding]:
    check = "quick_check" if quick else "integrity_check"
    for (text,) in connection.execute(f"pragma {check}({MOST_FINDINGS})"):
        if text != "ok":
            yield Finding("integrity", None, text)


def _differences(
    connection: sqlite3.Connection, recorded: Mapping[str, TableRecord], declared: Mapping[str, Table]
) -> Iterator[Finding]:
    """Where the file is not what its record says, or the record not what is declared."""
    if not recorded:
        yield Finding("schema", None, "there is no record of what the ledger holds")
    there = {
        name
        for (name,) in connection.execute(
            "select name from sqlite_master where type = 'table' and name not like 'sqlite_%'"
        )
    }
    for name in sorted(there - recorded.keys() - {META}):
        yield Finding("schema", name, "a table that pointsman did not make")
    for name, record in recorded.items():
        if name not in there:
            yield Finding("schema", name, "the table is recorded, and missing")
            continue
        columns = {
            column: (kind, key)
            for column, kind, key in connection.execute(
                "select name, type, pk from pragma_table_info(?)", (name,)
            )
        }
        for column, recorded_kind in record.columns.items():
            expected = (SQL_TYPES[recorded_kind], int(column == record.primary_key))
            if columns.get(column) != expected:
                yield Finding("schema", name, f"column {column} is missing, or not as it is recorded")
        table = declared.get(name)
        for column, wanted in table.columns.items() if table else ():
            if record.columns.get(column, wanted.type) != wanted.type:
                yield Finding("schema", name, f"column {column} is declared as {wanted.type} now")
        if table and table.primary_key != record.primary_key:
            yield Finding("schema", name, f"the primary key is declared as {table.primary_key} now")
