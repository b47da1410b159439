"""The schema on disk: made, extended and recorded in the table `pointsman_meta`."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from pointsman.errors import StartupError
from pointsman.ledger.tables import ColumnType, Table

if TYPE_CHECKING:
    from sqlite_utils import Database

__all__ = ["SCHEMA_VERSION", "TableRecord", "prepare_schema", "read_schema"]

SCHEMA_VERSION = 1
META = "pointsman_meta"
VERSION = "schema"
TABLE_PREFIX = "table."

PYTHON_TYPES: Mapping[ColumnType, type] = {
    "text": str,
    "integer": int,
    "real": float,
    "boolean": int,
    "json": str,
}


@dataclass(frozen=True)
class TableRecord:
    """What the ledger says about a table: its primary key, and the types of all columns it ever had."""

    primary_key: str
    columns: dict[str, ColumnType]


def read_schema(connection: sqlite3.Connection, path: Path) -> dict[str, TableRecord]:
    """The recorded tables by name; empty where the file holds no ledger yet.

    Raises StartupError where a newer version made the ledger.
    """
    found = connection.execute("select 1 from sqlite_master where type = 'table' and name = ?", (META,))
    if found.fetchone() is None:
        return {}
    values = dict(connection.execute(f"select name, value from {META}"))  # noqa: S608 - a constant
    version = int(values[VERSION])
    if version > SCHEMA_VERSION:
        raise StartupError(
            f"the ledger {path} was made by a newer pointsman (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Install that version, or name another file under `ledger`."
        )
    return {
        name.removeprefix(TABLE_PREFIX): msgspec.json.decode(value, type=TableRecord)
        for name, value in values.items()
        if name.startswith(TABLE_PREFIX)
    }


def prepare_schema(connection: sqlite3.Connection, tables: Sequence[Table], path: Path) -> None:
    """Add the tables, columns and indexes that are missing, in one transaction.

    Raises StartupError where a type or primary key differs from the record, two tables share a name,
    or a newer version made the ledger.
    """
    from sqlite_utils import Database

    db = Database(connection, recursive_triggers=False, execute_plugins=False)
    with db.atomic():
        records = read_schema(connection, path)
        db.table(META).create({"name": str, "value": str}, pk="name", if_not_exists=True)
        _record(connection, VERSION, str(SCHEMA_VERSION))
        names: set[str] = set()
        for table in tables:
            if table.name in names:
                raise StartupError(f"ledger: the table {table.name!r} is declared twice; rename one.")
            names.add(table.name)
            record = _prepare_table(db, table, records.get(table.name), path)
            _record(connection, TABLE_PREFIX + table.name, msgspec.json.encode(record).decode())


def _prepare_table(db: Database, table: Table, recorded: TableRecord | None, path: Path) -> TableRecord:
    stored = db.table(table.name)
    declared = {name: column.type for name, column in table.columns.items()}
    if not stored.exists():
        stored.create({name: PYTHON_TYPES[kind] for name, kind in declared.items()}, pk=table.primary_key)
    elif recorded is None:
        raise StartupError(
            f"the ledger {path} has a table {table.name!r} that pointsman did not make. Name another file."
        )
    else:
        _check_unchanged(table, recorded, path)
        for name in declared.keys() - stored.columns_dict.keys():
            stored.add_column(name, PYTHON_TYPES[declared[name]])
    indexed = {tuple(index.columns) for index in stored.indexes}
    for columns in table.indexes:
        if columns not in indexed:
            stored.create_index(columns, find_unique_name=True)
    return TableRecord(table.primary_key, (recorded.columns if recorded else {}) | declared)


def _check_unchanged(table: Table, recorded: TableRecord, path: Path) -> None:
    clashes = [
        f"column {table.name}.{name} is {recorded.columns[name]} there and declared as {column.type} now"
        for name, column in table.columns.items()
        if recorded.columns.get(name, column.type) != column.type
    ]
    if recorded.primary_key != table.primary_key:
        clashes.append(
            f"the primary key of {table.name} is {recorded.primary_key} there and declared as "
            f"{table.primary_key} now"
        )
    if clashes:
        raise StartupError(
            f"the ledger {path}: {'; '.join(clashes)}. A declaration may only gain columns and indexes: "
            "install the version that made the ledger, or move the file aside and start with an empty one."
        )


def _record(connection: sqlite3.Connection, name: str, value: str) -> None:
    connection.execute(f"insert or replace into {META} (name, value) values (?, ?)", (name, value))  # noqa: S608 - a constant
