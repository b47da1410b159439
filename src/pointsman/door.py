"""The fast door: requests for surfaces go from the socket to the pipeline, without ASGI.

What is unusual about a request (a web page behind it, a compressed body, a client that waits to be told to
go on) sends it the longer way; both share the connection, and answers leave in the order of requests.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from math import inf
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from . import pipeline
from .body import stalled
from .connection import Connection
from .dialects import Codec
from .errors import RequestError, Unavailable
from .exchange import Exchange
from .guard import log_access, request_id
from .heads import Head
from .runs import Run
from .wire import frame, render

if TYPE_CHECKING:
    from .streams import Headers

__all__ = ["Door", "HotRequest"]

log = logging.getLogger(__name__)

UNUSUAL = frozenset({"origin", "expect", "content-encoding", "upgrade"})
"""Headers that send a request the longer way."""
MOST_UNREAD = 64 * 1024
"""Bytes of a body that are taken in before anybody reads it."""
LARGE = 64 * 1024
"""Bytes above which the head of an answer is not copied together with the body."""
MOST_UNLIKE = 8
"""Heads of a client that were kept for nothing, after which no more are."""


class Door(Connection):
    """A client's connection whose requests for surfaces take the short way."""

    _hot: HotRequest | None = None
    """The request whose body is arriving, where it takes the short way."""
    _found: tuple[Codec, str]
    """Its codec and prefix."""
    _head: Head | None = None
    """Its head, where the next request may have the same."""
    _unlike = 0

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`. A whole request whose head is known is not parsed again."""
        alone = not (self._in_head or self._in_body or self._deaf)
        head = self._head
        if head is not None and alone and self._running is None:
            body = head.body_of(data)
            if body is not None and len(body) <= self.settings.max_body:
                self._repeat(head, body)
                return
            self._unlike += 1
        super().data_received(data)
        if alone and self._begun == 1 and not self._in_head and self._unlike < MOST_UNLIKE:
            self._remember(data)

    def _remember(self, data: bytes) -> None:
        """Keep the head that a piece of input began with, if it is that of a request on the short way."""
        hot = self._hot
        if hot is not None and hot.keep_alive:
            self._head = Head.of(data, hot.fields, self.body_size, self.settings.max_header)

    def _repeat(self, head: Head, body: bytes) -> None:
        """Begin with a request that is there as a whole: nothing of it can be late."""
        self._unlike = 0
        self._deadline = inf
        self._known = True
        self.body_size = len(body)
        fields = {**head.fields, "content-length": str(len(body))}
        self._hot = HotRequest(self, *self._found, fields, body)
        self.enqueue(self._hot)

    on_message_begin = Connection.begin_message
    """See `httptools`. What only ASGI needs is made when it does."""

    def accept(self, headers: dict[str, str]) -> None:
        """Take the short way where all is usual."""
        self._head = None
        found = self.entrance.surfaces.get(self.url)
        if found is None or self.parser.get_method() != b"POST" or not UNUSUAL.isdisjoint(headers):
            self._hot = None
            url, lines = self.url, self.headers
            HttpToolsProtocol.on_message_begin(self)
            self.url = url
            self.headers += lines
            super().accept(headers)
            return
        self.patience = self.settings.read_timeout
        self._found = found
        self._hot = HotRequest(self, *found, headers)
        self.enqueue(self._hot)

    def on_body(self, body: bytes) -> None:
        """See `httptools`."""
        if self._hot is None:
            super().on_body(body)
        else:
            self.count(body)
            self._hot.take(body)

    def on_message_complete(self) -> None:
        """See `httptools`."""
        if self._hot is None:
            super().on_message_complete()
        else:
            self._in_body = False
            self._hot.complete()

    def abandon(self, request: Any) -> None:
        """See `Connection`."""
        super().abandon(request)
        if isinstance(request, HotRequest):
            request.leave()

    def stall(self, request: Any) -> None:
        """See `Connection`."""
        if isinstance(request, HotRequest):
            request.fail(stalled(self.settings.read_timeout))
        else:
            super().stall(request)


class HotRequest:
    """A request on the short way: to uvicorn one of its own, to the pipeline a `Sink` and a body. One that
    is given its `body` is whole, and as the one before it: its connection is kept."""

    __slots__ = (
        "_at_once",
        "_body",
        "_chunked",
        "_codec",
        "_connection",
        "_error",
        "_head",
        "_id",
        "_left",
        "_old",
        "_prefix",
        "_run",
        "_waiter",
        "_whole",
        "disconnected",
        "fields",
        "keep_alive",
        "response_complete",
        "response_started",
    )

    message_event = asyncio.Event()
    """What uvicorn wakes its own requests with; ours do not sleep on it."""

    def __init__(
        self, connection: Door, codec: Codec, prefix: str, fields: dict[str, str], body: bytes | None = None
    ) -> None:
        self._connection = connection
        self._codec = codec
        self._prefix = prefix
        self.fields = fields
        self._body: list[bytes] = [] if body is None else [body]
        self._whole = body is not None
        self._waiter: asyncio.Future[None] | None = None
        self._error: RequestError | None = None
        self._run: Run | None = None
        self._at_once = self._whole
        self._id = request_id(fields, connection.entrance.gateway.ids)
        self._old = connection.version == "1.0"
        self.keep_alive = self._whole or (not self._old and connection.parser.should_keep_alive())
        self.disconnected = self.response_started = self.response_complete = False

    # the connection's side

    def begin(self) -> None:
        """Start the exchange: it is this request's turn."""
        connection = self._connection
        gateway = connection.entrance.gateway
        exchange = Exchange(
            gateway,
            self._codec,
            self.fields,
            prefix=self._prefix,
            client=connection.peer,
            request_id=self._id,
        )
        if gateway.draining:
            stopping = Unavailable(pipeline.STOPPING, headers={"connection": "close"})
            pipeline.refuse(exchange, self, stopping)
            return
        work = pipeline.serve(exchange, self, self.read_body)
        run = self._run = gateway.drive(exchange, work, self._ended, connection.loop)
        if self._at_once:
            run.step()
        else:  # the parser is in the middle of something
            connection.loop.call_soon(run.step)

    def take(self, data: bytes) -> None:
        """A piece of the body has come. Until somebody reads it, not much more is let in."""
        if self.response_complete:
            return
        self._body.append(data)
        if self._waiter is None and self._connection.body_size > MOST_UNREAD:
            self._connection.flow.pause_reading()

    def complete(self) -> None:
        """The body is whole."""
        self._whole = True
        if self._waiter is not None:
            self._wake(self._waiter)

    def fail(self, error: RequestError) -> None:
        """The rest of the body does not come."""
        self._error = error
        if self._waiter is not None:
            self._wake(self._waiter)

    def leave(self) -> None:
        """The client is gone."""
        if self._run is not None and not self.response_complete:
            self._run.cancel()

    def _wake(self, waiter: asyncio.Future[None]) -> None:
        if not waiter.done():
            waiter.set_result(None)

    def _ended(self, error: BaseException | None) -> None:
        """The exchange is over; one that was ended before it could answer leaves the client without."""
        if self._run is not None:
            self._connection.entrance.gateway.forget(self._run)
        if error is not None and not isinstance(error, asyncio.CancelledError):
            log.error("an exchange ended with an error", exc_info=error)
        if not (self.response_complete or self.disconnected):
            self._connection.transport.close()

    # the pipeline's side

    def read_body(self) -> bytes | Awaitable[bytes]:
        """The whole body, at once where it is there. Raises BadRequest where it stops coming."""
        if self._whole and len(self._body) == 1 and not self.disconnected:
            return self._body.pop()
        return self._rest()

    async def _rest(self) -> bytes:
        if self.disconnected:
            raise asyncio.CancelledError
        if not self._whole and self._error is None:
            self._waiter = self._connection.loop.create_future()
            self._connection.flow.resume_reading()
            await self._waiter
        if not self._whole and self._error is not None:
            raise self._error
        body, self._body = self._body, []
        return b"".join(body)

    @property
    def full(self) -> bool:
        """See `Sink`."""
        return self._connection.flow.write_paused

    async def drained(self) -> None:
        """See `Sink`."""
        await self._connection.flow.drain()

    def start(self, status: int, headers: Headers) -> None:
        """See `Sink`. The head leaves with the first bytes of the body."""
        self._begin_answer(status, headers, None)

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """See `Sink`."""
        self._begin_answer(status, headers, len(body))
        self._send(body)
        self._finish()

    def write(self, data: bytes) -> None:
        """See `Sink`."""
        if not data:
            return
        if self._left is not None:
            self._left -= len(data)
        if self._chunked:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if self._head or self.disconnected:
            self._send(data)
        else:
            connection = self._connection
            connection.written += len(data)
            connection.transport.write(data)

    def end(self) -> None:
        """See `Sink`."""
        if self._left:  # an answer of another length than was told is not built upon
            self.keep_alive = False
        if self._chunked or self._head:
            self._send(b"0\r\n\r\n" if self._chunked else b"")
        self._finish()

    def _begin_answer(self, status: int, headers: Headers, size: int | None) -> None:
        """Make the head of an answer; `size` is that of its body, where it is there."""
        connection = self._connection
        lines, length, close = frame(headers)
        self._left = length  # bytes of the answer that are still to come, where that is known
        if size is not None:
            length = size
        self._chunked = length is None and not self._old
        if close or (length is None and self._old):
            self.keep_alive = False
        self._head = render(status, lines, length, chunked=self._chunked, close=not self.keep_alive)
        self.response_started = True
        if connection.entrance.access:
            path = f"{self._prefix}{self._codec.path}"
            log_access("POST", path, status, request_id=self._id, client=connection.peer)

    def _finish(self) -> None:
        """The answer is out."""
        if self.disconnected:
            return
        self.response_complete = True
        if not self.keep_alive:
            self._connection.finish()
        self._connection.on_response_complete()

    def _send(self, data: bytes) -> None:
        if self.disconnected:
            return
        connection, head, self._head = self._connection, self._head, b""
        connection.written += len(head) + len(data)
        if head and len(data) > LARGE:
            connection.transport.write(head)
            connection.transport.write(data)
        else:
            connection.transport.write(head + data if head else data)
