"""Retention: what is older than its time is deleted, a little at a time."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta

from pointsman.config import Duration
from pointsman.ledger import Ledger, delete_before

from .bodies import BODIES
from .endpoints import ENDPOINT_DAYS, ENDPOINT_HOURS
from .generations import GENERATIONS, timestamp
from .rollups import DAYS, HOURS, MINUTES
from .settings import RetentionSettings
from .totals import TOTALS

__all__ = ["INTERVAL", "Retention"]

log = logging.getLogger(__name__)

UNTIL_CLOSED = Duration(3 * 86_400)
"""Hours of endpoints are kept at least so long: days are made of them."""
INTERVAL = 600.0
"""Seconds between two looks."""


class Retention:
    """Deletes what is old. Times are UTC."""

    def __init__(self, ledger: Ledger, settings: RetentionSettings) -> None:
        self._ledger = ledger
        self._kept = [
            (table, length, precision)
            for table, length, precision in (
                (GENERATIONS, settings.generations, None),
                (BODIES, settings.bodies, None),
                (MINUTES, settings.minutes, 16),
                (HOURS, settings.hours, 13),
                (DAYS, settings.days, 10),
                (TOTALS, settings.days, 10),
                (ENDPOINT_HOURS, settings.hours and max(settings.hours, UNTIL_CLOSED), 13),
                (ENDPOINT_DAYS, settings.days, 10),
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
            deleted = await delete_before(self._ledger, table, before)
            if deleted:
                log.info("deleted %d rows of %s from before %s", deleted, table.name, before)
