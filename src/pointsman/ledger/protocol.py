"""What every ledger engine offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from pointsman.ledger.tables import Row, Table

__all__ = ["Ledger", "Reading"]

Result = TypeVar("Result")


class Reading(Protocol):
    """What a function that reads is given: queries that wait for their answer."""

    def select_sync(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows a query answers; see `Ledger.select`."""

    def has_table(self, name: str) -> bool:
        """Whether a table of this name was declared."""


class Ledger(Protocol):
    """The durable record. SQL is portable, with `:name` parameters."""

    async def open(self, tables: Sequence[Table]) -> None:
        """Take the ledger for this process and bring its tables to what is declared.

        New tables, columns and indexes are added. Raises StartupError, in words, where the ledger
        cannot be used: taken by another server, damaged, unwritable, or declared otherwise before.
        """

    def insert(self, table: str, row: Row) -> None:
        """Queue a row and return at once; it can be read within 50 ms while the disk works.

        A row is a mapping by column names, or a tuple of the values of all columns in their order.
        `json` columns take a dict or a list, `boolean` ones a bool. A second row with the same primary
        key is ignored and counted, or added up where the table has `sums`. Raises ValueError for an
        unknown table and a row that does not fit it.
        """

    async def flush(self) -> None:
        """Return when every row queued before is on disk, where a power cut does not take it.

        Raises `errors.Unavailable` where the disk refuses; the rows stay queued and are tried again.
        Rows that `health` counts as lost were never queued.
        """

    async def execute(self, statements: Sequence[tuple[str, Mapping[str, object]]]) -> list[int]:
        """Run inserts, updates and deletes as one transaction, after the rows queued before; how many rows
        each has changed, once that is on disk.

        Raises `errors.Conflict` where a constraint is violated, the engine's own error for a wrong
        statement, both with nothing changed, and `errors.Unavailable` where the disk refuses: at once
        while it is known to, and never tried again.
        """

    async def select(self, sql: str, params: Mapping[str, object] | None = None) -> list[dict[str, Any]]:
        """The rows a query answers, as dicts by column name, read without the right to write.

        A text value comes back parsed where its name is that of a `json` column of a table the query
        names; booleans come back as 0 and 1. A wrong query raises the engine's own error, and Unavailable
        is raised where the disk refuses.
        """

    async def read(self, function: Callable[[Reading], Result]) -> Result:
        """What a function answers that makes several queries: it runs in a thread of its own, and what it
        raises is raised as by `select`."""

    def has_table(self, name: str) -> bool:
        """Whether a table of this name was declared."""

    def announce(self, address: str) -> None:
        """Tell other processes the base URL at which the server with this ledger answers."""

    async def close(self) -> None:
        """Write what is queued, for at most 5 s where the disk refuses, and let go of the ledger."""

    @property
    def full(self) -> bool:
        """Whether so many rows wait that the next is lost."""

    def health(self) -> dict[str, Any]:
        """`ok`, `queued` (rows and transactions, `most` at once), `lost` and `duplicates` (rows), `error`
        (text or None)."""
