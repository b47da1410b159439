"""The writer thread: grouping, order, and a disk that refuses."""

from __future__ import annotations

import gc
import logging
import sqlite3
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsman.errors import Conflict, Unavailable
from pointsman.ledger import Column, Table
from pointsman.ledger.groups import Insert
from pointsman.ledger.writer import Writer

COLUMNS = {"id": Column("text", ""), "value": Column("integer", "")}
INSERTS = {
    name: Insert(Table(name, COLUMNS, "id", sums=("value",) if name == "sums" else ()))
    for name in ("a", "b", "sums")
}
ADD = "insert into b values (:id, :value)"
FULL = sqlite3.OperationalError("database or disk is full")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "ledger.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("create table pointsman_meta (name text primary key, value text)")
        for table in INSERTS:
            connection.execute(f"create table {table} (id text primary key, value integer)")
    return path


@pytest.fixture
def writer(path: Path, disk: Any) -> Iterator[Writer]:
    def connect() -> sqlite3.Connection:
        return disk.connect(path, check_same_thread=False)  # type: ignore[no-any-return]

    writer = Writer(connect)
    writer.start(connect(), INSERTS)
    yield writer
    disk.error = None
    writer.close()


def ids(path: Path, table: str = "a") -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return [row[0] for row in connection.execute(f"select id from {table} order by rowid")]


def refused(future: Future[list[int]]) -> Unavailable:
    error = future.exception(timeout=10)
    assert isinstance(error, Unavailable)
    return error


def refused_flush(writer: Writer) -> Unavailable:
    error = writer.flush().exception(timeout=10)
    assert isinstance(error, Unavailable)
    return error


def test_rows_that_wait_together_are_written_together_by_table(writer: Writer, path: Path, disk: Any) -> None:
    disk.error = FULL
    for number in range(100):
        writer.put("ab"[number % 2], (f"{number}", number))
    refused_flush(writer)
    disk.error = None
    writer.flush().result(timeout=10)
    evens, odds = [[f"{number}" for number in range(first, 100, 2)] for first in (0, 1)]
    assert disk.groups == [evens, odds]
    assert (ids(path, "a"), ids(path, "b")) == (evens, odds)


def test_a_large_backlog_is_written_in_bounded_groups_and_in_order(
    writer: Writer, path: Path, disk: Any
) -> None:
    for number in range(3_000):
        writer.put("a", (f"{number}", number))
    writer.flush().result(timeout=10)
    assert ids(path) == [f"{number}" for number in range(3_000)]
    assert max(map(len, disk.groups)) <= 500


