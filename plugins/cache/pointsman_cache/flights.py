"""Single flight: of identical requests at the same time one goes to a provider, the others wait for it."""

from __future__ import annotations

import asyncio
from collections import deque

from .store import Entry, Tenant

__all__ = ["Flights"]

Arrival = Entry | None
"""What a waiting request gets: the answer, or None, which makes it the leader."""


class Flights:
    """Requests under way, by tenant and fingerprint: each has a leader, and those that wait for it in turn.

    Use it from one event loop.
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[Tenant, bytes], deque[asyncio.Future[Arrival]]] = {}

    def lead(self, tenant: Tenant, fingerprint: bytes) -> bool:
        """Become the leader, who must end its flight by `land` or `fail`; False where there is one."""
        place = (tenant, fingerprint)
        if place in self._waiting:
            return False
        self._waiting[place] = deque()
        return True

    async def join(self, tenant: Tenant, fingerprint: bytes, *, patience: float) -> Entry | bool:
        """Lead, or wait for the leader's answer, at most `patience` seconds.

        True says that there was none and who joined is the leader now, False that patience ran out. Who is
        cancelled meanwhile leaves the flight to the others.
        """
        if self.lead(tenant, fingerprint):
            return True
        line = self._waiting[(tenant, fingerprint)]
        arrival: asyncio.Future[Arrival] = asyncio.get_running_loop().create_future()
        line.append(arrival)
        try:
            await asyncio.wait((arrival,), timeout=patience)
        except asyncio.CancelledError:
            if not arrival.done():
                line.remove(arrival)
            elif arrival.result() is None:
                self.fail(tenant, fingerprint)
            raise
        if not arrival.done():
            line.remove(arrival)
            return False
        return arrival.result() or True

    def land(self, tenant: Tenant, fingerprint: bytes, entry: Entry) -> None:
        """The leader's answer is there, for all that wait."""
        for arrival in self._waiting.pop((tenant, fingerprint)):
            arrival.set_result(entry)

    def fail(self, tenant: Tenant, fingerprint: bytes) -> None:
        """The leader has no answer for others: who waits longest leads now, the rest go on waiting."""
        line = self._waiting[(tenant, fingerprint)]
        if line:
            line.popleft().set_result(None)
        else:
            del self._waiting[(tenant, fingerprint)]

    def __len__(self) -> int:
        return len(self._waiting)
