"""The client's side of an answer: when it begins, what is held back, and how it ends.

The status line waits for the first content, so that a failure before it can go to another endpoint
unseen. The terminal bytes wait until the answer is priced and settled. An answer that broke off after
content ends with an error in the client's dialect, never as if it were whole.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Protocol

from .errors import UpstreamCut
from .sse import comment

__all__ = ["MOST_HELD", "ClientStream", "Headers", "Sink"]

Headers = list[tuple[str, str]]
KEEPALIVE = comment("keep-alive")
MOST_HELD = 1024 * 1024
"""Bytes that may wait for the first content, or for the end."""


class Sink(Protocol):
    """Where an answer goes: what a door offers the pipeline. `write` never waits; `full` asks to."""

    @property
    def full(self) -> bool:
        """Whether so much waits to be sent that reading should pause."""

    def start(self, status: int, headers: Headers) -> None:
        """Send status line and headers; once."""

    def write(self, data: bytes) -> None:
        """Send bytes of the body."""

    def end(self) -> None:
        """End the body; once."""

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send an answer that is there as a whole, with its length: `start`, `write` and `end` in one."""

    async def drained(self) -> None:
        """Return when there is room again."""


class ClientStream:
    """A stream to the client. `headers` is asked for when the status line is sent.

    Bytes written before the first content are held; `reset` forgets those of a failed attempt.
    """

    def __init__(
        self,
        sink: Sink,
        headers: Callable[[], Headers],
        *,
        first: float,
        every: float,
        keepalive: bytes = KEEPALIVE,
    ) -> None:
        self.sink = sink
        self._headers = headers
        self._held: list[bytes] = []
        self._held_size = 0
        self._every = every
        self._keepalive = keepalive
        self._written = time.monotonic()
        self._timer: asyncio.TimerHandle | None = asyncio.get_running_loop().call_later(first, self._awake)
        self.started = False
        """The status line is sent: errors go in-band from here on."""
        self.has_content = False
        """Content is sent: no other endpoint may begin again."""
        self.kept: list[bytes] | None = None
        """What was sent of the answer itself, where `keep` asked for it and it is not larger."""
        self._room = 0

    @property
    def full(self) -> bool:
        """Whether the client is behind."""
        return self.sink.full

    async def drained(self) -> None:
        """Return when the client has caught up."""
        await self.sink.drained()

    def write(self, data: bytes, *, content: bool) -> None:
        """Pass bytes on, or hold them until the first that are content."""
        if self.has_content:
            if self.kept is None:
                self._written = time.monotonic()
                self.sink.write(data)
            else:
                self._send(data)
            return
        self._held.append(data)
        self._held_size += len(data)
        if content:
            self._start()
            self.has_content = True
            self._flush()
        elif self._held_size > MOST_HELD:
            raise UpstreamCut("the provider sent a megabyte without any content", phase="first-content")

    def keep(self, most: int) -> None:
        """Keep what is sent, up to so many bytes."""
        self._room = most
        self.kept = [] if most else None

    def reset(self) -> None:
        """Forget what a failed attempt wrote before its first content."""
        self._held.clear()
        self._held_size = 0

    def end(self, tail: bytes = b"") -> None:
        """Send what is held and `tail`, and end."""
        self.stop()
        self._start()
        self._flush()
        if tail:
            self.sink.write(tail)
        self.sink.end()

    def stop(self) -> None:
        """No more keep-alives."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _start(self) -> None:
        if not self.started:
            self.started = True
            self.sink.start(200, self._headers())

    def _flush(self) -> None:
        if self._held:
            self._send(b"".join(self._held))
            self.reset()

    def _send(self, data: bytes) -> None:
        self._written = time.monotonic()
        self.sink.write(data)
        if self.kept is not None:
            self._room -= len(data)
            self.kept.append(data)
            if self._room < 0:
                self.kept = None

    def _awake(self) -> None:
        """Send a keep-alive where nothing was sent for a while, and come back."""
        quiet = time.monotonic() - self._written
        wait = self._every
        if self.started and quiet < self._every:
            wait = self._every - quiet
        elif not self.sink.full:
            self._start()
            self._written = time.monotonic()
            self.sink.write(self._keepalive)
        self._timer = asyncio.get_running_loop().call_later(wait, self._awake)
