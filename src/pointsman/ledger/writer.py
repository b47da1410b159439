"""The one thread that writes: a bounded queue, group commits, and patience with a disk that refuses."""

from __future__ import annotations

import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

from pointsman.errors import Unavailable
from pointsman.ledger.groups import (
    Entry,
    Insert,
    Statement,
    Transaction,
    last_mark,
    new_mark,
    protect,
    write_group,
)
from pointsman.ledger.tables import StoredValue

__all__ = ["QUEUE_ROWS", "Writer"]

GROUP_SECONDS = 0.02
GROUP_ROWS = 500
QUEUE_ROWS = 100_000
FIRST_RETRY = 0.05  # seconds, doubled up to the longest
LONGEST_RETRY = 2.0
DRAIN_SECONDS = 5.0
LOSS_LOG_SECONDS = 60.0

logger = logging.getLogger(__name__)


class Writer:
    """Rows wait in order until their commit has succeeded; only then do they leave the queue. Transactions
    wait among them; one that failed stays in its place, and is passed over. What somebody waits for is
    synchronised with the disk, and what is `strict` always: a power cut takes nothing of it.

    `put` takes no lock: it appends, and then looks whether the thread must be told. The thread says that it
    must before it looks at the queue for the last time, so that no row is overlooked.
    """

    def __init__(
        self, connect: Callable[[], sqlite3.Connection], *, strict: bool = False, most: int = QUEUE_ROWS
    ) -> None:
        self.most = most
        self._connect = connect
        self._strict = strict
        self._connection: sqlite3.Connection | None = None
        self._inserts: Mapping[str, Insert] = {}
        self._thread: threading.Thread | None = None
        self._changed = threading.Condition()
        self._queue: deque[Entry] = deque()
        self._written = 0
        self._synchronised = 0  # of those written
        self._waiting = 0  # transactions that somebody waits for
        self._tried: tuple[str, int] | None = None  # mark and length of a group not known to be written
        self._ignored = 0  # its rows that were there before
        self._flushes: deque[tuple[int, Future[None]]] = deque()
        self._sleeping = False  # the thread waits for a row, or is no more
        self._deadline: float | None = None  # monotonic; set when closing
        self._ended = False
        self._failure: str | None = "the ledger is not open"
        self._lost = 0
        self._loss_logged = float("-inf")
        self._duplicates = 0

    def start(self, connection: sqlite3.Connection, inserts: Mapping[str, Insert]) -> None:
        """Begin to write on this connection; `inserts` says how rows of each table are written."""
        protect(connection, inserts)
        self._connection = connection
        self._inserts = inserts
        self._failure = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=False)
        self._thread.start()

    @property
    def full(self) -> bool:
        """See `Ledger.full`."""
        return len(self._queue) >= self.most

    def put(self, table: str, values: tuple[StoredValue, ...]) -> None:
        """Queue one row, or count it as lost where the queue is full or closed."""
        if self._deadline is not None or len(self._queue) >= self.most:
            with self._changed:
                self._lose(1)
            return
        self._queue.append((table, values))
        if self._sleeping:
            self._tell()

    def execute(self, statements: Sequence[Statement]) -> Future[list[int]]:
        """Queue a transaction; see `Ledger.execute`."""
        future: Future[list[int]] = Future()
        with self._changed:
            refused = self._failure is not None or self._deadline is not None
            if refused or self.full:
                future.set_exception(self._unavailable())
            else:
                self._queue.append(Transaction(statements, future))
                self._waiting += 1
                self._changed.notify()
        return future

    def flush(self) -> Future[None]:
        """Done when all rows queued before are on disk; `Unavailable` when the next commit fails."""
        future: Future[None] = Future()
        with self._changed:
            last = self._written + len(self._queue)
            if last <= self._synchronised or self._ended:
                future.set_result(None)
            else:
                self._flushes.append((last, future))
                if self._failure is None:  # otherwise the next try comes soon, and no sooner for asking
                    self._changed.notify()
        return future

    def close(self) -> None:
        """Write what waits and end the thread; after `DRAIN_SECONDS` of refusal the rest is lost."""
        with self._changed:
            self._deadline = time.monotonic() + DRAIN_SECONDS
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def health(self) -> dict[str, Any]:
        """See `Ledger.health`."""
        with self._changed:
            return {
                "ok": self._failure is None,
                "queued": len(self._queue),
                "most": self.most,
                "lost": self._lost,
                "duplicates": self._duplicates,
                "error": self._failure,
            }

    def _run(self) -> None:
        delay = FIRST_RETRY
        while (next_group := self._next_group()) is not None:
            try:
                self._write(*next_group)
            except Exception as error:  # whatever it is, the rows stay and the thread lives
                self._disconnect()
                if not self._refused(error, delay):
                    break
                delay = min(2 * delay, LONGEST_RETRY)
            else:
                delay = FIRST_RETRY
        self._end()

    def _tell(self) -> None:
        """Tell the sleeping thread of a row; where it has ended meanwhile, the row is lost."""
        with self._changed:
            if self._ended:
                self._lose_all()
            else:
                self._sleeping = False
                self._changed.notify()

    def _next_group(self) -> tuple[list[Entry], bool] | None:
        """Wait for rows, then a little for company; whether somebody waits for the group. None when closing
        with nothing left to write.
        """
        with self._changed:
            self._sleeping = True
            self._changed.wait_for(lambda: self._queue or self._flushes or self._deadline is not None)
            self._sleeping = False
            if not self._queue and not self._flushes:
                return None
            self._changed.wait_for(self._group_is_due, GROUP_SECONDS)
            # by number: an iterator would break off where a `put` comes between
            group = [self._queue[place] for place in range(min(len(self._queue), GROUP_ROWS))]
            return group, self._is_waited_for()

    def _group_is_due(self) -> bool:
        return len(self._queue) >= GROUP_ROWS or self._is_waited_for() or self._deadline is not None

    def _is_waited_for(self) -> bool:
        return self._waiting > 0 or bool(self._flushes)

    def _write(self, group: list[Entry], waited_for: bool) -> None:
        if self._connection is None:
            self._connection = self._connect()
            protect(self._connection, self._inserts)
            if self._tried is not None and last_mark(self._connection) == self._tried[0]:
                self._duplicates += self._ignored
                self._written_to_disk(self._tried[1], synchronised=False)  # it had happened all the same
                return
        synchronised = waited_for or self._strict
        self._connection.execute(f"pragma synchronous = {'full' if synchronised else 'normal'}")
        mark = new_mark()
        self._tried = (mark, len(group))
        outcomes, duplicates = write_group(self._connection, self._inserts, group, mark, self._told)
        self._duplicates += duplicates
        self._written_to_disk(len(group), synchronised=synchronised)
        for future, outcome in outcomes:
            if isinstance(outcome, Exception):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

    def _told(self, duplicates: int) -> None:
        self._ignored = duplicates

    def _written_to_disk(self, count: int, *, synchronised: bool) -> None:
        done: list[Future[None]] = []
        with self._changed:
            self._tried = None
            for _ in range(count):
                if isinstance(self._queue.popleft(), Transaction):
                    self._waiting -= 1
            self._written += count
            if synchronised:
                self._synchronised = self._written
            while self._flushes and self._flushes[0][0] <= self._synchronised:
                done.append(self._flushes.popleft()[1])
            recovered, self._failure = self._failure is not None, None
        if recovered:
            logger.warning("ledger: writing again")
        for future in done:
            if future.set_running_or_notify_cancel():
                future.set_result(None)

    def _refused(self, error: Exception, delay: float) -> bool:
        """Note the failure and wait `delay` seconds. False when closing has taken too long to try again."""
        with self._changed:
            first, self._failure = self._failure is None, str(error)
        if first:
            logger.error("ledger: cannot write, rows are kept in memory and tried again: %s", error)
        self._fail_waiting()
        with self._changed:
            if self._deadline is not None and time.monotonic() >= self._deadline:
                return False
            self._changed.wait(delay)
        return True

    def _fail_waiting(self) -> None:
        """Tell all who wait for the disk that it refuses."""
        with self._changed:
            waiting: list[Future[Any]] = [future for _, future in self._flushes]
            waiting += [each.future for each in list(self._queue) if isinstance(each, Transaction)]
            self._flushes.clear()
        for future in waiting:
            if not future.done() and (future.running() or future.set_running_or_notify_cancel()):
                future.set_exception(self._unavailable())

    def _unavailable(self) -> Unavailable:
        return Unavailable(
            "the record of this request cannot be written now; try again later",
            error_type="server",
            detail=f"ledger: {self._failure or self._cause()}",
        )

    def _cause(self) -> str:
        """Why the queue takes no more."""
        return "closing" if self._deadline is not None else "the queue is full"

    def _lose(self, count: int) -> None:
        """Count lost rows and say so at most once a minute. The caller holds the lock."""
        self._lost += count
        if time.monotonic() - self._loss_logged >= LOSS_LOG_SECONDS:
            self._loss_logged = time.monotonic()
            logger.error("ledger: %d rows lost so far: %s", self._lost, self._failure or self._cause())

    def _lose_all(self) -> None:
        """Give up what is queued. The caller holds the lock."""
        rows = sum(not isinstance(each, Transaction) for each in list(self._queue))
        self._queue.clear()
        if rows:
            self._lose(rows)

    def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # a connection that failed may fail to close as well
                self._connection.close()
            self._connection = None

    def _end(self) -> None:
        with self._changed:
            self._ended = self._sleeping = True
            if not self._queue:
                self._failure = "the ledger is closed"
        self._fail_waiting()
        with self._changed:
            self._lose_all()
        if self._connection is not None:
            with suppress(Exception):  # the next start does what could not be done here
                self._connection.execute("pragma wal_checkpoint(truncate)")
        self._disconnect()
