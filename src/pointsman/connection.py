"""A client's connection: what each gets, whichever door its requests take.

uvicorn reads HTTP and knows neither slow clients nor sizes nor ambiguity. This class adds clocks, caps and
refusals. A request that is refused is answered in its turn, no application sees it, and nothing behind it is
read.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import logging
import sys
import termios
from collections.abc import Sized
from math import inf
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

from .body import stalled, too_large
from .errors import BadRequest, Internal, RequestError
from .guard import Entrance, header_map
from .refusal import Refusal

__all__ = ["Connection", "Exit", "Flow"]

log = logging.getLogger(__name__)

HIGH_WATER = 256 * 1024
LOW_WATER = 192 * 1024
"""Bytes waiting to be sent above which writers are asked to pause, and below which they may go on."""
START_LINE = 64
"""Bytes of a start line beside its URL, and then some."""
FRAMING_PER_BYTE = 8
"""Bytes that chunks may cost for each byte of a body; one byte a chunk costs five."""
MOST_QUEUED = 16
"""Requests waiting for their turn on one connection with which no more are read."""
LINGER = 2.0
"""Seconds a refused client has to read why, before its connection is closed under what it still sends."""
APP_FIRST = 1.5
"""How much longer than an application's own clock ours waits for a body, for it to answer by itself."""


