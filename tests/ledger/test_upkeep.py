"""Copies and checks of a ledger, made from outside."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import StartupError
from pointsman.ledger import (
    Column,
    Finding,
    Ledger,
    Table,
    back_up,
    check_ledger,
    delete_before,
    open_ledger,
    reader,
    upkeep,
)

URL = "sqlite:///ledger.db"


async def put(ledger: Ledger, *numbers: int) -> None:
    for number in numbers:
        ledger.insert("generations", {"id": f"gen-{number}", "number": number})
    await ledger.flush()


async def test_a_copy_is_one_private_file_with_everything_in_it(
    ledger: Ledger, tmp_path: Path, table: Table
) -> None:
    await put(ledger, *range(100))
    target = tmp_path / "copy.db"
    assert back_up(URL, tmp_path, target) == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} >= {"copy.db", "ledger.db"}
    assert not [path for path in tmp_path.iterdir() if path.name.startswith((".", "copy.db-"))]
    await put(ledger, 100)
    restored = open_ledger("sqlite:///copy.db", base=tmp_path, durability="relaxed")
    await restored.open([table])
    found = await restored.select("select number from generations order by number")
    await restored.close()
    assert [row["number"] for row in found] == [*range(100)]


async def test_a_copy_made_while_rows_are_written_is_of_one_moment(ledger: Ledger, tmp_path: Path) -> None:
    await put(ledger, *range(20_000))
    stop = threading.Event()
    written = threading.Event()
    seen: list[tuple[int, int]] = []

    def write_on() -> None:
        number = 20_000
        with closing(sqlite3.connect(tmp_path / "ledger.db", timeout=10)) as other:
            while not stop.is_set():
                with other:
                    rows = ((f"gen-{number + each}", number + each) for each in range(10))
                    other.executemany("insert into generations (id, number) values (?, ?)", rows)
                number += 10
                written.set()

    thread = threading.Thread(target=write_on)
    thread.start()
    written.wait(10)

    def progress(left: int, pages: int) -> None:
        written.clear()
        seen.append((left, pages))
        written.wait(10)  # between any two steps something is written

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("pointsman.ledger.upkeep.STEP_PAGES", 50)
            back_up(URL, tmp_path, tmp_path / "copy.db", progress=progress)
    finally:
        stop.set()
        thread.join()
    assert len(seen) > 3
    assert seen[-1][0] == 0
    assert len({pages for _, pages in seen}) == 1
    with reader("sqlite:///copy.db", tmp_path) as copy:
        numbers = [row["number"] for row in copy.select_sync("select number from generations order by id")]
    assert sorted(numbers) == [*range(len(numbers))]
    assert len(numbers) % 10 == 0
    assert check_ledger("sqlite:///copy.db", tmp_path, []) == []


async def test_what_is_there_is_never_overwritten(ledger: Ledger, tmp_path: Path) -> None:
    target = tmp_path / "copy.db"
    target.write_text("precious")
    with pytest.raises(StartupError, match=r"copy\.db exists, and is not overwritten"):
        back_up(URL, tmp_path, target)

    late = tmp_path / "late.db"
    with pytest.raises(StartupError, match="File exists"):
        back_up(URL, tmp_path, late, progress=lambda *_: late.write_text("precious") and None)
    assert (target.read_text(), late.read_text()) == ("precious", "precious")
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("connect", "target", "words"),
    [
        (sqlite3.connect, "missing/copy.db", "No such file or directory"),
        ("full", "copy.db", "database or disk is full"),
    ],
)
async def test_a_copy_that_fails_leaves_nothing(
    ledger: Ledger, tmp_path: Path, connect: Any, target: str, words: str
) -> None:
    await put(ledger, *range(2_000))

    def small(address: str, **options: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = sqlite3.connect(address, **options)
        if "copy" in address:
            connection.execute("pragma max_page_count = 5")
        return connection

    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(StartupError, match=f"cannot be copied to .*: .*{words}"):
        back_up(URL, tmp_path, tmp_path / target, connect=small if connect == "full" else connect)
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_without_a_ledger_there_is_nothing_to_copy_or_check(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"no ledger at .*start the server once"):
        back_up(URL, tmp_path, tmp_path / "copy.db")
    with pytest.raises(StartupError, match="no ledger at"):
        check_ledger(URL, tmp_path, [])
    assert [*tmp_path.iterdir()] == []


async def test_a_sound_ledger_has_no_findings_beside_a_server_and_without(
    ledger: Ledger, tmp_path: Path, table: Table
) -> None:
    await put(ledger, 1, 2)
    assert check_ledger(URL, tmp_path, [table]) == []
    await ledger.close()
    assert check_ledger(URL, tmp_path, [table, Table("more", {"id": Column("text", "")}, "id")]) == []
    assert check_ledger(URL, tmp_path, [], quick=True) == []


Break = Callable[[sqlite3.Connection], object]


@pytest.mark.parametrize(
    ("break_it", "finding"),
    [
        (lambda c: c.execute("drop table generations"), "the table is recorded, and missing"),
        (
            lambda c: c.execute("alter table generations drop column seconds"),
            "column seconds is missing, or not as it is recorded",
        ),
        (lambda c: c.execute("create table mine (id text)"), "a table that pointsman did not make"),
        (
            lambda c: c.execute("update pointsman_meta set value = '99' where name = 'schema'"),
            "made by a newer pointsman",
        ),
        (lambda c: c.execute("drop table pointsman_meta"), "there is no record of what the ledger holds"),
    ],
)
async def test_a_record_that_is_not_what_is_there_is_found(
    ledger: Ledger, tmp_path: Path, break_it: Break, finding: str
) -> None:
    await ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        break_it(connection)
    found = check_ledger(URL, tmp_path, [])
    assert {each.check for each in found} == {"schema"}
    assert any(finding in each.message for each in found)


async def test_what_the_next_start_would_refuse_is_found(
    ledger: Ledger, tmp_path: Path, table: Table
) -> None:
    await ledger.close()
    changed = replace(
        table, columns={**table.columns, "number": Column("text", "")}, primary_key="number", indexes=()
    )
    assert check_ledger(URL, tmp_path, [changed]) == [
        Finding("schema", "generations", "column number is declared as text now"),
        Finding("schema", "generations", "the primary key is declared as number now"),
    ]


async def test_damaged_pages_and_files_that_are_no_database_are_found(ledger: Ledger, tmp_path: Path) -> None:
    await put(ledger, *range(5_000))
    await ledger.close()
    path = tmp_path / "ledger.db"
    whole = bytearray(path.read_bytes())
    for start, length in ((len(whole) // 2, 3 * 4096), (0, 100)):
        damaged = whole.copy()
        damaged[start : start + length] = b"\xff" * length
        path.write_bytes(damaged)
        found = check_ledger(URL, tmp_path, [])
        assert {each.check for each in found} == {"integrity"}
        assert path.read_bytes() == damaged


async def test_an_index_that_disagrees_with_its_table_is_found_unless_in_haste(
    ledger: Ledger, tmp_path: Path
) -> None:
    await put(ledger, 1, 2, 3)
    await ledger.close()
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection, connection:
        connection.execute("pragma writable_schema = on")
        connection.execute(
            "update sqlite_master set sql = replace(sql, '[number]', '[seconds]') where type = 'index'"
        )
        connection.execute(
            "update sqlite_master set sql = replace(sql, '\"number\"', '\"seconds\"') where type = 'index'"
        )
    assert check_ledger(URL, tmp_path, [], quick=True) == []
    assert {each.check for each in check_ledger(URL, tmp_path, [])} == {"integrity"}


async def test_what_is_old_is_deleted_a_few_rows_at_a_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 3)
    columns = {"name": Column("text", "", required=True), "at": Column("text", "")}
    dated = Table("dated", columns, primary_key="name")
    ledger = open_ledger(URL, base=tmp_path, durability="relaxed")
    await ledger.open([dated])
    for number in range(10):
        ledger.insert("dated", {"name": str(number), "at": f"2026-11-{number + 1:02d}"})
    assert await delete_before(ledger, dated, "2026-11-08") == 7
    assert await delete_before(ledger, dated, "2026-11-08") == 0
    assert [row["name"] for row in await ledger.select("select name from dated")] == ["7", "8", "9"]
    await ledger.close()
