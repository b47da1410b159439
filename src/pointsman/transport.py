"""Our HTTP/1.1 client as a transport of httpx: plugins write plain httpx and share our connections."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

import httpx

from .arriving import Http1Answer
from .calls import Outgoing, is_compressed
from .errors import ConnectFailed, MalformedAnswer, Unavailable, UpstreamError

if TYPE_CHECKING:
    Send = Callable[[Outgoing], Awaitable[Http1Answer]]

__all__ = ["Http1Transport"]

T = TypeVar("T")
OF_THE_PACKED = ("content-encoding", "content-length")
"""Headers that are no longer true of a body that was inflated."""


class Http1Transport(httpx.AsyncBaseTransport):
    """Sends requests of an httpx client over the connections of `Upstream`. Of httpx's time-outs `read`
    holds, for the head of an answer and for each pause in its body; connections have their own."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """See `httpx.AsyncBaseTransport`. Raises httpx.TransportError."""
        body = await request.aread()
        headers = {
            name.decode("latin-1").lower(): value.decode("latin-1") for name, value in request.headers.raw
        }
        for name in ("host", "content-length", "transfer-encoding", "connection"):
            headers.pop(name, None)
        patience = request.extensions.get("timeout", {}).get("read")
        outgoing = Outgoing(request.method, str(request.url), headers, body)
        answer = await _told(request, self._send(outgoing), patience)
        packed = is_compressed(answer.headers)
        lines = [pair for pair in answer.headers.items() if not (packed and pair[0] in OF_THE_PACKED)]
        return httpx.Response(answer.status, headers=lines, stream=_Body(request, answer, patience))


class _Body(httpx.AsyncByteStream):
    """The body of an answer, inflated under our cap rather than by httpx, which has none."""

    def __init__(self, request: httpx.Request, answer: Http1Answer, patience: float | None) -> None:
        self._request = request
        self._answer = answer
        self._patience = patience

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = self._answer.chunks()
        while True:
            chunk = await _told(self._request, anext(chunks, None), self._patience)
            if chunk is None:
                return
            yield chunk

    async def aclose(self) -> None:
        await self._answer.close()


async def _told(request: httpx.Request, work: Awaitable[T], patience: float | None) -> T:
    """What `work` gives, its errors told as httpx's."""
    try:
        async with asyncio.timeout(patience):
            return await work
    except TimeoutError as error:
        raise httpx.ReadTimeout("the provider took too long", request=request) from error
    except ConnectFailed as error:
        kind = httpx.ConnectTimeout if "in time" in error.message else httpx.ConnectError
        raise kind(error.detail or error.message, request=request) from error
    except Unavailable as error:
        raise httpx.PoolTimeout(error.message, request=request) from error
    except MalformedAnswer as error:
        raise httpx.RemoteProtocolError(error.message, request=request) from error
    except UpstreamError as error:
        raise httpx.ReadError(error.message, request=request) from error
