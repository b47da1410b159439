"""A sink in memory: what a door would have been given."""

from __future__ import annotations

import asyncio

from pointsman.streams import Headers

__all__ = ["ListSink"]


class ListSink:
    """A `Sink` that keeps what it is given. `full` is yours to set, and `room` to tell that it is not."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body: list[bytes] = []
        self.ended = False
        self.full = False
        self.room = asyncio.Event()
        self.written = asyncio.Event()

    def start(self, status: int, headers: Headers) -> None:
        """See `Sink`."""
        if self.status is not None:
            raise AssertionError("a second status line")
        self.status = status

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        if self.status is None or self.ended:
            raise AssertionError("bytes before the status line, or behind the end")
        self.body.append(data)
        self.written.set()

    def end(self) -> None:
        """See `Sink`."""
        if self.ended:
            raise AssertionError("a second end")
        self.ended = True

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Sink`."""
        self.start(status, headers)
        self.write(body)
        self.end()

    async def drained(self) -> None:
        """See `Sink`."""
        await self.room.wait()