def test_rows_of_many_threads_all_arrive(writer: Writer, path: Path) -> None:
    def put_many(name: str) -> None:
        for number in range(200):
            writer.put("a", (f"{name}-{number}", number))

    threads = [threading.Thread(target=put_many, args=(name,)) for name in "wxyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    writer.flush().result(timeout=10)
    found = ids(path)
    assert len(found) == 800
    for name in "wxyz":
        assert [row for row in found if row.startswith(name)] == [f"{name}-{number}" for number in range(200)]


def test_a_flush_with_nothing_queued_is_done_at_once(writer: Writer) -> None:
    assert writer.flush().done()


def test_a_row_there_already_is_ignored_counted_and_logged(
    writer: Writer, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for value in (1, 2):
        writer.put("a", ("same", value))
    writer.put("a", ("other", 3))
    writer.flush().result(timeout=10)
    assert ids(path) == ["same", "other"]
    assert writer.health() == {
        "ok": True,
        "queued": 0,
        "most": 100_000,
        "lost": 0,
        "duplicates": 1,
        "error": None,
    }
    assert "1 rows of a were there already" in caplog.text


def test_a_full_disk_loses_nothing_and_keeps_the_order(
    writer: Writer, path: Path, disk: Any, caplog: pytest.LogCaptureFixture
) -> None:
    disk.error = FULL
    writer.put("a", ("0", 0))
    error = refused_flush(writer)
    assert (error.status, error.detail) == (503, "ledger: database or disk is full")
    assert "disk" not in error.message
    for number in range(1, 50):
        writer.put("a", (f"{number}", number))
    health = writer.health()
    assert (health["ok"], health["queued"], health["lost"]) == (False, 50, 0)
    assert health["error"] == "database or disk is full"
    refused_flush(writer)
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == [f"{number}" for number in range(50)]
    assert writer.health() == {
        "ok": True,
        "queued": 0,
        "most": 100_000,
        "lost": 0,
        "duplicates": 0,
        "error": None,
    }
    assert [record.levelno for record in caplog.records] == [logging.ERROR, logging.WARNING]


def test_a_database_really_full_recovers_when_there_is_room(path: Path) -> None:
    pages = 0

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(path, check_same_thread=False)
        connection.execute(f"pragma max_page_count = {pages or 5}")
        return connection

    writer = Writer(connect)
    writer.start(connect(), INSERTS)
    for number in range(2_000):
        writer.put("a", (f"row number {number}", number))
    assert refused_flush(writer).detail == "ledger: database or disk is full"
    pages = 10_000
    writer.flush().result(timeout=10)
    writer.close()
    assert ids(path) == [f"row number {number}" for number in range(2_000)]


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk I/O error"), OSError("no such device")])
def test_every_refusal_is_tried_again_on_a_new_connection(
    writer: Writer, path: Path, disk: Any, error: Exception
) -> None:
    disk.error = error
    with writer._changed:  # one group
        writer.put("a", ("0", 0))
        writer.put("a", ("0", 1))
    refused_flush(writer)
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == ["0"]
    assert writer.health()["duplicates"] == 1
    assert disk.connections == 2


def test_a_commit_that_happened_but_reported_failure_is_not_written_twice(
    writer: Writer, path: Path, disk: Any
) -> None:
    disk.fail_after_commit = True
    disk.error = sqlite3.OperationalError("disk I/O error")
    writer.put("a", ("0", 0))
    refused_flush(writer)
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == ["0"]


def test_sums_are_added_once_though_their_commit_reported_failure(
    writer: Writer, path: Path, disk: Any
) -> None:
    disk.fail_after_commit = True
    disk.error = sqlite3.OperationalError("disk I/O error")
    writer.put("sums", ("total", 1))
    refused_flush(writer)
    writer.put("sums", ("total", 10))
    disk.error = None
    writer.flush().result(timeout=10)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("select * from sums").fetchall() == [("total", 11)]
    assert writer.health() == {
        "ok": True,
        "queued": 0,
        "most": 100_000,
        "lost": 0,
        "duplicates": 0,
        "error": None,
    }


def test_rows_are_not_taken_for_those_of_the_last_commit_where_their_own_never_began(
    writer: Writer, path: Path, disk: Any
) -> None:
    writer.put("a", ("0", 0))
    writer.flush().result(timeout=10)
    disk.error = sqlite3.OperationalError("disk I/O error")
    disk.fails_at = "pragma"
    writer.put("a", ("1", 1))
    refused_flush(writer)
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == ["0", "1"]


def test_a_transaction_is_committed_after_the_rows_before_it(writer: Writer, path: Path) -> None:
    for number in range(700):
        writer.put("a", (f"{number}", number))
    copy = "insert into b select id, value from a where value >= :least"
    assert writer.execute([(copy, {"least": 100}), (ADD, {"id": "x", "value": 1})]).result(10) == [600, 1]
    assert len(ids(path, "b")) == 601


def test_transactions_that_wait_together_share_a_commit_and_fail_apart(
    writer: Writer, path: Path, disk: Any
) -> None:
    with closing(sqlite3.connect(path, timeout=10)) as other:
        other.execute("begin immediate")
        futures = [writer.execute([(ADD, {"id": f"{number % 3}", "value": 1})]) for number in range(6)]
    errors = [future.exception(timeout=10) for future in futures]
    assert errors[:3] == [None] * 3
    assert [type(error) for error in errors[3:]] == [Conflict] * 3
    assert ids(path, "b") == ["0", "1", "2"]
    assert writer.health()["ok"]


def test_a_transaction_fails_where_the_disk_refuses_and_is_never_tried_again(
    writer: Writer, path: Path, disk: Any
) -> None:
    disk.error = FULL
    assert refused(writer.execute([(ADD, {"id": "0", "value": 0})])).detail == (
        "ledger: database or disk is full"
    )
    assert refused(writer.execute([(ADD, {"id": "1", "value": 0})])).status == 503
    assert not writer.health()["ok"]
    writer.put("b", ("row", 1))
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path, "b") == ["row"]
    assert writer.execute([(ADD, {"id": "2", "value": 0})]).result(10) == [1]
    assert writer.health() == {
        "ok": True,
        "queued": 0,
        "most": 100_000,
        "lost": 0,
        "duplicates": 0,
        "error": None,
    }


def test_beyond_its_bound_the_queue_takes_no_transaction(writer: Writer) -> None:
    writer.most = 0
    assert refused(writer.execute([])).detail == "ledger: the queue is full"


def test_what_is_refused_until_the_end_is_told_and_is_no_lost_row(
    writer: Writer, disk: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.ledger.writer.DRAIN_SECONDS", 0.1)
    disk.error = FULL
    writer.put("a", ("0", 0))
    waiting = writer.execute([(ADD, {"id": "0", "value": 0})])
    writer.close()
    refused(waiting)
    assert (writer.health()["queued"], writer.health()["lost"]) == (0, 1)
    refused(writer.execute([]))


def test_beyond_its_bound_the_queue_loses_the_newest_and_says_so_once(
    writer: Writer,
    path: Path,
    disk: Any,
    caplog: pytest.LogCaptureFixture,
) -> None:
    writer.most = 10
    assert not writer.full
    disk.error = FULL
    writer.put("a", ("0", 0))
    refused_flush(writer)
    for number in range(1, 15):
        writer.put("a", (f"{number}", number))
    assert (writer.health()["queued"], writer.health()["most"], writer.health()["lost"]) == (10, 10, 5)
    assert writer.full
    losses = [record for record in caplog.records if "lost so far" in record.message]
    assert [record.levelno for record in losses] == [logging.ERROR]
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == [f"{number}" for number in range(10)]
    assert (writer.health()["ok"], writer.health()["lost"]) == (True, 5)


def test_the_loss_is_logged_again_after_a_minute(
    writer: Writer, disk: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer.most = 0
    monkeypatch.setattr("pointsman.ledger.writer.LOSS_LOG_SECONDS", 0.0)
    writer.put("a", ("0", 0))
    writer.put("a", ("1", 1))
    assert [record.message for record in caplog.records] == [
        "ledger: 1 rows lost so far: the queue is full",
        "ledger: 2 rows lost so far: the queue is full",
    ]


def test_a_cancelled_flush_hurts_nobody(writer: Writer, path: Path, disk: Any) -> None:
    disk.error = FULL
    writer.put("a", ("0", 0))
    refused_flush(writer)
    assert writer.flush().cancel()
    refused_flush(writer)
    assert writer.flush().cancel()
    disk.error = None
    writer.flush().result(timeout=10)
    assert ids(path) == ["0"]


def test_close_writes_what_waits_and_ends_the_thread(writer: Writer, path: Path) -> None:
    for number in range(1_000):
        writer.put("a", (f"{number}", number))
    writer.close()
    assert len(ids(path)) == 1_000
    assert "ledger-writer" not in [thread.name for thread in threading.enumerate()]
    assert writer.health()["error"] == "the ledger is closed"
    writer.close()


def test_close_gives_up_on_a_disk_that_goes_on_refusing(
    writer: Writer, disk: Any, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.ledger.writer.DRAIN_SECONDS", 0.1)
    disk.error = FULL
    writer.put("a", ("0", 0))
    writer.put("a", ("1", 1))
    writer.close()
    health = writer.health()
    assert (health["ok"], health["queued"], health["lost"]) == (False, 0, 2)
    assert "2 rows lost so far: database or disk is full" in caplog.text
    assert writer.flush().done()


def test_a_row_after_close_is_counted_as_lost(writer: Writer, caplog: pytest.LogCaptureFixture) -> None:
    writer.close()
    writer.put("a", ("0", 0))
    assert (writer.health()["queued"], writer.health()["lost"]) == (0, 1)
    assert "1 rows lost so far: the ledger is closed" in caplog.text


def test_a_writer_not_started_is_not_well_and_closes(tmp_path: Path) -> None:
    writer = Writer(lambda: sqlite3.connect(tmp_path / "never.db"))
    assert writer.health()["error"] == "the ledger is not open"
    writer.close()
    assert not list(tmp_path.iterdir())


def test_a_row_that_comes_as_the_thread_ends_is_counted_as_lost(writer: Writer) -> None:
    writer.close()
    writer._deadline = None  # as a `put` saw it that began before
    writer.put("a", ("0", 0))
    assert (writer.health()["queued"], writer.health()["lost"]) == (0, 1)


def test_rows_that_come_while_a_group_is_gathered_wait_for_the_next(writer: Writer, path: Path) -> None:
    """Python may stop for its collector between any two objects, and others run meanwhile."""
    late = iter(range(50))

    def come(phase: str, info: dict[str, int]) -> None:
        if threading.current_thread().name == "ledger-writer" and (number := next(late, None)) is not None:
            writer.put("a", (f"late-{number:02d}", number))

    before = gc.get_threshold()
    gc.callbacks.append(come)
    gc.set_threshold(1)
    try:
        for number in range(200):
            writer.put("a", (f"row-{number:03d}", number))
            writer.flush().result(timeout=10)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(come)
    writer.flush().result(timeout=10)
    assert sorted(ids(path)) == [f"late-{number:02d}" for number in range(50)] + [
        f"row-{number:03d}" for number in range(200)
    ]
