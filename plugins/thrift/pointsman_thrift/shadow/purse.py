"""The purse: what may be spent in one day, counted with what has been spent before a restart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime

from pointsman.ledger import Ledger

__all__ = ["Held", "Purse"]

SPENT = """
select coalesce(sum(cost_nano), 0) as spent from generations
where at >= :today and key_id = :key and key_name = :name
"""


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Held:
    """Nano-USD set aside on a day, and what of it was `used`."""

    day: date
    nano: int
    used: int = 0


class Purse:
    """Nano-USD of the present day, in UTC. What is under way is set aside as a whole: as long as none uses
    more than that, no more than `most` is spent, however many there are."""

    def __init__(self, most: int, clock: Callable[[], datetime] = _now) -> None:
        self.most = most
        self._clock = clock
        self._day = clock().date()
        self._spent = 0

    @property
    def left(self) -> int:
        """What may still be spent today."""
        self._today()
        return self.most - self._spent

    def take(self, nano: int) -> Held | None:
        """Set so much aside; None where it is not there."""
        if nano > self.left:
            return None
        self._spent += nano
        return Held(self._day, nano)

    def confirm(self, held: Held) -> bool:
        """Whether it may still be used: past midnight it is taken from the new day, and there may be less
        than when it was set aside. Where it may not it is given back."""
        if held.day != self._today():
            again = self.take(held.nano)
            held.day, held.nano = self._day, held.nano if again is not None else 0
            return again is not None
        if self.left < 0:
            self._spent -= held.nano
            held.nano = 0
            return False
        return True

    def settle(self, held: Held) -> None:
        """It came to what was used, which counts for the day on which it is known."""
        taken = held.nano if held.day == self._today() else 0
        self._spent = max(0, self._spent + held.used - taken)
        held.nano = held.used = 0

    async def recount(self, ledger: Ledger, *, key: str, name: str) -> None:
        """Count what the ledger says of today. Raises Unavailable."""
        if ledger.has_table("generations"):
            today = self._today()
            params = {"today": today.isoformat(), "key": key, "name": name}
            rows = await ledger.select(SPENT, params)
            if today == self._today():
                self._spent += int(rows[0]["spent"])

    def _today(self) -> date:
        today = self._clock().date()
        if today != self._day:
            self._day, self._spent = today, 0
        return today
