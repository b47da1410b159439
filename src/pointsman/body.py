"""A request's body: read once, inflated if the client compressed it, under a cap of size and a clock."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping

from starlette.types import Receive

from .errors import BadRequest, PayloadTooLarge
from .inflate import ENCODINGS, InflateError, Inflater

__all__ = ["Body", "stalled", "too_large"]


class Body:
    """The body of one request. `limit` caps it in bytes, inflated; `timeout` is how long it may pause."""

    def __init__(self, receive: Receive, headers: Mapping[str, str], *, limit: int, timeout: float) -> None:
        self._receive = receive
        self._headers = headers
        self._limit = limit
        self._timeout = timeout
        self.read_whole = asyncio.Event()

    async def read(self) -> bytes:
        """The whole body. Raises PayloadTooLarge, BadRequest; CancelledError when the client left."""
        declared = self._headers.get("content-length", "0")
        if declared.isdecimal() and int(declared) > self._limit:
            raise too_large(self._limit)
        inflater = self._inflater()
        parts: list[bytes] = []
        size = 0
        more = True
        while more:
            try:
                async with asyncio.timeout(self._timeout):
                    message = await self._receive()
            except TimeoutError:
                raise stalled(self._timeout) from None
            if message["type"] == "http.disconnect":
                raise asyncio.CancelledError
            for piece in _pieces(message.get("body", b""), inflater):
                size += len(piece)
                if size > self._limit:
                    raise too_large(self._limit)
                parts.append(piece)
            more = message.get("more_body", False)
        self.read_whole.set()
        if size and inflater is not None and not inflater.whole:
            raise BadRequest("the compressed body is not whole: it ends too early")
        return b"".join(parts)

    async def client_left(self) -> None:
        """Return when the client has closed its connection, body read or not asked for."""
        await self.read_whole.wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def _inflater(self) -> Inflater | None:
        """What undoes the content encoding. Raises BadRequest for one that is not known."""
        encoding = self._headers.get("content-encoding", "identity").strip().lower()
        if encoding in ("", "identity"):
            return None
        if encoding not in ENCODINGS:
            raise BadRequest(
                f"the content-encoding {encoding[:50]!r} is not understood here; "
                "send the body as it is, or with gzip or deflate",
                status=415,
                headers={"accept-encoding": "gzip, deflate", "connection": "close"},
            )
        return Inflater()


def _pieces(data: bytes, inflater: Inflater | None) -> Iterator[bytes]:
    """What came, inflated a piece at a time. Raises BadRequest."""
    if inflater is None:
        yield data
        return
    try:
        yield from inflater.pieces(data)
    except InflateError as error:
        raise BadRequest(f"the body is not what its content-encoding says: {error}") from None


def too_large(limit: int) -> PayloadTooLarge:
    """The error for a body of more than `limit` bytes."""
    return PayloadTooLarge(
        f"the body is larger than {limit} bytes (server.max_body)", headers={"connection": "close"}
    )


def stalled(timeout: float) -> BadRequest:
    """The error for a body of which nothing came for `timeout` seconds."""
    return BadRequest(
        f"the body did not arrive: nothing came for {timeout:g} s",
        status=408,
        headers={"connection": "close"},
    )
