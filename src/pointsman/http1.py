"""HTTP/1.1 with a provider: one connection, one request at a time, its answer read as it arrives.

Nothing here waits for a lock or starts a task. Whoever asks awaits the head of an answer; its body goes
straight from the socket into a receiver, in the callback that read it. A connection that is interrupted at
whatever point is ended, never given back, so that no answer can be taken for another's.
"""

from __future__ import annotations

import asyncio
from typing import Protocol, cast

import httptools

from .arriving import Http1Answer
from .dial import Connectable
from .errors import MalformedAnswer, UpstreamCut, UpstreamError
from .runs import Run

__all__ = ["Connection", "Keeper", "Stale"]

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


class Connection(Connectable):
    """One connection to a provider. `max_header` caps in bytes what an answer says before its body, and
    between the pieces of its body."""

    __slots__ = (
        "_answer",
        "_barren",
        "_bodiless",
        "_ended",
        "_excess",
        "_keeper",
        "_kept",
        "_max_header",
        "_overlong",
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
        self._read = False
        self._barren = 0
        self._overlong = False
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

    async def ask(
        self, head: bytes, body: bytes, *, bodiless: bool = False, run: Run | None = None
    ) -> Http1Answer:
        """Send a request and return its answer once the head of it is there.

        `bodiless` says that its answer has no body, whatever its headers say (HEAD). Raises Stale where a
        kept connection turns out to have ended, and UpstreamError. However this ends without an answer, the
        connection is ended with it.
        """
        transport = self._transport
        if transport is None:
            raise Stale("the provider's connection is closed", phase="headers")
        answer = self._answer = Http1Answer(self, run)
        self._read = False
        self._barren = 0
        self._bodiless = bodiless
        if len(body) < JOINED:
            transport.write(head + body)
        else:
            transport.writelines((head, body))
        try:
            while not answer.headed:
                if answer.error is not None:
                    raise answer.error
                await answer.wait()
        except BaseException:
            self.drop(answer)
            raise
        return answer

    def drop(self, answer: Http1Answer) -> None:
        """End the connection unless the answer is whole: then it may be another's by now."""
        if self._answer is answer:
            self.end()

    def end(self) -> None:
        """End the connection at once, whatever it is doing."""
        self._answer = None
        self._ended = True
        transport, self._transport = self._transport, None
        if transport is not None:
            transport.abort()
            self._keeper.lost(self)

    def pause(self, answer: Http1Answer) -> None:
        """Read nothing more of an answer from the socket."""
        if self._answer is answer and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()

    def resume(self, answer: Http1Answer) -> None:
        """Read on."""
        if self._paused and self._answer is answer and self._transport is not None:
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
        self._barren += len(data)
        if not answer.headed:
            self._read = True
            answer.raw = answer.raw + data if answer.raw else data
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(
                answer,
                MalformedAnswer("the provider did not answer in HTTP", phase="headers", detail=str(error)),
            )
            return
        if self._barren > self._max_header or self._overlong:
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
        if answer.headed and error is None and not _is_framed(answer):  # it ends where the connection ends
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

    def on_headers_complete(self) -> None:
        """Status and headers are there. An interim answer (1xx) is passed over."""
        answer = self._answer
        if answer is None or answer.complete:
            return
        if len(answer.raw) > self._max_header and answer.head_size > self._max_header:
            self._overlong = True
            return
        status = self._parser.get_status_code()
        if status < 200:
            answer.interim = True
            return
        answer.status = status
        answer.headed = True
        answer.complete = self._bodiless

    def on_body(self, data: bytes) -> None:
        """A piece of the body."""
        answer = self._answer
        if answer is not None and not answer.complete:
            self._barren = 0
            answer.parts.append(data)
            answer.size += len(data)

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was an interim one."""
        answer = self._answer
        if answer is not None and answer.headed:
            answer.complete = True
            self._kept = self._parser.should_keep_alive()

    def _finish(self, answer: Http1Answer) -> None:
        """The answer is whole: the connection is free for another, where both sides agree."""
        if self._paused:
            self.resume(answer)
        self._answer = None
        transport = self._transport
        unsent = transport is None or transport.get_write_buffer_size() > 0
        if unsent or self._excess or self._bodiless or not self._kept:
            self.end()
        else:
            self._reused = True
            self._keeper.release(self)
        answer.arrived()

    def _fail(self, answer: Http1Answer, error: UpstreamError) -> None:
        self.end()
        answer.fail(error)


def _is_framed(answer: Http1Answer) -> bool:
    """Whether an answer says itself where it ends."""
    headers = answer.headers
    return (
        "content-length" in headers
        or "chunked" in headers.get("transfer-encoding", "").lower()
        or answer.status in (204, 304)
    )
