"""Where a ledger is kept: its path, its connections, and what to say when either fails."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pointsman.errors import StartupError

__all__ = ["Connect", "connect_to", "create_file", "database_path", "startup_errors"]

Connect = Callable[..., sqlite3.Connection]

PREFIX = "sqlite:///"


def database_path(url: str, base: Path) -> Path:
    """The file that `sqlite:///relative.db` (to `base`) or `sqlite:////absolute.db` names.

    Raises StartupError for every other URL, without repeating it: it may hold a password.
    """
    scheme = url.partition(":")[0]
    if scheme != "sqlite":
        raise StartupError(
            f"ledger: the core keeps ledgers in SQLite only, not in {scheme!r}. Install and configure the "
            "plugin for that engine, or write `ledger: sqlite:///pointsman.db`."
        )
    name = url.removeprefix(PREFIX)
    if ":memory:" in url or name in ("", url):
        raise StartupError(
            f"ledger: {url!r} names no file, and a ledger needs one that other processes can read. "
            "Write `sqlite:///pointsman.db` (beside the configuration) or `sqlite:////var/lib/pointsman.db`."
        )
    if "?" in name or "#" in name:
        raise StartupError(f"ledger: {url!r} has parameters; a ledger takes a path only.")
    return base.absolute() / name


def create_file(path: Path) -> None:
    """Make sure the file is there and writable; a new one is readable by its owner only."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def connect_to(path: Path, connect: Connect, mode: Literal["ro", "rw"], timeout: float) -> sqlite3.Connection:
    """A connection to an existing file, usable from any thread. `timeout`, in seconds, is how long it waits
    for locks.
    """
    return connect(f"{path.as_uri()}?mode={mode}", uri=True, timeout=timeout, check_same_thread=False)


@contextmanager
def startup_errors(path: Path) -> Iterator[None]:
    """Turn what SQLite and the file system say about a ledger into a StartupError that says what to do."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StartupError(
            f"the ledger {path} cannot be opened: {error}. The file and its directory must be writable by "
            "this user, the disk needs free space, and no other program may keep the file locked."
        ) from error
    except sqlite3.DatabaseError as error:
        raise StartupError(
            f"the ledger {path} is damaged or is not an SQLite database: {error}. Move it aside, together "
            f"with {path.name}-wal and {path.name}-shm, then put a backup in its place, or start without."
        ) from error
    except OSError as error:
        raise StartupError(f"the ledger {path} cannot be opened: {_advice(path, error)}") from error


def _advice(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return (
            f"the directory {path.parent} does not exist. Create it, or change `ledger` in the configuration."
        )
    if isinstance(error, NotADirectoryError):
        return f"{path.parent} is not a directory. Change `ledger` in the configuration."
    if isinstance(error, IsADirectoryError):
        return "it is a directory. Name a file in it."
    return f"{error.strerror}. Choose a place that this user can write to and that has free space."
