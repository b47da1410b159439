"""Reading a ledger beside its server, and after it."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from pointsman.errors import StartupError, Unavailable
from pointsman.ledger import Ledger, Reading, ReadOnlyLedger, reader

URL = "sqlite:///ledger.db"


@pytest.fixture
async def rows(ledger: Ledger) -> Ledger:
    for number in range(3):
        ledger.insert("generations", {"id": f"gen-{number}", "number": number, "tags": {"n": [number]}})
    await ledger.flush()
    return ledger


async def test_rows_are_read_beside_the_server(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        found = opened.select_sync("select id, number from generations where number >= :least", {"least": 1})
        assert found == [{"id": "gen-1", "number": 1}, {"id": "gen-2", "number": 2}]
        assert await opened.select("select count(*) as n from generations") == [{"n": 3}]


async def test_a_function_reads_as_often_as_it_likes(rows: Ledger) -> None:
    def total(reading: Reading) -> int:
        ids = reading.select_sync("select id from generations")
        return sum(
            reading.select_sync("select number from generations where id = :id", row)[0]["number"]
            for row in ids
        )

    assert await rows.read(total) == 3
    with pytest.raises(sqlite3.OperationalError, match="no such column"):
        await rows.read(lambda reading: reading.select_sync("select absent from generations"))
    with pytest.raises(ZeroDivisionError):
        await rows.read(lambda reading: 1 // 0)


async def test_rows_are_read_after_the_server(rows: Ledger, tmp_path: Path) -> None:
    await rows.close()
    with reader(URL, tmp_path) as opened:
        assert opened.select_sync("select max(number) as last from generations") == [{"last": 2}]


async def test_a_reader_sees_what_is_written_while_it_is_open(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        assert len(opened.select_sync("select id from generations")) == 3
        rows.insert("generations", {"id": "gen-new"})
        await rows.flush()
        assert len(opened.select_sync("select id from generations")) == 4


async def test_json_columns_come_back_parsed_where_their_table_is_named(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        assert opened.select_sync("select tags from generations where number = 1") == [{"tags": {"n": [1]}}]
        assert opened.select_sync("select tags as t from generations where number = 1") == [
            {"t": '{"n":[1]}'}
        ]
        assert opened.select_sync("""select '[1]' as tags""") == [{"tags": "[1]"}]


async def test_what_is_no_json_under_the_name_of_a_json_column_stays(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        assert opened.select_sync("select count(*) as tags from generations") == [{"tags": 3}]
        assert opened.select_sync("select id as tags from generations limit 1") == [{"tags": "gen-0"}]
        assert opened.select_sync("select null as tags from generations limit 1") == [{"tags": None}]


@pytest.mark.parametrize(
    "sql",
    [
        "insert into generations (id) values ('x')",
        "delete from generations",
        "drop table generations",
        "pragma user_version = 5",
    ],
)
async def test_a_reader_cannot_write(rows: Ledger, tmp_path: Path, sql: str) -> None:
    with reader(URL, tmp_path) as opened:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            opened.select_sync(sql)
        assert opened.select_sync("select count(*) as n from generations") == [{"n": 3}]


async def test_a_reader_never_checkpoints(rows: Ledger, tmp_path: Path) -> None:
    def contents() -> list[bytes]:
        return [(tmp_path / name).read_bytes() for name in ("ledger.db", "ledger.db-wal")]

    before = contents()
    with reader(URL, tmp_path) as opened:
        with pytest.raises(sqlite3.OperationalError):
            opened.select_sync("pragma wal_checkpoint(truncate)")
        opened.select_sync("select id from generations")
    assert contents() == before
    assert all(before)


async def test_a_wrong_query_raises_and_the_next_one_works(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            opened.select_sync("select * from missing")
        with pytest.raises(sqlite3.ProgrammingError):
            opened.select_sync("select id from generations where id = :id", {})
        assert len(opened.select_sync("select id from generations")) == 3


async def test_a_disk_that_refuses_is_told_apart_from_a_wrong_query(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        with pytest.raises(sqlite3.OperationalError, match="no such table"):
            await opened.select("select * from missing")
        with pytest.raises(sqlite3.ProgrammingError):
            await opened.select("select id from generations where id = :id", {})
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await opened.select("delete from generations")
        (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
        with pytest.raises(Unavailable, match="cannot be read now") as caught:
            await opened.select("select id from generations")
        assert caught.value.detail == "ledger: unable to open database file"
        (tmp_path / "moved.db").rename(tmp_path / "ledger.db")
        assert len(await opened.select("select id from generations")) == 3


async def test_a_value_cannot_become_sql(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        attack = {"id": "' or 1=1; drop table generations; --"}
        assert opened.select_sync("select id from generations where id = :id", attack) == []


async def test_queries_run_side_by_side_on_few_connections(rows: Ledger, tmp_path: Path) -> None:
    opened_connections: list[sqlite3.Connection] = []

    def connect(*args: object, **kwargs: object) -> sqlite3.Connection:
        opened_connections.append(sqlite3.connect(*args, **kwargs))  # type: ignore[call-overload]
        return opened_connections[-1]

    with reader(URL, tmp_path, connect=connect) as opened:
        sql = "select sum(a.number * b.number) as n from generations a, generations b"
        answers = await asyncio.gather(*(opened.select(sql) for _ in range(50)))
    assert answers == [[{"n": 9}]] * 50
    assert len(opened_connections) <= 5
    for connection in opened_connections:
        with pytest.raises(sqlite3.ProgrammingError, match="closed"):
            connection.execute("select 1")


async def test_a_reader_knows_the_tables(rows: Ledger, tmp_path: Path) -> None:
    with reader(URL, tmp_path) as opened:
        assert isinstance(opened, ReadOnlyLedger)
        assert opened.has_table("generations")
        assert not opened.has_table("pointsman_meta")


def test_without_a_ledger_the_reader_says_to_start_the_server(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"no ledger at .*ledger\.db: start the server once"):
        reader(URL, tmp_path)
    (tmp_path / "ledger.db").touch()
    with pytest.raises(StartupError, match="start the server once"):
        reader(URL, tmp_path)


def test_a_damaged_ledger_is_refused_with_advice(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_bytes(b"no database at all" * 100)
    with pytest.raises(StartupError, match=r"damaged.*backup"):
        reader(URL, tmp_path)


async def test_a_ledger_of_a_newer_version_is_refused(rows: Ledger, tmp_path: Path) -> None:
    await rows.close()
    connection = sqlite3.connect(tmp_path / "ledger.db")
    with connection:
        connection.execute("update pointsman_meta set value = '7' where name = 'schema'")
    connection.close()
    with pytest.raises(StartupError, match="newer pointsman"):
        reader(URL, tmp_path)
