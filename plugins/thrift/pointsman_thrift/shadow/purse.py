"""The purse: what may be spent in one day, counted with what has been spent before a restart."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from pointsman.ledger import Ledger

__all__ = ["Purse"]

SPENT = """
select coalesce(sum(cost_nano), 0) as spent from generations
where at >= :today and key_id = :key and key_name = :name
"""


def _now() -> datetime:
    return datetime.now(UTC)


class Purse:
    """Nano-USD of the present day, in UTC."""

    def __init__(self, most: int, clock: Callable[[], datetime] = _now) -> None:
        self.most = most
        self._clock = clock
        self._day = clock().date()
        self._spent = 0

    @property
    def left(self) -> int:
        """What may still be spent today."""
        today = self._clock().date()
        if today != self._day:
            self._day, self._spent = today, 0
        return self.most - self._spent

    def take(self, nano: int) -> bool:
        """Take so much, if it is there."""
        if nano > self.left:
            return False
        self._spent += nano
        return True

    def settle(self, taken: int, used: int) -> None:
        """What was taken came to something else."""
        self._spent = max(0, self._spent + used - taken)

    async def recount(self, ledger: Ledger, *, key: str, name: str) -> None:
        """Count what the ledger says of today."""
        if ledger.has_table("generations"):
            today = self._day.isoformat()
            rows = await ledger.select(SPENT, {"today": today, "key": key, "name": name})
            self._spent += int(rows[0]["spent"])
