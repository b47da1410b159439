"""The SQLite ledger as its users see it."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from pointsman.errors import Conflict, StartupError, Unavailable
from pointsman.ledger import Column, Ledger, Table, open_ledger, reader, running_server
from pointsman.ledger.sqlite import SqliteLedger

URL = "sqlite:///ledger.db"

CHILD = """
import asyncio, sys
from pathlib import Path
from pointsman.ledger import Column, Table, open_ledger

async def main():
    table = Table("generations", {"id": Column("text", ""), "number": Column("integer", "")}, "id")
    ledger = open_ledger("sqlite:///ledger.db", base=Path(sys.argv[1]), durability="relaxed")
    await ledger.open([table])
    ledger.announce("http://127.0.0.1:4141")
    number = 0
    while True:
        for _ in range(7):
            ledger.insert("generations", {"id": f"gen-{number}", "number": number})
            number += 1
        await ledger.flush()
        print(number, flush=True)

asyncio.run(main())
"""


def new(base: Path, **options: Any) -> Ledger:
    return open_ledger(URL, base=base, durability="relaxed", **options)


async def test_a_row_comes_back_as_it_went_in(ledger: Ledger) -> None:
    row = {"id": "gen-1", "number": 2**62, "seconds": 0.1, "stream": True, "tags": {"a": ["é", None, 1.5]}}
    ledger.insert("generations", row)
    ledger.insert("generations", {"id": "gen-2"})
    await ledger.flush()
    empty = {"id": "gen-2", "number": None, "seconds": None, "stream": None, "tags": None}
    assert await ledger.select("select * from generations order by id") == [row, empty]
    found = await ledger.select("select id from generations where number > :least", {"least": 5})
    assert found == [{"id": "gen-1"}]


async def test_a_later_change_of_the_row_does_not_reach_the_ledger(ledger: Ledger) -> None:
    tags = ["before"]
    ledger.insert("generations", {"id": "gen-1", "tags": tags})
    tags.append("after")
    await ledger.flush()
    assert await ledger.select("select tags from generations") == [{"tags": ["before"]}]


async def test_rows_can_be_read_within_fifty_milliseconds(ledger: Ledger) -> None:
    delays = []
    for number in range(5):
        ledger.insert("generations", {"id": f"gen-{number}"})
        inserted = time.monotonic()
        while len(await ledger.select("select id from generations")) <= number:
            assert time.monotonic() - inserted < 10
        delays.append(time.monotonic() - inserted)
    assert min(delays) < 0.05


async def test_ten_thousand_rows_go_in_without_holding_up_the_loop(ledger: Ledger, disk: Any) -> None:
    for number in range(10_000):
        ledger.insert("generations", {"id": f"gen-{number}", "number": number})
    await ledger.flush()
    order = await ledger.select("select number from generations order by rowid")
    assert [row["number"] for row in order] == list(range(10_000))
    assert len(disk.groups) < 1_000


async def test_unknown_tables_and_columns_are_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match=r"no table 'usage'; it has: generations"):
        ledger.insert("usage", {"id": "a"})
    with pytest.raises(ValueError, match="no column price"):
        ledger.insert("generations", {"id": "a", "price": 1})
    assert ledger.health()["queued"] == 0


async def test_select_cannot_write(ledger: Ledger) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await ledger.select("insert into generations (id) values ('gen-1')")
    assert await ledger.select("select * from generations") == []


async def test_statements_run_together_after_the_rows_before(ledger: Ledger) -> None:
    for number in range(5):
        ledger.insert("generations", {"id": f"gen-{number}", "number": number})
    old = ("delete from generations where number < :number", {"number": 3})
    new_row = ("insert into generations (id, number) values (:id, 9)", {"id": "gen-9"})
    assert await ledger.execute([old, new_row]) == [3, 1]
    found = await ledger.select("select number from generations order by number")
    assert [row["number"] for row in found] == [3, 4, 9]
    with pytest.raises(Conflict):
        await ledger.execute([old, new_row])
    with pytest.raises(sqlite3.OperationalError, match="no such table: nowhere"):
        await ledger.execute([old, ("delete from nowhere", {})])
    with pytest.raises(sqlite3.DatabaseError, match="not authorized"):
        await ledger.execute([("update generations set number = 1", {})])
    assert len(await ledger.select("select * from generations")) == 3


async def test_a_table_with_sums_is_added_up_and_a_mutable_one_updated(tmp_path: Path, table: Table) -> None:
    opened = new(tmp_path)
    await opened.open(
        [replace(table, sums=("number", "seconds")), replace(table, name="notes", mutable=True)]
    )
    for number in range(1, 4):
        opened.insert("generations", {"id": "all", "number": number, "seconds": 0.5, "tags": [number]})
        opened.insert("notes", {"id": f"{number}", "number": number})
        await opened.flush()
    assert await opened.execute([("update notes set number = number + :more", {"more": 10})]) == [3]
    totals = await opened.select("select number, seconds, tags from generations")
    notes = await opened.select("select number from notes order by number")
    await opened.close()
    assert totals == [{"number": 6, "seconds": 1.5, "tags": [1]}]
    assert [row["number"] for row in notes] == [11, 12, 13]


async def test_only_declared_tables_are_known(ledger: Ledger) -> None:
    assert ledger.has_table("generations")
    assert not ledger.has_table("pointsman_meta")


async def test_a_key_inserted_twice_is_there_once(ledger: Ledger) -> None:
    for number in (1, 2):
        ledger.insert("generations", {"id": "gen-1", "number": number})
        await ledger.flush()
    assert await ledger.select("select number from generations") == [{"number": 1}]
    assert ledger.health()["duplicates"] == 1


async def test_a_disk_full_for_a_while_loses_nothing(ledger: Ledger, disk: Any) -> None:
    disk.error = sqlite3.OperationalError("database or disk is full")
    for number in range(20):
        ledger.insert("generations", {"id": f"gen-{number}"})
    with pytest.raises(Unavailable):
        await ledger.flush()
    assert ledger.health() == {
        "ok": False,
        "queued": 20,
        "most": 100_000,
        "lost": 0,
        "duplicates": 0,
        "error": "database or disk is full",
    }
    assert await ledger.select("select * from generations") == []
    disk.error = None
    await ledger.flush()
    found = await ledger.select("select id from generations order by rowid")
    assert [row["id"] for row in found] == [f"gen-{number}" for number in range(20)]


async def test_a_file_locked_by_another_program_is_waited_for(
    ledger: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.ledger.sqlite.LOCK_TIMEOUT", 0.02)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as other:
        other.execute("begin immediate")
        ledger.insert("generations", {"id": "gen-1"})
        with pytest.raises(Unavailable):
            await ledger.flush()
        assert ledger.health()["error"] == "database is locked"
    await ledger.flush()
    assert await ledger.select("select id from generations") == [{"id": "gen-1"}]


async def test_a_file_moved_away_is_not_made_anew(ledger: Ledger, disk: Any, tmp_path: Path) -> None:
    disk.error = sqlite3.OperationalError("disk I/O error")
    ledger.insert("generations", {"id": "gen-1"})
    with pytest.raises(Unavailable):
        await ledger.flush()
    (tmp_path / "ledger.db").rename(tmp_path / "moved.db")
    disk.error = None
    with pytest.raises(Unavailable):
        await ledger.flush()
    assert not (tmp_path / "ledger.db").exists()
    (tmp_path / "moved.db").rename(tmp_path / "ledger.db")
    await ledger.flush()
    assert ledger.health()["ok"]


async def test_all_files_are_private(ledger: Ledger, tmp_path: Path) -> None:
    ledger.insert("generations", {"id": "gen-1"})
    await ledger.flush()
    modes = {path.name: path.stat().st_mode & 0o777 for path in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["ledger.db", "ledger.db-shm", "ledger.db-wal", "ledger.db.lock"], 0o600)


@pytest.mark.parametrize(
    ("durability", "levels"), [("relaxed", ["normal", "full", "full"]), ("strict", ["full", "full"])]
)
async def test_what_is_waited_for_is_synchronised_and_in_strict_everything(
    tmp_path: Path, table: Table, durability: Any, levels: list[str]
) -> None:
    seen: list[str] = []

    def connect(*args: Any, **kwargs: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(*args, **kwargs)
        connection.set_trace_callback(seen.append)
        return connection

    opened = open_ledger(URL, base=tmp_path, durability=durability, connect=connect)
    await opened.open([table])
    opened.insert("generations", {"id": "gen-1"})
    while not await opened.select("select id from generations"):
        pass
    await opened.flush()
    await opened.flush()
    assert await opened.execute([]) == []
    await opened.close()
    assert seen[0] == "pragma journal_mode = wal"
    synchronous = "pragma synchronous = "
    assert [each.removeprefix(synchronous) for each in seen if each.startswith(synchronous)] == levels
    assert seen[-1] == "pragma wal_checkpoint(truncate)"


async def test_only_the_writer_moves_rows_out_of_the_log(
    ledger: Ledger, tmp_path: Path, table: Table
) -> None:
    ledger.insert("generations", {"id": "gen-1"})
    await ledger.flush()
    dead = tmp_path / "dead"  # as it is left by a process that was killed
    dead.mkdir()
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (dead / name).write_bytes((tmp_path / name).read_bytes())
    files = [dead / "ledger.db", dead / "ledger.db-wal"]
    before = [file.read_bytes() for file in files]
    with reader(URL, dead) as reads:
        assert await reads.select("select id from generations") == [{"id": "gen-1"}]
    assert [file.read_bytes() for file in files] == before
    second = new(dead)
    await second.open([table])
    await second.close()
    assert [path.name for path in dead.iterdir()] == ["ledger.db"]


async def test_close_leaves_one_file_with_everything_in_it(ledger: Ledger, tmp_path: Path) -> None:
    for number in range(1_000):
        ledger.insert("generations", {"id": f"gen-{number}"})
    await ledger.close()
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        assert connection.execute("select count(*) from generations").fetchone() == (1_000,)
        assert connection.execute("pragma integrity_check").fetchone() == ("ok",)


async def test_rows_survive_from_one_server_to_the_next_that_declares_more(
    tmp_path: Path, table: Table
) -> None:
    first = new(tmp_path)
    await first.open([table])
    first.insert("generations", {"id": "gen-1", "tags": [1]})
    await first.close()
    second = new(tmp_path)
    await second.open(
        [replace(table, columns={**table.columns, "cost": Column("integer", "", required=True)})]
    )
    second.insert("generations", {"id": "gen-2", "cost": 5})
    await second.flush()
    found = await second.select("select id, tags, cost from generations order by id")
    await second.close()
    assert found == [{"id": "gen-1", "tags": [1], "cost": None}, {"id": "gen-2", "tags": None, "cost": 5}]


async def test_a_changed_type_stops_the_start_and_frees_the_lock(tmp_path: Path, table: Table) -> None:
    first = new(tmp_path)
    await first.open([table])
    await first.close()
    second = new(tmp_path)
    with pytest.raises(StartupError, match=r"generations\.number is integer there and declared as text now"):
        await second.open([replace(table, columns={**table.columns, "number": Column("text", "")})])
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.db"]


async def test_a_second_server_is_refused_while_the_first_runs(
    ledger: Ledger, tmp_path: Path, table: Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.ledger.lock.PAUSE", 0.001)
    ledger.announce("http://127.0.0.1:4141")
    assert running_server(URL, tmp_path) == {"pid": os.getpid(), "address": "http://127.0.0.1:4141"}
    second = new(tmp_path)
    with pytest.raises(StartupError, match=rf"pid {os.getpid()}, http://127\.0\.0\.1:4141"):
        await second.open([table])
    await second.close()
    assert running_server(URL, tmp_path) is not None
    await ledger.close()
    assert running_server(URL, tmp_path) is None
    third = new(tmp_path)
    await third.open([table])
    await third.close()


async def test_kill_loses_nothing_that_was_flushed(tmp_path: Path, table: Table) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", CHILD, str(tmp_path)], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        flushed = 0
        while flushed < 500:
            flushed = int(child.stdout.readline())
        assert running_server(URL, tmp_path) == {"pid": child.pid, "address": "http://127.0.0.1:4141"}
        child.kill()
        flushed = max([flushed, *(int(line) for line in child.stdout if line.endswith("\n"))])
    assert running_server(URL, tmp_path) is None
    opened = new(tmp_path)
    await opened.open([table])
    found = await opened.select("select number from generations order by number")
    await opened.close()
    numbers = [row["number"] for row in found]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) >= flushed


@pytest.mark.parametrize(("start", "length"), [(0, 100), (100, 3_000)])
async def test_a_damaged_file_is_refused_with_advice_and_left_as_it_is(
    tmp_path: Path, table: Table, start: int, length: int
) -> None:
    first = new(tmp_path)
    await first.open([table])
    await first.close()
    path = tmp_path / "ledger.db"
    damaged = bytearray(path.read_bytes())
    damaged[start : start + length] = b"\xff" * length
    path.write_bytes(damaged)
    with pytest.raises(StartupError, match=r"ledger\.db is damaged .*Move it aside.*backup"):
        await new(tmp_path).open([table])
    assert path.read_bytes() == damaged
    assert running_server(URL, tmp_path) is None


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///missing/ledger.db", "missing does not exist. Create it"),
        ("sqlite:///file/ledger.db", "file is not a directory"),
        ("sqlite:///directory", "it is a directory. Name a file"),
    ],
)
async def test_a_wrong_place_is_refused_in_words(tmp_path: Path, table: Table, url: str, words: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "directory").mkdir()
    with pytest.raises(StartupError, match=words):
        await open_ledger(url, base=tmp_path, durability="relaxed").open([table])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["directory", "file"]


async def test_a_database_that_cannot_be_written_is_refused_in_words(tmp_path: Path, table: Table) -> None:
    def connect(address: str, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(address.replace("mode=rw", "mode=ro"), **options)
        return connection

    with pytest.raises(StartupError, match=r"readonly database\. .*must be writable"):
        await new(tmp_path, connect=connect).open([table])


async def test_a_place_without_shared_memory_is_refused_in_words(tmp_path: Path, table: Table) -> None:
    def connect(address: str, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(f"{address}&vfs=unix-none", **options)
        return connection

    with pytest.raises(StartupError, match=r"without shared memory.*local disk"):
        await new(tmp_path, connect=connect).open([table])


async def test_a_lock_file_that_cannot_be_written_is_a_startup_error(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pointsman.ledger.lock.os.pwrite", refuse)
    with pytest.raises(StartupError, match="No space left on device"):
        ledger.announce("http://127.0.0.1:4141")


async def test_before_open_nothing_is_there_and_nothing_breaks(tmp_path: Path) -> None:
    closed = new(tmp_path)
    with pytest.raises(ValueError, match="none, it is not open"):
        closed.insert("generations", {"id": "a"})
    with pytest.raises(RuntimeError, match="not open"):
        await closed.select("select 1")
    with pytest.raises(RuntimeError, match="not open"):
        await closed.execute([])
    await closed.flush()
    assert closed.health()["ok"] is False
    await closed.close()
    assert list(tmp_path.iterdir()) == []


async def test_close_may_be_repeated_and_a_late_row_is_counted(ledger: Ledger) -> None:
    await ledger.close()
    await ledger.close()
    ledger.insert("generations", {"id": "late"})
    await asyncio.wait_for(ledger.flush(), 5)
    assert ledger.health()["lost"] == 1


def test_an_unknown_durability_is_refused_with_the_known(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="'eventual' is unknown; expected: relaxed, strict"):
        open_ledger(URL, base=tmp_path, durability=cast(Any, "eventual"))


def test_opening_is_left_to_the_caller(tmp_path: Path) -> None:
    assert isinstance(new(tmp_path), SqliteLedger)
    assert list(tmp_path.iterdir()) == []
