"""HTTP/1.1 with a provider: one connection, one request at a time, its answer read as it arrives.

Nothing here waits for a lock or starts a task. Whoever asks awaits the head of an answer; its body goes
straight from the socket into a receiver, in the callback that read it. A connection that is interrupted at
whatever point is ended, never given back, so that no answer can be taken for another's.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from typing import Protocol, cast

import httptools

from .calls import ChunkedAnswer, Receiver, inflated, is_compressed, too_large
from .dial import Connectable
from .errors import MalformedAnswer, UpstreamCut, UpstreamError

__all__ = ["Connection", "Headers", "Http1Answer", "Keeper", "Stale"]

MOST_BUFFERED = 256 * 1024
"""Bytes of a body that wait for whoever reads it; then nothing more is taken from the socket."""
JOINED = 64 * 1024
"""Up to here a request's head and body are sent as one piece."""


class Stale(UpstreamCut):
    """A kept connection ended before any of the answer came: the request may be sent again on a new one."""


class Keeper(Protocol):
    """Keeps connections that may be used again."""

    def release(self, connection: Connection) -> None:
        """Take back a connection whose answer was read to its end."""

    def lost(self, connection: Connection) -> None:
        """Forget a connection that has ended."""


class Headers(Mapping[str, str]):
    """An answer's headers, kept as they came and decoded when asked for."""

    __slots__ = ("_raw",)

    def __init__(self) -> None:
        self._raw: dict[bytes, bytes] = {}

    def add(self, name: bytes, value: bytes) -> None:
        """Take one line; lines of one name are joined by commas."""
        present = self._raw.get(name)
        self._raw[name] = value if present is None else b"%b, %b" % (present, value)

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override]
        """A header's value; empty where there is none and no other default is given."""
        value = self._raw.get(name.encode("latin-1"))
        return default if value is None else value.decode("latin-1")

    def __getitem__(self, name: str) -> str:
        return self._raw[name.encode("latin-1")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._raw)

    def __len__(self) -> int:
        return len(self._raw)


