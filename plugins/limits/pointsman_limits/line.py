"""The line: who waits for which limit, first come first served, interactive before batch."""

from __future__ import annotations

import asyncio
from bisect import insort
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count

from pointsman.state import Period

__all__ = ["Counter", "Line", "Place"]

SHORTEST = 0.001
"""Seconds: what is due sooner is not worth a timer of its own."""

Counter = tuple[str, Period]
"""A key of the state, and its period."""


class Place:
    """A request's place in the line. The lower one goes first."""

    __slots__ = ("at", "order", "turn")

    def __init__(self, order: tuple[bool, int]) -> None:
        self.order = order
        self.at: Counter | None = None
        self.turn = asyncio.Event()

    def __lt__(self, other: Place) -> bool:
        return self.order < other.order


class Line:
    """A queue for each limit that somebody waits for, `most` requests in all."""

    def __init__(self, most: int) -> None:
        self.most = most
        self._waiting = 0
        self._arrivals = count()
        self.queues: dict[Counter, list[Place]] = {}
        """Who waits for each limit; nothing, mostly."""

    def __len__(self) -> int:
        return self._waiting

    @property
    def full(self) -> bool:
        """Whether nobody else may wait."""
        return self._waiting >= self.most

    @contextmanager
    def place(self, *, batch: bool) -> Iterator[Place]:
        """A place behind those who came before; given up at the end, however that comes."""
        place = Place((batch, next(self._arrivals)))
        self._waiting += 1
        try:
            yield place
        finally:
            self._waiting -= 1
            self._leave(place)

    def before(
        self, place: Place | None, counters: Iterable[Counter], *, batch: bool = False
    ) -> Counter | None:
        """A limit for which somebody waits who goes before this place, or before a newcomer."""
        for counter in counters:
            queue = self.queues.get(counter)
            if queue is None:
                continue
            first = queue[0]
            if first < place if place is not None else batch or not first.order[0]:
                return counter
        return None

    async def wait(self, place: Place, counter: Counter, seconds: float) -> None:
        """Wait in the queue of a limit until its turn may have come, so many seconds at most."""
        if place.at != counter:
            self._leave(place)
            insort(self.queues.setdefault(counter, []), place)
            place.at = counter
        try:
            async with asyncio.timeout(max(SHORTEST, seconds)):
                await place.turn.wait()
        except TimeoutError:
            return
        finally:
            place.turn.clear()

    def wake(self, counters: Iterable[Counter]) -> None:
        """Tell the first who wait for these limits that something was given back."""
        for counter in counters:
            queue = self.queues.get(counter)
            if queue is not None:
                queue[0].turn.set()

    def _leave(self, place: Place) -> None:
        """Out of its queue, which moves up."""
        if place.at is None:
            return
        queue = self.queues[place.at]
        queue.remove(place)
        if queue:
            queue[0].turn.set()
        else:
            del self.queues[place.at]
        place.at = None
