"""The store: rows of all vendors, in the ledger or, where there is none, in memory.

A server holds the rows of its own providers' vendors, and asks the ledger for all others.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from pointsman.ledger import Ledger

from .compile import PACKAGE, Compiled
from .rows import ENDPOINTS, SOURCES, Row, row_of, stored

__all__ = ["LedgerStore", "MemoryStore", "Select", "Store", "put"]

Select = Callable[[str, Mapping[str, object]], Awaitable[list[dict[str, Any]]]]


class Store(Protocol):
    """Rows of all vendors, each in the order of its source."""

    async def version(self) -> str | None:
        """Which version of the prices it holds, or None."""

    async def of_vendor(self, vendor: str) -> list[Row]:
        """The rows of one vendor."""

    async def named(self, name: str) -> list[Row]:
        """The rows that a name may mean: a model's, `vendor/native-id` or a native id."""

    async def models(self) -> list[str]:
        """The canonical names, sorted."""

    async def rows(self) -> list[Row]:
        """Every row."""


class LedgerStore:
    """Rows in the ledger."""

    def __init__(self, select: Select) -> None:
        self._select = select

    async def version(self) -> str | None:
        """See `Store`."""
        sql = f"select version from {SOURCES.name} where source = :source"  # noqa: S608
        found = await self._select(sql, {"source": PACKAGE})
        return found[0]["version"] if found else None

    async def of_vendor(self, vendor: str) -> list[Row]:
        """See `Store`."""
        return await self._rows("where vendor = :vendor", vendor=vendor)

    async def named(self, name: str) -> list[Row]:
        """See `Store`."""
        return await self._rows("where model = :name or id = :name or native_id = :name", name=name)

    async def models(self) -> list[str]:
        """See `Store`."""
        sql = f"select distinct model from {ENDPOINTS.name} where certain order by model"  # noqa: S608
        found = await self._select(sql, {})
        return [each["model"] for each in found]

    async def rows(self) -> list[Row]:
        """See `Store`."""
        return await self._rows("")

    async def _rows(self, where: str, **params: object) -> list[Row]:
        sql = f"select * from {ENDPOINTS.name} {where} order by place"  # noqa: S608
        shared: dict[bytes, Any] = {}
        return [row_of(values, shared) for values in await self._select(sql, params)]


class MemoryStore:
    """Rows that no ledger is asked for."""

    def __init__(self, rows: Sequence[Row] = (), version: str | None = None) -> None:
        self._rows = rows
        self._version = version

    async def version(self) -> str | None:
        """See `Store`."""
        return self._version

    async def of_vendor(self, vendor: str) -> list[Row]:
        """See `Store`."""
        return [row for row in self._rows if row.vendor == vendor]

    async def named(self, name: str) -> list[Row]:
        """See `Store`."""
        return [row for row in self._rows if name in (row.model, row.id, row.native_id)]

    async def models(self) -> list[str]:
        """See `Store`."""
        return sorted({row.model for row in self._rows if row.certain})

    async def rows(self) -> list[Row]:
        """See `Store`."""
        return list(self._rows)


async def put(ledger: Ledger, compiled: Compiled) -> None:
    """Put rows into the ledger in place of those that are there, as one transaction. Raises as
    `Ledger.execute` does."""
    await ledger.execute(
        [
            (f"delete from {ENDPOINTS.name}", {}),  # noqa: S608
            *(_insertion(ENDPOINTS.name, stored(row)) for row in compiled.rows),
            (f"delete from {SOURCES.name} where source = :source", {"source": PACKAGE}),  # noqa: S608
            _insertion(
                SOURCES.name,
                {
                    "source": PACKAGE,
                    "version": compiled.version,
                    "compiled_at": time.time(),
                    "rows": len(compiled.rows),
                    "lost": compiled.lost_text,
                },
            ),
        ]
    )


def _insertion(table: str, row: Mapping[str, object]) -> tuple[str, Mapping[str, object]]:
    names: Sequence[str] = list(row)
    places = ", ".join(f":{name}" for name in names)
    return f"insert into {table} ({', '.join(names)}) values ({places})", row  # noqa: S608
