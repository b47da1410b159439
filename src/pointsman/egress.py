"""Egress over httpx: through a proxy, or by HTTP/2. It costs twenty times what our own client does."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal

import httpx

from .calls import Answer, ChunkedAnswer, Outgoing
from .errors import (
    ConnectFailed,
    MalformedAnswer,
    UpstreamCut,
    UpstreamError,
    UpstreamStatus,
    UpstreamTimeout,
)
from .pools import guard, prune
from .waits import retry_after

__all__ = ["Egress", "client_over", "told"]


def client_over(
    *,
    context: ssl.SSLContext | Literal[False],
    connect_timeout: float,
    idle: float,
    proxy: str | None = None,
    http2: bool = False,
    transport: httpx.AsyncBaseTransport | None = None,
    headers: dict[str, str],
) -> httpx.AsyncClient:
    """An httpx client that takes nothing from the environment, keeps no cookies, follows no redirect and has
    no clocks but the one for connections."""
    return httpx.AsyncClient(
        verify=context,
        proxy=proxy,
        http2=http2,
        transport=transport,
        headers=headers,
        trust_env=False,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        timeout=httpx.Timeout(None, connect=connect_timeout),
        limits=httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=idle),
    )


class Egress:
    """Sends requests by one httpx client. Answers must be closed."""

    def __init__(self, client: httpx.AsyncClient, *, connect_timeout: float, max_header: int) -> None:
        self.client = client
        self._connect_timeout = connect_timeout
        self._max_header = max_header
        guard(client)

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send a request and return its answer once the headers are there. Raises UpstreamError."""
        try:
            response = await self._sent(outgoing)
        except BaseException as error:
            prune(self.client)
            if isinstance(error, httpx.HTTPError):
                raise _error(error, "headers") from None
            raise
        answer = _HttpxAnswer(response)
        size = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
        if size > self._max_header:
            await answer.close()
            raise MalformedAnswer(
                f"the provider's headers are larger than {self._max_header} bytes", phase="headers"
            )
        return answer

    async def close(self) -> None:
        """Close its connections."""
        await self.client.aclose()

    async def _sent(self, outgoing: Outgoing) -> httpx.Response:
        """The answer's head. A kept connection that ends before any of it came is replaced, once."""
        trace = _Trace()
        try:
            return await self._once(outgoing, trace)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if trace.fresh or trace.answered:
                raise
        return await self._once(outgoing, _Trace())

    async def _once(self, outgoing: Outgoing, trace: _Trace) -> httpx.Response:
        """Send once. Name, connection and handshake together have one clock."""
        request = self.client.build_request(
            outgoing.method,
            outgoing.url,
            content=outgoing.body,
            headers=dict(outgoing.headers),
            extensions={"trace": trace},
        )
        try:
            async with asyncio.timeout(self._connect_timeout) as trace.connecting:
                return await self.client.send(request, stream=True, follow_redirects=False)
        except TimeoutError:
            if not trace.connecting.expired():
                raise
            raise ConnectFailed("the provider did not accept a connection in time") from None


class _HttpxAnswer(ChunkedAnswer):
    def __init__(self, response: httpx.Response) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        super().__init__(response.status_code, headers, _translated(response))
        self._response = response

    async def close(self) -> None:
        await self._response.aclose()


async def _translated(response: httpx.Response) -> AsyncIterator[bytes]:
    """The raw body of a response, with httpx's errors as ours."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx.HTTPError as error:
        raise _error(error, "body") from None


def told(error: Exception, phase: Literal["headers", "body", "stream"]) -> UpstreamError:
    """What httpx raised in a plugin's call, as ours."""
    if isinstance(error, httpx.HTTPStatusError):
        response = error.response
        return UpstreamStatus.of(response.status_code, retry_after=retry_after(response.headers))
    if isinstance(error, httpx.HTTPError):
        return _error(error, phase)
    return MalformedAnswer("the provider's plugin failed", phase=phase, detail=repr(error))


def _error(error: httpx.HTTPError, phase: str) -> UpstreamError:
    """httpx's error as ours. The text of httpx may name hosts, so it goes to the log only."""
    detail = f"{type(error).__name__}: {error}"
    if isinstance(error, httpx.ConnectTimeout):
        return ConnectFailed("the provider did not accept a connection in time", detail=detail)
    if isinstance(error, httpx.ConnectError | httpx.UnsupportedProtocol | httpx.ProxyError):
        words = "the provider's certificate is not trusted" if "CERTIFICATE" in detail else "no connection"
        return ConnectFailed(f"the provider cannot be reached: {words}", detail=detail)
    if isinstance(error, httpx.TimeoutException):
        return UpstreamTimeout("the provider took too long", phase="headers", detail=detail)
    if (
        isinstance(error, httpx.RemoteProtocolError)
        and "without" not in detail
        and "disconnected" not in detail
    ):
        return MalformedAnswer("the provider did not answer in HTTP", phase="headers", detail=detail)
    return UpstreamCut(
        "the provider's connection broke off", phase="body" if phase == "body" else "headers", detail=detail
    )


class _Trace:
    """What has become of one request, as httpcore tells it."""

    def __init__(self) -> None:
        self.fresh = False
        """It went out on a new connection."""
        self.answered = False
        """The head of its answer was read."""
        self.connecting = asyncio.timeout(None)

    async def __call__(self, name: str, info: object) -> None:
        if name == "connection.connect_tcp.started":
            self.fresh = True
        elif name.endswith("send_request_headers.started"):
            self.connecting.reschedule(None)
        elif name.endswith("receive_response_headers.complete"):
            self.answered = True
