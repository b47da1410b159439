"""Retention: what is older than its time is deleted, a little at a time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from pointsman.ledger import Ledger

from .bodies import BODIES
from .generations import GENERATIONS, timestamp
from .rollups import DAYS, HOURS, MINUTES
from .settings import RetentionSettings

__all__ = ["BATCH", "INTERVAL", "Retention"]

log = logging.getLogger(__name__)

INTERVAL = 600.0
"""Seconds between two looks."""
BATCH = 500
"""Rows deleted in one transaction: other rows wait for it."""


class Retention:
    """Deletes what is old. Times are UTC."""

    def __init__(self, ledger: Ledger, settings: RetentionSettings) -> None:
        self._ledger = ledger
        self._kept = [
            (table.name, length, precision)
            for table, length, precision in (
                (GENERATIONS, settings.generations, None),
                (BODIES, settings.bodies, None),
                (MINUTES, settings.minutes, 16),
                (HOURS, settings.hours, 13),
                (DAYS, settings.days, 10),
            )
            if length is not None
        ]
        """Tables, for how long each is kept, and how many characters of a time its rows carry."""

    def __bool__(self) -> bool:
        return bool(self._kept)

    async def run(self) -> None:
        """Delete all that is too old now. Raises Unavailable where the disk refuses."""
        await self.delete(datetime.now(UTC))

    async def delete(self, now: datetime) -> None:
        """Delete what was too old at a time."""
        for table, length, precision in self._kept:
            before = timestamp(now - timedelta(seconds=length))[:precision]
            sql = (
                f"delete from {table} where id in "  # noqa: S608 - the names are our own
                f"(select id from {table} where at < :before order by at limit :batch)"
            )
            deleted = 0
            while True:
                (count,) = await self._ledger.execute([(sql, {"before": before, "batch": BATCH})])
                deleted += count
                if count < BATCH:
                    break
            if deleted:
                log.info("deleted %d rows of %s from before %s", deleted, table, before)