class Http1Answer:
    """An answer as it arrives. See `pointsman.calls.Answer`."""

    __slots__ = (
        "_closed",
        "_connection",
        "_full",
        "_parts",
        "_receiver",
        "_size",
        "_waiter",
        "_wants_end",
        "complete",
        "error",
        "headed",
        "headers",
        "status",
    )

    def __init__(self, connection: Connection) -> None:
        self.status = 0
        self.headers: Headers = Headers()
        self.headed = False
        """Status and headers are there."""
        self.complete = False
        """The body is there to its end."""
        self.error: Exception | None = None
        self._connection = connection
        self._closed: Callable[[], None] | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._receiver: Receiver | None = None
        self._full = False
        self._wants_end: int | None = None
        self._waiter: asyncio.Future[None] | None = None

    def on_close(self, callback: Callable[[], None]) -> None:
        """Call back once, when the answer is closed."""
        self._closed = callback

    async def head(self) -> None:
        """Return when status and headers are there. Raises UpstreamError."""
        while not self.headed:
            if self.error is not None:
                raise self.error
            await self._wait()

    async def read(self, limit: int) -> bytes:
        """See `Answer`."""
        if is_compressed(self.headers):
            return await ChunkedAnswer(self.status, self.headers, self._chunks()).read(limit)
        self._wants_end = limit
        self._connection.resume()
        while not self.complete and self._size <= limit and self.error is None:
            await self._wait()
        if self._size > limit:
            raise too_large(limit)
        if self.error is not None:
            raise self.error
        parts, self._parts = self._parts, []
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def pump(self, receiver: Receiver) -> None:
        """See `Answer`."""
        if is_compressed(self.headers):
            await ChunkedAnswer(self.status, self.headers, self._chunks()).pump(receiver)
            return
        self._receiver = receiver
        try:
            while True:
                self._deliver()
                if self._full:
                    await receiver.ready()
                    self._full = False
                    self._connection.resume()
                elif self.error is not None:
                    raise self.error
                elif self.complete:
                    return
                else:
                    self._connection.resume()
                    await self._wait()
        finally:
            self._receiver = None

    async def close(self) -> None:
        """See `Answer`."""
        if not self.complete:
            self._connection.end()
        closed, self._closed = self._closed, None
        if closed is not None:
            closed()

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, inflated where it has to be."""
        return inflated(self._chunks(), self.headers) if is_compressed(self.headers) else self._chunks()

    async def _chunks(self) -> AsyncIterator[bytes]:
        while True:
            if self._parts:
                yield self._taken()
                self._connection.resume()
            elif self.error is not None:
                raise self.error
            elif self.complete:
                return
            else:
                await self._wait()

    def take(self, data: bytes) -> None:
        """A piece of the body has come."""
        self._parts.append(data)
        self._size += len(data)

    def arrived(self) -> None:
        """Everything that one read of the socket brought is taken: pass it on, or wake whoever waits."""
        if self._receiver is not None:
            self._deliver()
            if not (self._full or self.complete or self.error is not None):
                return
        elif self._wants_end is not None:
            if not self.complete and self.error is None and self._size <= self._wants_end:
                return
        elif self._size > MOST_BUFFERED and not self.complete:
            self._connection.pause()
        self._wake()

    def fail(self, error: Exception) -> None:
        """Nothing more will come."""
        if self.error is None:
            self.error = error
        self._wake()

    def _deliver(self) -> None:
        """Feed the receiver what there is. What it raises ends the answer."""
        if self._parts and self._receiver is not None and not self._full:
            try:
                self._full = self._receiver.feed(self._taken())
            except Exception as error:
                self._connection.end()
                self.error = error
                self._wake()
            else:
                if self._full and not self.complete:
                    self._connection.pause()

    def _taken(self) -> bytes:
        parts, self._parts = self._parts, []
        self._size = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def _wait(self) -> None:
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Connection(Connectable):
    """One connection to a provider. `max_header` caps in bytes what an answer says before its body, and
    between the pieces of its body."""

    __slots__ = (
        "_answer",
        "_barren",
        "_bodiless",
        "_ended",
        "_excess",
        "_framed",
        "_header",
        "_keeper",
        "_kept",
        "_max_header",
        "_parser",
        "_paused",
        "_read",
        "_reused",
        "_transport",
        "idle_since",
    )

    def __init__(self, keeper: Keeper, max_header: int) -> None:
        self._keeper = keeper
        self._max_header = max_header
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._answer: Http1Answer | None = None
        self._ended = False
        self._reused = False
        self._read = 0
        self._barren = 0
        self._header = 0
        self._framed = False
        self._bodiless = False
        self._kept = False
        self._excess = False
        self._paused = False
        self.idle_since = 0.0
        """When it was last given back, by the loop's clock."""

    @property
    def usable(self) -> bool:
        """Whether a request can be sent on it."""
        return self._transport is not None and not self._transport.is_closing()

    async def ask(self, head: bytes, body: bytes, *, bodiless: bool = False) -> Http1Answer:
        """Send a request and return its answer once the head of it is there.

        `bodiless` says that its answer has no body, whatever its headers say (HEAD). Raises Stale where a
        kept connection turns out to have ended, and UpstreamError. However this ends without an answer, the
        connection is ended with it.
        """
        if self._transport is None:
            raise Stale("the provider's connection is closed", phase="headers")
        answer = self._answer = Http1Answer(self)
        self._read = self._barren = self._header = 0
        self._framed, self._bodiless = False, bodiless
        if len(body) < JOINED:
            self._transport.write(head + body)
        else:
            self._transport.writelines((head, body))
        try:
            await answer.head()
        except BaseException:
            self.end()
            raise
        return answer

    def end(self) -> None:
        """End the connection at once, whatever it is doing."""
        self._answer = None
        self._ended = True
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            self._keeper.lost(self)

    def pause(self) -> None:
        """Read nothing more from the socket."""
        if not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        made = cast(asyncio.Transport, transport)
        if self._ended:  # nobody waits for it any more
            made.abort()
        else:
            self._transport = made

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        answer = self._answer
        if answer is None:
            self.end()
            return
        self._read += len(data)
        self._barren += len(data)
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(
                answer,
                MalformedAnswer("the provider did not answer in HTTP", phase="headers", detail=str(error)),
            )
            return
        if self._barren > self._max_header or self._header > self._max_header:
            self._fail(
                answer,
                MalformedAnswer(
                    f"the provider's headers are larger than {self._max_header} bytes", phase="headers"
                ),
            )
        elif answer.complete:
            self._finish(answer)
        elif answer.headed:
            answer.arrived()

    def connection_lost(self, error: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        answer, self._answer = self._answer, None
        self._transport = None
        self._keeper.lost(self)
        if answer is None:
            return
        if answer.headed and not self._framed and error is None:  # it ends where the connection ends
            answer.complete = True
            answer.arrived()
            return
        kind = Stale if self._reused and not self._read else UpstreamCut
        answer.fail(
            kind(
                "the provider's connection broke off",
                phase="body" if answer.headed else "headers",
                detail=f"{type(error).__name__}: {error}" if error else "closed by the provider",
            )
        )

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins: ours, an interim one before it, or one that nobody asked for."""
        if self._answer is None or self._answer.complete:
            self._excess = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or after the body a trailer, which nobody reads."""
        answer = self._answer
        self._header += len(name) + len(value) + 4
        if answer is not None and not answer.headed:
            answer.headers.add(name.lower(), value)

    def on_headers_complete(self) -> None:
        """Status and headers are there. Those of an interim answer (1xx) are forgotten."""
        answer = self._answer
        if answer is None or answer.complete or self._header > self._max_header:
            return
        status = self._parser.get_status_code()
        if status < 200:
            answer.headers = Headers()
            return
        answer.status = status
        answer.headed = True
        headers = answer.headers
        self._framed = (
            "content-length" in headers
            or "chunked" in headers.get("transfer-encoding").lower()
            or status in (204, 304)
        )
        answer.complete = self._bodiless

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        answer = self._answer
        if answer is not None and not answer.complete:
            self._barren = 0
            answer.take(data)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        answer = self._answer
        if answer is not None and answer.headed:
            answer.complete = True
            self._kept = self._parser.should_keep_alive()

    def _finish(self, answer: Http1Answer) -> None:
        """The answer is whole: the connection is free for another, where both sides agree."""
        self._answer = None
        transport = self._transport
        unsent = transport is None or transport.get_write_buffer_size() > 0
        if unsent or self._excess or self._bodiless or not self._kept:
            self.end()
        else:
            self._reused = True
            self.resume()
            self._keeper.release(self)
        answer.arrived()

    def _fail(self, answer: Http1Answer, error: UpstreamError) -> None:
        self.end()
        answer.fail(error)
