"""An answer over HTTP/1.1 as it arrives: its head awaited, its body read whole or fed to a receiver."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Protocol

import httptools

from .calls import ChunkedAnswer, Receiver, inflated, is_compressed, too_large
from .runs import Run

__all__ = ["Http1Answer", "Line"]

MOST_BUFFERED = 256 * 1024
"""Bytes of a body that wait for whoever reads it; then nothing more is taken from the socket."""


class Line(Protocol):
    """The connection on which an answer arrives. It does nothing for one that it has brought to its end."""

    def drop(self, answer: Http1Answer) -> None:
        """End the connection: nobody wants the rest."""

    def pause(self, answer: Http1Answer) -> None:
        """Read nothing more from the socket."""

    def resume(self, answer: Http1Answer) -> None:
        """Read on."""


class _Head:
    """The header lines of an answer that has begun with these bytes: nearly nobody asks for them."""

    def __init__(self, raw: bytes) -> None:
        self.fields: dict[str, str] = {}
        self.size = 0
        """Bytes of all lines, those of interim answers too."""
        self._whole = False
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        with suppress(httptools.HttpParserError, httptools.HttpParserUpgrade):  # behind the head
            self._parser.feed_data(raw)
        self._parser = None  # it has us in hand, too

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`."""
        if self._whole:
            return
        self.size += len(name) + len(value) + 4
        key, text = name.lower().decode("latin-1"), value.decode("latin-1")
        self.fields[key] = f"{self.fields[key]}, {text}" if key in self.fields else text

    def on_headers_complete(self) -> None:
        """See `httptools`. An interim answer is followed by another."""
        self._whole = self._whole or self._parser is None or self._parser.get_status_code() >= 200
        if not self._whole:
            self.fields = {}


class Http1Answer:
    """An answer as it arrives, to what `run` asks, or a task. See `pointsman.calls.Answer`."""

    __slots__ = (
        "_closed",
        "_connection",
        "_full",
        "_head",
        "_receiver",
        "_run",
        "_waiter",
        "_wants_end",
        "complete",
        "connecting",
        "error",
        "headed",
        "interim",
        "parts",
        "raw",
        "size",
        "status",
    )

    def __init__(self, connection: Line, run: Run | None = None) -> None:
        self.status = 0
        self.raw = b""
        """All that had come when its head was there."""
        self.interim = False
        """Another answer came before it."""
        self.headed = False
        """Status and headers are there."""
        self.complete = False
        """The body is there to its end."""
        self.connecting: float | None = 0.0
        self.error: Exception | None = None
        self._connection = connection
        self._head: _Head | None = None
        self._closed: Callable[[], None] | None = None
        self.parts: list[bytes] = []
        """The pieces of the body that have come and were not taken."""
        self.size = 0
        """Their bytes."""
        self._receiver: Receiver | None = None
        self._full = False
        self._wants_end: int | None = None
        self._waiter: Callable[[], None] | None = None
        self._run = run

    @property
    def headers(self) -> dict[str, str]:
        """See `Answer`. Read when somebody asks for them."""
        return self._read_head().fields

    @property
    def head_size(self) -> int:
        """Bytes of all header lines."""
        return self._read_head().size

    def _read_head(self) -> _Head:
        if self._head is None:
            self._head = _Head(self.raw)
        return self._head

    def _is_compressed(self) -> bool:
        """Whether its body has to be inflated. Where the name is nowhere in its head, nobody need read it."""
        if self._head is None and not self.interim:
            raw = self.raw
            if b"content-encoding" not in raw[: raw.find(b"\r\n\r\n")].lower():
                return False
        return is_compressed(self.headers)

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back once, when the answer is closed."""
        self._closed = callback

    async def read(self, limit: int) -> bytes:
        """See `Answer`."""
        if self._is_compressed():
            return await ChunkedAnswer(self.status, self.headers, self._chunks()).read(limit)
        if not self.complete:
            self._wants_end = limit
            self._connection.resume(self)
            while not self.complete and self.size <= limit and self.error is None:
                await self.wait()
        if self.size > limit:
            raise too_large(limit)
        if self.error is not None:
            raise self.error
        parts, self.parts = self.parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pump(self, receiver: Receiver) -> None:
        """See `Answer`."""
        if self._is_compressed():
            await ChunkedAnswer(self.status, self.headers, self._chunks()).pump(receiver)
            return
        self._receiver = receiver
        try:
            while True:
                if self.parts and not self._full:
                    self._deliver(receiver)
                if self._full:
                    await receiver.ready()
                    self._full = False
                    self._connection.resume(self)
                elif self.error is not None:
                    raise self.error
                elif self.complete:
                    return
                else:
                    self._connection.resume(self)
                    await self.wait()
        finally:
            self._receiver = None

    async def close(self) -> None:
        """See `Answer`."""
        if not self.complete:
            self._connection.drop(self)
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, inflated where it has to be."""
        return inflated(self._chunks(), self.headers) if self._is_compressed() else self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            if self.parts:
                yield self._taken()
                self._connection.resume(self)
            elif self.error is not None:
                raise self.error
            elif self.complete:
                return
            else:
                await self.wait()

    def wait(self) -> Awaitable[None]:
        """Done when something has come. One run or task waits at a time, and may be woken for nothing."""
        run = self._run
        if run is not None and run.task is None:
            self._waiter = run.resume
            return run
        future = asyncio.get_running_loop().create_future()
        self._waiter = partial(_done, future)
        return future

    def arrived(self) -> None:
        """One read of the socket has brought all that it brings: pass it on, or wake whoever waits."""
        if self._receiver is not None:
            if self.parts and not self._full:
                self._deliver(self._receiver)
            if not (self._full or self.complete or self.error is not None):
                return
        elif self._wants_end is not None:
            if not self.complete and self.error is None and self.size <= self._wants_end:
                return
        elif self.size > MOST_BUFFERED and not self.complete:
            self._connection.pause(self)
        self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come."""
        if self.error is None:
            self.error = error
        self._wake()

    def _deliver(self, receiver: Receiver) -> None:
        """Feed the receiver what there is. What it raises ends the answer."""
        parts = self.parts
        try:
            if len(parts) == 1:
                self.size = 0
                full = receiver.feed(parts.pop())
            else:
                full = receiver.feed(self._taken())
        except Exception as error:
            self._connection.drop(self)
            self.error = error
            self._wake()
        else:
            if full:
                self._full = True
                self._connection.pause(self)

    def _taken(self) -> bytes:
        parts, self.parts = self.parts, []
        self.size = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None:
            waiter()


def _done(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
