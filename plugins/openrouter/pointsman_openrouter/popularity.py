"""Popularity: which models were used most in the last week, and for what."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cachetools import TTLCache

from pointsman.ledger import Ledger

__all__ = ["Popularity"]

WEEK = timedelta(days=7)
FRESH = 60.0
"""Seconds for which what was read counts as current."""
MOST = 16
TOKENS = """
select model, sum(input_tokens) + sum(output_tokens) as tokens from usage_days
where at >= :since group by model
"""
OF_TASK = """
select coalesce(model, model_asked) as model, count(*) as tokens from generations
where at >= :since and task = :task group by coalesce(model, model_asked)
"""


@dataclass(slots=True)
class Popularity:
    """Reads the week when it is asked for, and remembers it for a while."""

    _kept: TTLCache[str | None, Mapping[str, float]] = field(default_factory=lambda: TTLCache(MOST, FRESH))
    _lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def tokens(self, ledger: Ledger) -> Mapping[str, float]:
        """Tokens of the last week by model."""
        return await self._week(ledger, "usage_days", TOKENS, None)

    async def of_task(self, ledger: Ledger, task: str) -> Mapping[str, float]:
        """The models of requests that were about something, by how many there were in the last week."""
        return await self._week(ledger, "generations", OF_TASK, task)

    async def _week(self, ledger: Ledger, table: str, sql: str, task: str | None) -> Mapping[str, float]:
        async with self._lock:
            found = self._kept.get(task)
            if found is None and ledger.has_table(table):
                since = (datetime.now(UTC) - WEEK).date().isoformat()
                rows = await ledger.select(sql, {"since": since, "task": task})
                found = self._kept[task] = {row["model"]: row["tokens"] for row in rows}
        return found or {}
