"""The schema on disk and its growth."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from pointsman.errors import StartupError
from pointsman.ledger import Column, Table
from pointsman.ledger.groups import Insert
from pointsman.ledger.schema import prepare_schema, read_schema
from pointsman.ledger.tables import encode_row

PATH = Path("/srv/ledger.db")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    opened = sqlite3.connect(tmp_path / "ledger.db")
    yield opened
    opened.close()


def indexes(connection: sqlite3.Connection) -> list[str]:
    found = connection.execute(
        "select tbl_name, sql from sqlite_master where type = 'index' and sql is not null"
    )
    return sorted(f"{table}({sql.partition('(')[2]}" for table, sql in found)


def test_an_empty_file_holds_no_tables(connection: sqlite3.Connection) -> None:
    assert read_schema(connection, PATH) == {}


def test_tables_are_made_with_key_and_indexes_and_recorded(
    connection: sqlite3.Connection, table: Table
) -> None:
    prepare_schema(connection, [table], PATH)
    record = read_schema(connection, PATH)["generations"]
    assert record.primary_key == "id"
    assert record.columns == {name: column.type for name, column in table.columns.items()}
    assert indexes(connection) == ['generations("number")', 'generations("stream", "number")']
    found = {
        name: (kind, key) for _, name, kind, _, _, key in connection.execute("pragma table_info(generations)")
    }
    assert found == {
        "id": ("TEXT", 1),
        "number": ("INTEGER", 0),
        "seconds": ("REAL", 0),
        "stream": ("INTEGER", 0),
        "tags": ("TEXT", 0),
    }


def test_preparing_again_changes_nothing(connection: sqlite3.Connection, table: Table) -> None:
    prepare_schema(connection, [table], PATH)
    before = list(connection.iterdump())
    prepare_schema(connection, [table], PATH)
    assert list(connection.iterdump()) == before


def test_new_columns_and_indexes_are_added_and_rows_kept(
    connection: sqlite3.Connection, table: Table
) -> None:
    prepare_schema(connection, [table], PATH)
    Insert(table).write(connection, [encode_row(table, {"id": "a", "number": 1})])
    grown = replace(
        table,
        columns={**table.columns, "order": Column("json", "a word of SQL", required=True)},
        indexes=(*table.indexes, ("order",)),
    )
    prepare_schema(connection, [grown], PATH)
    Insert(grown).write(connection, [encode_row(grown, {"id": "b", "order": [1]})])
    rows = connection.execute('select id, number, "order" from generations order by id').fetchall()
    assert rows == [("a", 1, None), ("b", None, "[1]")]
    assert 'generations("order")' in indexes(connection)


def test_a_column_no_longer_declared_stays_with_its_type(
    connection: sqlite3.Connection, table: Table
) -> None:
    prepare_schema(connection, [table], PATH)
    fewer = Table(table.name, {"id": table.columns["id"]}, "id")
    prepare_schema(connection, [fewer], PATH)
    assert read_schema(connection, PATH)["generations"].columns["tags"] == "json"
    returned = replace(table, columns={**table.columns, "tags": Column("text", "")})
    with pytest.raises(StartupError, match=r"generations\.tags is json there and declared as text now"):
        prepare_schema(connection, [returned], PATH)


def test_every_clash_is_named_with_what_to_do(connection: sqlite3.Connection, table: Table) -> None:
    prepare_schema(connection, [table], PATH)
    before = list(connection.iterdump())
    changed = replace(
        table,
        columns={**table.columns, "stream": Column("integer", ""), "added": Column("text", "")},
        primary_key="number",
    )
    expected = (
        r"ledger /srv/ledger\.db: column generations\.stream is boolean there and declared as integer now; "
        r"the primary key of generations is id there and declared as number now\. .*move the file aside"
    )
    with pytest.raises(StartupError, match=expected):
        prepare_schema(connection, [changed], PATH)
    assert list(connection.iterdump()) == before


def test_a_failure_leaves_no_part_of_the_schema(connection: sqlite3.Connection, table: Table) -> None:
    with pytest.raises(StartupError, match="'generations' is declared twice"):
        prepare_schema(connection, [table, table], PATH)
    assert list(connection.execute("select name from sqlite_master")) == []


def test_a_table_of_somebody_else_is_left_alone(connection: sqlite3.Connection, table: Table) -> None:
    connection.execute("create table generations (id text primary key)")
    with pytest.raises(StartupError, match="'generations' that pointsman did not make"):
        prepare_schema(connection, [table], PATH)
    assert indexes(connection) == []


def test_indexes_whose_names_would_be_equal_are_both_made(connection: sqlite3.Connection) -> None:
    columns = {name: Column("text", "") for name in ("id", "b", "c", "b_c")}
    tables = [Table("a", columns, "id", (("b", "c"), ("b_c",))), Table("a_b", columns, "id", (("c",),))]
    prepare_schema(connection, tables, PATH)
    assert indexes(connection) == ['a("b", "c")', 'a("b_c")', 'a_b("c")']


def test_a_ledger_of_a_newer_version_is_refused_untouched(
    connection: sqlite3.Connection, table: Table
) -> None:
    prepare_schema(connection, [table], PATH)
    with connection:
        connection.execute("update pointsman_meta set value = '2' where name = 'schema'")
    before = list(connection.iterdump())
    for use in (lambda: read_schema(connection, PATH), lambda: prepare_schema(connection, [table], PATH)):
        with pytest.raises(StartupError, match=r"newer pointsman \(schema 2, this one knows 1\)"):
            use()
    assert list(connection.iterdump()) == before
