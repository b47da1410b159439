"""The writer's lock: one server per ledger, found by others through a file beside it."""

from __future__ import annotations

import fcntl
import json
import os
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

from pointsman.errors import StartupError
from pointsman.ledger.files import database_path

__all__ = ["RunningServer", "WriterLock", "lock_path", "running_server"]

ATTEMPTS = 10
PAUSE = 0.05  # seconds; `running_server` holds a shared lock for far less than one pause


class RunningServer(TypedDict):
    """Who holds a ledger: process id, and base URL once it listens. None where it has not said yet."""

    pid: int | None
    address: str | None


def lock_path(database: Path) -> Path:
    """The lock file of a database file."""
    return database.with_name(f"{database.name}.lock")


class WriterLock:
    """An exclusive lock on `<database>.lock`, held as long as the file is open.

    The kernel drops it with the process, so that the file of a dead server is simply locked again.
    """

    def __init__(self, database: Path) -> None:
        self._path = lock_path(database)
        self._file: int | None = None
        self._started = datetime.now(UTC).isoformat(timespec="seconds")

    def acquire(self) -> None:
        """Take the lock.

        Raises StartupError where a live server has it, OSError where the file cannot be made.
        """
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE)
            file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            if _try_lock(file, fcntl.LOCK_EX) and self._is_current(file):
                self._file = file
                self._write(None)
                return
            os.close(file)
        holder = _read_holder(self._path)
        raise StartupError(
            f"another server (pid {holder['pid'] or 'unknown'}, {holder['address'] or 'no address yet'}) is "
            f"using this ledger: it holds {self._path}. Stop it, or give this server a ledger of its own."
        )

    def announce(self, address: str) -> None:
        """Record the base URL of the server. Raises OSError where the file cannot be written."""
        self._write(address)

    def release(self) -> None:
        """Remove the file, then let go: in this order nobody can lock a file that is about to vanish."""
        if self._file is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._file)
            self._file = None

    def _is_current(self, file: int) -> bool:
        """False where the last holder removed the file between our opening and locking it."""
        try:
            return os.path.samestat(os.fstat(file), self._path.stat())
        except FileNotFoundError:
            return False

    def _write(self, address: str | None) -> None:
        if self._file is None:
            raise RuntimeError("the ledger is not open")
        record = {"pid": os.getpid(), "address": address, "started": self._started}
        content = json.dumps(record).encode() + b"\n"
        os.pwrite(self._file, content, 0)
        os.ftruncate(self._file, len(content))


def running_server(url: str, base: Path) -> RunningServer | None:
    """The server that has the ledger at `url` open now, or None.

    Raises StartupError for a URL that names no file.
    """
    path = lock_path(database_path(url, base))
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        return None if _try_lock(file, fcntl.LOCK_SH) else _read_holder(path)
    finally:
        os.close(file)


def _try_lock(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read_holder(path: Path) -> RunningServer:
    """What the holder wrote; a file just being written or removed says nothing."""
    try:
        # only the first object counts: a shorter record is cut to length just after it is written
        record, _ = json.JSONDecoder().raw_decode(path.read_text("utf-8"))
        return {"pid": record["pid"], "address": record["address"]}
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return {"pid": None, "address": None}