class Connection(HttpToolsProtocol):
    """One client's connection. `sweep` is to be called now and then, for clocks to run out."""

    def __init__(
        self,
        entrance: Entrance,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.entrance = entrance
        self.settings = entrance.settings
        self.url = b""
        self.headers = []
        self.written = 0
        """Bytes given to the transport so far."""
        self.ended = False
        """Nothing more is to be written."""
        self._running: Any = None  # the request that is being answered: uvicorn's, or one that acts as such
        self._deaf = False  # what comes is thrown away
        self._deadline = inf
        self._in_head = self._in_body = False
        self._known = False  # the message that is arriving has become a request
        self.version = "1.1"
        """HTTP's, of the message that arrived last."""
        self.peer = ""
        """The client's address."""
        self.patience = inf
        """Seconds for which nothing of a body may come."""
        self._begun = 0  # messages that began in the piece that is read
        self._piece = 0  # its length
        self._head_size = 0  # bytes of an unfinished head, those of this piece not counted
        self.body_size = 0
        """Bytes of the arriving body so far."""
        self._framing = 0  # bytes of a chunked body that are not its content
        self._taken = 0
        self._moved = 0.0  # when the client last took something that was waiting for it

    # what uvicorn and the parser call

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """See `asyncio.Protocol`."""
        super().connection_made(transport)
        self.flow = Flow(transport, self.pipeline)
        self.peer = self.client[0] if self.client else ""
        transport.set_write_buffer_limits(HIGH_WATER, LOW_WATER)
        self._deadline = self.loop.time() + self.settings.header_timeout

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`. uvicorn tells the request that came last; the one under way must know."""
        super().connection_lost(exc)
        self._deaf = True
        self._deadline = inf
        self.pipeline.clear()
        if self._running is not None and not self._running.response_complete:
            self.abandon(self._running)

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        if self._deaf:
            return
        in_head, in_body, before = self._in_head, self._in_body, self.body_size
        self._begun, self._piece = 0, len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self.refuse(self._why(error.__context__))
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.refuse(BadRequest(f"this is not plain HTTP/1.1: {error}"))
        else:
            if self._in_head:
                self._account_head(alone=not (in_head or in_body))
            elif self._in_body:
                self._account_body(self.body_size - before, more=in_body)
            elif self._begun or in_head or in_body:
                idle = self._running is None
                self._deadline = self.loop.time() + self.settings.idle_timeout if idle else inf

    def on_message_begin(self) -> None:
        """See `httptools`."""
        self.begin_message()
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """See `httptools`."""
        self.url += url
        if len(self.url) > self.settings.max_url:
            raise BadRequest(f"the URL is longer than {self.settings.max_url} bytes", status=414)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See `httptools`. Fields behind a chunked body are dropped: they come too late to mean anything."""
        if self._in_head:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """See `httptools`."""
        if self.ended:
            raise BadRequest("nothing more is answered on this connection")
        headers = header_map(self.headers)
        self._check(headers)
        self._in_head, self._in_body = False, True
        self.accept(headers)
        self._known = True

    def on_body(self, body: bytes) -> None:
        """See `httptools`."""
        self.count(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """See `httptools`."""
        self._in_body = False
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is out: the next request's turn. As uvicorn's, without a timer for each request."""
        self.server_state.total_requests += 1
        self._running = None
        if self.ended or self.transport.is_closing():
            return
        waiting = self.pipeline.pop() if self.pipeline else None
        if self.flow.read_paused:
            self.flow.resume_reading()
        if waiting is not None:
            self._start_asgi_task(*waiting)
        elif not self._in_head:
            self._deadline = self.loop.time() + (
                self.settings.read_timeout if self._in_body else self.settings.idle_timeout
            )

    def _start_asgi_task(self, cycle: Any, app: Any) -> None:
        """Begin to answer: a request of uvicorn's by its application, others by themselves."""
        self._running = cycle
        if app is None:
            cycle.begin()
        else:
            super()._start_asgi_task(cycle, app)

    # the steps of a request

    def begin_message(self) -> None:
        """The head of a message has begun."""
        self._begun += 1
        self._in_head = True
        self._known = False
        self.url = b""
        self.headers = []
        self.body_size = self._framing = 0

    def count(self, body: bytes) -> None:
        """Count a piece of a body. Raises PayloadTooLarge."""
        self.body_size += len(body)
        if self.body_size > self.settings.max_body:
            raise too_large(self.settings.max_body)

    def accept(self, headers: dict[str, str]) -> None:
        """Hand a request that may pass to the application."""
        self.patience = self.settings.read_timeout * APP_FIRST
        self.expect_100_continue = headers.get("expect", "").lower() == "100-continue"
        super().on_headers_complete()
        self.cycle.transport = Exit(self)  # type: ignore[assignment]
        self.flow.resume_reading()

    def send(self, data: bytes) -> None:
        """Write, and count what is written."""
        self.written += len(data)
        self.transport.write(data)

    def enqueue(self, request: Any) -> None:
        """Have a request answered that answers by itself, when those before it are."""
        self.cycle = request
        if self._running is None and not self.pipeline:
            self._running = request
            request.begin()
        else:
            self.pipeline.appendleft((request, None))  # type: ignore[arg-type]
            if len(self.pipeline) >= MOST_QUEUED:
                self.flow.pause_reading()

    def abandon(self, request: Any) -> None:
        """Tell the request that is being answered that nobody waits for it."""
        request.disconnected = True
        request.message_event.set()

    def stall(self, request: Any) -> None:
        """Nothing more comes of a request's body: its own clock has not ended it, so it is refused."""
        self.refuse(stalled(self.settings.read_timeout))

    def finish(self) -> None:
        """Close behind what was written. A client that is still sending would lose it to a reset, so it is
        listened to a while."""
        self._deaf = self.ended = True
        self.pipeline.clear()
        if self.transport.is_closing():
            return
        if not (self._in_head or self._in_body):
            self.transport.close()
            return
        self._in_head = self._in_body = False
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._deadline = self.loop.time() + LINGER
        self.flow.resume_reading()

    def refuse(self, error: RequestError) -> None:
        """Answer the message that is arriving with an error, in its turn, and read nothing more."""
        self._deaf = True
        if self.ended or self.transport.is_closing():
            return
        self._deadline = inf
        self._in_body = True  # whatever it is, there may be more of it
        request, self._known = (self.cycle if self._known else None), False
        if request is not None and request is self._running:
            self._running = None
            self.abandon(request)
            if request.response_started:
                self.finish()
                return
        elif request is not None and self.pipeline:
            self.pipeline.popleft()
        elif request is not None:  # it was answered before it was whole
            self.finish()
            return
        self.enqueue(Refusal(self, error))

    # clocks

    def sweep(self, now: float) -> None:
        """Cut what is overdue."""
        if now >= self._deadline:
            self._overdue(now)
        waiting = self.transport.get_write_buffer_size()
        taken = self.written - waiting - self._in_kernel() if waiting else self.written
        if not waiting or taken != self._taken:
            self._taken, self._moved = taken, now
        elif now - self._moved >= self.settings.write_timeout:
            log.warning("a client read nothing for %g s: %s", self.settings.write_timeout, self.peer)
            self.transport.abort()

    def _in_kernel(self) -> int:
        """Bytes that the system has and the client has not, where the system tells. It takes them in leaps of
        a megabyte: to judge a slow client by those would be to cut it while it reads."""
        count = bytearray(4)
        with contextlib.suppress(AttributeError, OSError):
            fcntl.ioctl(self.transport.get_extra_info("socket").fileno(), termios.TIOCOUTQ, count)
        return int.from_bytes(count, sys.byteorder)

    def _overdue(self, now: float) -> None:
        if self._deaf:
            self._deadline = inf
            self.transport.close()
        elif self._in_body:
            if self.flow.read_paused:  # it is us who do not read
                self._deadline = now + self.settings.read_timeout
            elif self.cycle.response_complete:
                self.transport.close()
            else:
                self._deadline = inf
                self.stall(self.cycle)
        elif self._running is not None:
            return  # the next request is late while this one is answered: it is looked at then
        elif self._in_head:
            late = f"the headers did not arrive within {self.settings.header_timeout:g} s"
            self.refuse(BadRequest(late, status=408))
        else:
            self.transport.close()

    def _account_head(self, *, alone: bool) -> None:
        """Behind a piece of input with which a head is not whole: count it, and set the clock for the rest.
        `alone` says that nothing had been arriving before the piece."""
        settings = self.settings
        if not self._begun:
            self._head_size += self._piece
        else:  # behind another message its share of the piece is not known
            self._head_size = self._piece if alone and self._begun == 1 else 0
            self._deadline = self.loop.time() + settings.header_timeout
        if self._head_size > settings.max_header + settings.max_url + START_LINE:
            self.refuse(self._header_too_large())

    def _account_body(self, content: int, *, more: bool) -> None:
        """As `_account_head`, of a body: `content` bytes of the piece are its own, and with `more` it had
        been arriving before."""
        if more and not self._begun:
            self._framing += self._piece - content
            if self._framing > self.settings.max_header + FRAMING_PER_BYTE * self.body_size:
                self.refuse(BadRequest("the chunks of the body are mostly not body"))
                return
        self._deadline = self.loop.time() + self.patience

    # what is refused

    def _check(self, headers: dict[str, str]) -> None:
        """Raises what a message is refused with for its head."""
        settings = self.settings
        if len(self.headers) > settings.max_headers:
            raise BadRequest(f"there are more than {settings.max_headers} header lines", status=431)
        if self._piece + (0 if self._begun else self._head_size) > settings.max_header:
            size = sum(len(name) + len(value) + 4 for name, value in self.headers)
            if size > settings.max_header:
                raise self._header_too_large()
        version = self.version = self.parser.get_http_version()
        if version not in ("1.1", "1.0"):
            raise BadRequest("HTTP/1.1 and HTTP/1.0 are spoken here")
        if self.parser.should_upgrade():
            raise BadRequest("there is no other protocol to change to: send the request without Upgrade")
        if self.url[:1] != b"/" or b"#" in self.url:
            raise BadRequest("what is asked for is a path on this server, beginning with a slash")
        coding = headers.get("transfer-encoding")
        if coding is not None and (coding.lower() != "chunked" or version == "1.0"):
            raise BadRequest("the transfer-encoding of a request is `chunked` or none, and none in HTTP/1.0")
        if int(headers.get("content-length", 0)) > settings.max_body:
            raise too_large(settings.max_body)
        error = self.entrance.guard.refusal(headers, self.url.partition(b"?")[0], version=version)
        if error is not None:
            raise error

    def _header_too_large(self) -> BadRequest:
        return BadRequest(f"the headers are larger than {self.settings.max_header} bytes", status=431)

    def _why(self, error: BaseException | None) -> RequestError:
        """The refusal that one of our callbacks raised; anything else is our own fault."""
        if isinstance(error, RequestError):
            return error
        log.error("a request could not be taken in", exc_info=error)
        return Internal(repr(error))


class Flow(FlowControl):
    """Goes on reading while requests wait for their turn, to see a client leave; but not while many do."""

    def __init__(self, transport: asyncio.Transport, queue: Sized) -> None:
        super().__init__(transport)
        self._queue = queue

    def resume_reading(self) -> None:
        """See uvicorn's."""
        if len(self._queue) < MOST_QUEUED:
            super().resume_reading()


class Exit:
    """The transport as a request of uvicorn's sees it: what it writes is counted, and closing is polite."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def write(self, data: bytes) -> None:
        """See `asyncio.Transport`."""
        self._connection.send(data)

    def is_closing(self) -> bool:
        """See `asyncio.Transport`."""
        return self._connection.ended or self._connection.transport.is_closing()

    def close(self) -> None:
        """See `Connection.finish`."""
        self._connection.finish()

    def abort(self) -> None:
        """See `asyncio.Transport`."""
        self._connection.transport.abort()
