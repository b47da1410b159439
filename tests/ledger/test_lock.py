"""The lock beside the ledger."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pointsman.errors import StartupError
from pointsman.ledger.lock import WriterLock, lock_path, running_server

URL = "sqlite:///ledger.db"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman.ledger.lock.PAUSE", 0.001)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


@pytest.fixture
def lock(database: Path) -> Iterator[WriterLock]:
    lock = WriterLock(database)
    lock.acquire()
    yield lock
    lock.release()


def test_the_file_says_who_holds_it_and_since_when(lock: WriterLock, database: Path) -> None:
    record = json.loads(lock_path(database).read_text())
    assert (record["pid"], record["address"]) == (os.getpid(), None)
    assert abs((datetime.now(UTC) - datetime.fromisoformat(record["started"])).total_seconds()) < 60
    assert lock_path(database).stat().st_mode & 0o777 == 0o600


def test_a_second_holder_is_refused_with_pid_and_address(lock: WriterLock, database: Path) -> None:
    lock.announce("http://127.0.0.1:4141")
    with pytest.raises(
        StartupError, match=rf"pid {os.getpid()}, http://127\.0\.0\.1:4141\) is using"
    ) as caught:
        WriterLock(database).acquire()
    assert str(lock_path(database)) in str(caught.value)


def test_the_file_of_a_dead_server_is_locked_again(database: Path) -> None:
    lock_path(database).write_text(
        '{"pid": 4194305, "address": "http://127.0.0.1:1", "started": "then"}' + " " * 99
    )
    assert running_server(URL, database.parent) is None
    lock = WriterLock(database)
    lock.acquire()
    assert running_server(URL, database.parent) == {"pid": os.getpid(), "address": None}
    lock.release()


def test_release_removes_the_file_and_may_be_repeated(lock: WriterLock, database: Path) -> None:
    lock.release()
    assert not lock_path(database).exists()
    lock.release()
    lock.acquire()
    assert lock_path(database).exists()


def test_a_look_at_the_lock_does_not_stop_a_server_from_starting(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking = os.open(lock_path(database), os.O_RDWR | os.O_CREAT)
    fcntl.flock(looking, fcntl.LOCK_SH)
    monkeypatch.setattr(
        "pointsman.ledger.lock.time.sleep", lambda _seconds: fcntl.flock(looking, fcntl.LOCK_UN)
    )
    lock = WriterLock(database)
    lock.acquire()
    os.close(looking)
    assert running_server(URL, database.parent) == {"pid": os.getpid(), "address": None}
    lock.release()


def test_a_file_removed_by_the_last_holder_is_not_taken_for_the_lock(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flock = fcntl.flock
    path = lock_path(database)
    removed: list[int] = []

    def remove_then_lock(file: int, kind: int) -> None:
        if not removed:
            removed.append(file)
            path.unlink()
        flock(file, kind)

    monkeypatch.setattr("pointsman.ledger.lock.fcntl.flock", remove_then_lock)
    lock = WriterLock(database)
    lock.acquire()
    assert running_server(URL, database.parent) == {"pid": os.getpid(), "address": None}
    lock.release()


def test_an_address_needs_the_lock(database: Path) -> None:
    with pytest.raises(RuntimeError, match="not open"):
        WriterLock(database).announce("http://127.0.0.1:4141")


def test_no_server_runs_where_there_is_no_lock_file(tmp_path: Path) -> None:
    assert running_server(URL, tmp_path) is None
    (tmp_path / "file").touch()
    assert running_server("sqlite:///file/ledger.db", tmp_path) is None


def test_the_running_server_is_found_with_its_newest_address(lock: WriterLock, tmp_path: Path) -> None:
    lock.announce("http://a-rather-long-name.example:4141")
    lock.announce("http://[::1]:80")
    assert running_server(URL, tmp_path) == {"pid": os.getpid(), "address": "http://[::1]:80"}


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"pid": 1}'])
def test_a_record_being_written_says_nothing(lock: WriterLock, database: Path, content: str) -> None:
    lock_path(database).write_text(content)
    assert running_server(URL, database.parent) == {"pid": None, "address": None}
    with pytest.raises(StartupError, match="pid unknown, no address yet"):
        WriterLock(database).acquire()


def test_a_record_not_yet_cut_to_length_is_read(lock: WriterLock, database: Path) -> None:
    lock_path(database).write_text('{"pid": 7, "address": "http://b"}\n41"}\n')
    assert running_server(URL, database.parent) == {"pid": 7, "address": "http://b"}
