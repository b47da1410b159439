"""A refused request: it waits for its turn as others do, is told why, and its connection ends."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .errors import RequestError
from .guard import header_map, log_access, request_id
from .wire import refusal

if TYPE_CHECKING:
    from .connection import Connection

__all__ = ["Refusal"]


class Refusal:
    """A request that is refused, in uvicorn's queue of requests."""

    def __init__(self, connection: Connection, error: RequestError) -> None:
        self._connection = connection
        self._error = error
        self._id = request_id(header_map(connection.headers), connection.entrance.gateway.ids)
        self._path = connection.url.partition(b"?")[0]
        self.keep_alive = False
        self.disconnected = False
        self.response_started = False
        self.response_complete = False
        self.message_event = asyncio.Event()

    def begin(self) -> None:
        """Say why, and close."""
        connection, error = self._connection, self._error
        codec, _ = connection.entrance.surfaces.get(self._path, (None, ""))
        self.response_started = self.response_complete = True
        connection.send(refusal(error, self._id, codec))
        if connection.entrance.access:
            path = self._path.decode("latin-1")
            log_access("refused", path, error.status, request_id=self._id, client=connection.peer)
        connection.finish()
        connection.on_response_complete()
