"""An origin: the connections to one provider's host, kept while idle, opened as they are needed.

The connection used last is used next, so that those a quiet hour does not need run out of time.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass

from .arriving import Http1Answer
from .dial import dial
from .errors import ConnectFailed
from .http1 import Connection, Stale
from .runs import Run, in_task

__all__ = ["Limits", "Origin"]

MOST_IDLE = 512
"""Connections kept to one origin while nobody needs them."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds and numbers: `connecting` covers name lookup, connection and handshake; a connection that was
    idle for `idle` is closed; `ahead` connections are held ready beside those in use; `header` caps an
    answer's head in bytes."""

    connecting: float
    idle: float
    ahead: int
    header: int


class Origin:
    """The connections to one origin. `context` is given for TLS."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, limits: Limits) -> None:
        self._host = host
        self._port = port
        self._context = context
        self._limits = limits
        self._idle: list[Connection] = []
        self._all: set[Connection] = set()
        self._opening: set[asyncio.Task[None]] = set()
        self._closed = False
        self._now = asyncio.get_running_loop().time

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return len(self._all)

    @property
    def idle(self) -> int:
        """How many of them wait for a request."""
        return len(self._idle)

    async def ask(
        self, head: bytes, body: bytes, *, bodiless: bool = False, run: Run | None = None
    ) -> Http1Answer:
        """Send a request and return its answer once the head of it is there. Raises UpstreamError.

        A kept connection that turns out to have ended before any of the answer came is replaced, once.
        """
        connection = self._kept()
        if connection is not None:
            try:
                answer = await connection.ask(head, body, bodiless=bodiless, run=run)
            except Stale:
                connection = None
        if connection is None:
            await in_task()
            started = self._now()
            connection = await self._open()
            connecting = self._now() - started
            answer = await connection.ask(head, body, bodiless=bodiless, run=run)
            answer.connecting = connecting
        if len(self._idle) + len(self._opening) < self._limits.ahead:
            self._open_more()
        return answer

    async def _open(self) -> Connection:
        """A new connection, ready to be used. Raises ConnectFailed."""
        try:
            async with asyncio.timeout(self._limits.connecting):
                connection = await dial(self._make, self._host, self._port, self._context)
        except TimeoutError as error:
            raise ConnectFailed(
                "the provider did not accept a connection in time", detail=repr(error)
            ) from None
        except ssl.SSLCertVerificationError as error:
            raise ConnectFailed(
                "the provider cannot be reached: the provider's certificate is not trusted", detail=str(error)
            ) from None
        except (OSError, UnicodeError) as error:
            raise ConnectFailed(
                "the provider cannot be reached: no connection", detail=f"{type(error).__name__}: {error}"
            ) from None
        if self._closed:
            connection.end()
            raise ConnectFailed("the gateway is stopping")
        self._all.add(connection)
        return connection

    def _make(self) -> Connection:
        return Connection(self, self._limits.header)

    def _kept(self) -> Connection | None:
        """The idle connection used last, if there is one."""
        while self._idle:
            connection = self._idle.pop()
            if connection.usable:
                return connection
        return None

    def _open_more(self) -> None:
        """Open a connection ahead: the host has just shown that it answers."""
        task = asyncio.get_running_loop().create_task(self._open_ahead())
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def _open_ahead(self) -> None:
        """Open a connection for whoever comes next. That it fails is for them to find out."""
        try:
            connection = await self._open()
        except ConnectFailed:
            return
        self.release(connection)

    def release(self, connection: Connection) -> None:
        """See `Keeper`."""
        if self._closed or len(self._idle) >= MOST_IDLE:
            connection.end()
            return
        connection.idle_since = self._now()
        self._idle.append(connection)

    def lost(self, connection: Connection) -> None:
        """See `Keeper`."""
        self._all.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)

    def expire(self) -> None:
        """Close the connections that nobody has used for long."""
        oldest = self._now() - self._limits.idle
        for connection in [each for each in self._idle if each.idle_since <= oldest]:
            connection.end()

    async def close(self) -> None:
        """Close every connection, used or not."""
        self._closed = True
        for task in self._opening:
            task.cancel()
        await asyncio.gather(*self._opening, return_exceptions=True)
        for connection in list(self._all):
            connection.end()
