"""Paths of ledgers, their connections, and the words for what goes wrong."""

from __future__ import annotations

import errno
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from pointsman.errors import StartupError
from pointsman.ledger.files import connect_to, create_file, database_path, startup_errors


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("sqlite:///pointsman.db", "/srv/proxy/pointsman.db"),
        ("sqlite:///data/a b%20c.db", "/srv/proxy/data/a b%20c.db"),
        ("sqlite:////var/lib/pointsman.db", "/var/lib/pointsman.db"),
    ],
)
def test_a_url_names_a_file(url: str, expected: str) -> None:
    assert database_path(url, Path("/srv/proxy")) == Path(expected)


def test_a_relative_base_becomes_absolute() -> None:
    assert database_path("sqlite:///a.db", Path()) == Path.cwd() / "a.db"


@pytest.mark.parametrize(
    "url", ["sqlite://", "sqlite:///", "sqlite://:memory:", "sqlite:///:memory:", "sqlite:a.db"]
)
def test_a_url_without_a_file_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(StartupError, match=r"names no file.*sqlite:///pointsman\.db"):
        database_path(url, Path("/srv"))


def test_parameters_in_the_url_are_refused() -> None:
    with pytest.raises(StartupError, match="takes a path only"):
        database_path("sqlite:///a.db?mode=memory", Path("/srv"))


def test_another_engine_asks_for_its_plugin_and_shows_no_password() -> None:
    with pytest.raises(StartupError, match=r"not in 'otherdb'.*plugin") as caught:
        database_path("otherdb://user:hunter2@host/db", Path("/srv"))
    assert "hunter2" not in str(caught.value)


def test_a_new_file_is_private_and_an_old_one_keeps_its_mode_and_content(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    path.write_bytes(b"kept")
    path.chmod(0o640)
    create_file(path)
    assert (path.stat().st_mode & 0o777, path.read_bytes()) == (0o640, b"kept")


def test_a_connection_never_creates_a_file(tmp_path: Path) -> None:
    with pytest.raises(sqlite3.OperationalError):
        connect_to(tmp_path / "a.db", sqlite3.connect, "rw", 1.0)
    assert not list(tmp_path.iterdir())


def test_a_path_with_signs_of_a_uri_is_opened_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "a?mode=memory#b%41.db"
    create_file(path)
    with closing(connect_to(path, sqlite3.connect, "rw", 1.0)) as connection:
        connection.execute("create table t (a)")
    assert path.stat().st_size > 0


def test_a_connection_for_reading_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "a.db"
    create_file(path)
    with (
        closing(connect_to(path, sqlite3.connect, "ro", 1.0)) as connection,
        pytest.raises(sqlite3.OperationalError, match="readonly"),
    ):
        connection.execute("create table t (a)")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (sqlite3.OperationalError("database is locked"), r"database is locked.*keep the file locked"),
        (sqlite3.DatabaseError("file is not a database"), r"damaged.*Move it aside.*a\.db-wal.*backup"),
        (FileNotFoundError(errno.ENOENT, "No such file"), r"directory /srv does not exist\. Create it"),
        (NotADirectoryError(errno.ENOTDIR, "Not a directory"), r"/srv is not a directory"),
        (IsADirectoryError(errno.EISDIR, "Is a directory"), r"it is a directory\. Name a file"),
        (OSError(errno.EROFS, "Read-only file system"), r"Read-only file system\. Choose a place"),
    ],
)
def test_what_goes_wrong_is_said_with_the_path_and_what_to_do(error: Exception, words: str) -> None:
    with (
        pytest.raises(StartupError, match=rf"the ledger /srv/a\.db .*{words}"),
        startup_errors(Path("/srv/a.db")),
    ):
        raise error
