"""Upstream: the only module that opens connections.

`Upstream.send` gives an `Answer`: status, headers, and a body that is either read whole or pumped into a
receiver that can say it is full. Certificates are verified, redirects are never followed, a compressed
body is inflated under a cap, and nothing is taken from the environment but the egress proxy.
"""

from __future__ import annotations

import asyncio
import ssl
import urllib.request
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal, Protocol
from urllib.parse import urlsplit

import httpx

from .config import UpstreamSettings
from .errors import (
    ConnectFailed,
    MalformedAnswer,
    StartupError,
    Unavailable,
    UpstreamCut,
    UpstreamError,
    UpstreamStatus,
    UpstreamTimeout,
)
from .inflate import ENCODINGS, InflateError, Inflater
from .pools import guard, prune
from .waits import retry_after

__all__ = [
    "Answer",
    "Outgoing",
    "Receiver",
    "Upstream",
    "as_upstream_error",
    "origin_of",
]

DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """The origin of a URL, `scheme://host:port`. Raises StartupError for anything but http and https."""
    try:
        parts = urlsplit(url)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError as error:
        raise StartupError(f"{url!r} is not a URL: {error}") from None
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname or "\\" in url or parts.username is not None:
        raise StartupError(f"{url!r} is not the URL of a provider: expected https://host[:port]/path")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname.lower()
    return f"{parts.scheme}://{host}:{port}"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request to a provider. Header names are lower case."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Receiver(Protocol):
    """Takes an answer's bytes as they arrive."""

    def feed(self, data: bytes) -> bool:
        """Take bytes. True says "full": nothing more is read until `ready` returns."""

    async def ready(self) -> None:
        """Return when there is room again."""


class Answer(Protocol):
    """What a provider answered. Header names are lower case; the body is read once."""

    status: int
    headers: Mapping[str, str]

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises MalformedAnswer beyond `limit` bytes, UpstreamCut if it is not whole."""

    async def pump(self, receiver: Receiver) -> None:
        """Feed the body to `receiver` until it ends. Raises UpstreamCut if it breaks off."""

    async def close(self) -> None:
        """Give the connection back, or end it where the body was not read. May be called twice."""


async def _inflated(chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The chunks of a body, inflated where its headers say it is compressed."""
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding in ("", "identity"):
        async for chunk in chunks:
            yield chunk
        return
    if encoding not in ENCODINGS:
        raise MalformedAnswer(
            f"the provider compressed its answer with {encoding!r}, which was not asked for", phase="body"
        )
    inflater = Inflater()
    try:
        async for chunk in chunks:
            for piece in inflater.pieces(chunk):
                yield piece
    except InflateError as error:
        raise MalformedAnswer(f"the provider's answer does not inflate: {error}", phase="body") from None
    if not inflater.whole:
        raise UpstreamCut("the provider's compressed answer broke off", phase="body")


class ChunkedAnswer:
    """An answer over an async iterator of raw chunks: what every `Answer` here is made of."""

    def __init__(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = _inflated(chunks, headers)

    async def read(self, limit: int) -> bytes:
        """See `Answer`."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self._chunks:
            size += len(chunk)
            if size > limit:
                raise MalformedAnswer(f"the provider's answer is larger than {limit} bytes", phase="body")
            parts.append(chunk)
        return b"".join(parts)

    async def pump(self, receiver: Receiver) -> None:
        """See `Answer`."""
        async for chunk in self._chunks:
            if receiver.feed(chunk):
                await receiver.ready()

    async def close(self) -> None:
        """See `Answer`."""


class _HttpxAnswer(ChunkedAnswer):
    def __init__(self, response: httpx.Response, slots: asyncio.Semaphore) -> None:
        headers = {name.lower(): value for name, value in response.headers.items()}
        super().__init__(response.status_code, headers, _translated(response))
        self._response = response
        self._slots: asyncio.Semaphore | None = slots

    async def close(self) -> None:
        slots, self._slots = self._slots, None
        if slots is None:
            return
        try:
            await self._response.aclose()
        finally:
            slots.release()


async def _translated(response: httpx.Response) -> AsyncIterator[bytes]:
    """The raw body of a response, with httpx's errors as ours."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except httpx.HTTPError as error:
        raise _error(error, "body") from None


def as_upstream_error(error: Exception, phase: Literal["headers", "body", "stream"]) -> UpstreamError:
    """Whatever broke a provider's call in a plugin, as an `UpstreamError`: the next candidate is tried."""
    if isinstance(error, UpstreamError):
        return error
    if isinstance(error, httpx.HTTPStatusError):
        response = error.response
        return UpstreamStatus.of(response.status_code, retry_after=retry_after(response.headers))
    if isinstance(error, httpx.HTTPError):
        return _error(error, phase)
    return MalformedAnswer(
        "the provider's plugin failed", phase=phase, detail=f"{type(error).__name__}: {error}"
    )


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
        elif name == "http11.send_request_headers.started":
            self.connecting.reschedule(None)
        elif name == "http11.receive_response_headers.complete":
            self.answered = True


class Upstream:
    """The connections to all providers, over httpx.

    Connections are limited by a semaphore of our own: httpx's pool loses a slot for ever when a request
    that queues for it is cancelled, and here every client that leaves cancels one.
    """

    def __init__(self, settings: UpstreamSettings) -> None:
        self.settings = settings
        self._context = _tls_context(settings)
        self._slots = asyncio.Semaphore(settings.max_connections)
        self._clients: dict[str | None, httpx.AsyncClient] = {}

    def open(self) -> None:
        """Make what the first call would otherwise wait for."""
        self._client(self.settings.proxy)

    @property
    def http(self) -> httpx.AsyncClient:
        """A plain httpx client on the same footing, for plugins that speak HTTP themselves."""
        return self._client(self.settings.proxy)

    async def send(self, outgoing: Outgoing) -> Answer:
        """Send a request and return its answer once the headers are there. Raises UpstreamError."""
        client = self._client(self._proxy_for(outgoing.url))
        await self._slot()
        try:
            response = await self._sent(client, outgoing)
        except BaseException as error:
            self._slots.release()
            prune(client)
            if isinstance(error, httpx.HTTPError):
                raise _error(error, "headers") from None
            raise
        answer = _HttpxAnswer(response, self._slots)
        size = sum(len(name) + len(value) + 4 for name, value in response.headers.raw)
        if size > self.settings.max_header:
            await answer.close()
            raise MalformedAnswer(
                f"the provider's headers are larger than {self.settings.max_header} bytes", phase="headers"
            )
        return answer

    async def _sent(self, client: httpx.AsyncClient, outgoing: Outgoing) -> httpx.Response:
        """The answer's head. A kept connection that ends before any of it came is replaced, once."""
        trace = _Trace()
        try:
            return await self._once(client, outgoing, trace)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if trace.fresh or trace.answered:
                raise
        return await self._once(client, outgoing, _Trace())

    async def _once(self, client: httpx.AsyncClient, outgoing: Outgoing, trace: _Trace) -> httpx.Response:
        """Send once. Name, connection and handshake together have `connect_timeout`."""
        request = client.build_request(
            outgoing.method,
            outgoing.url,
            content=outgoing.body,
            headers={"accept-encoding": "identity", "user-agent": "pointsman", **outgoing.headers},
            extensions={"trace": trace},
        )
        try:
            async with asyncio.timeout(self.settings.connect_timeout) as trace.connecting:
                return await client.send(request, stream=True, follow_redirects=False)
        except TimeoutError:
            if not trace.connecting.expired():
                raise
            raise ConnectFailed("the provider did not accept a connection in time") from None

    async def close(self) -> None:
        """Close every connection."""
        clients, self._clients = list(self._clients.values()), {}
        for client in clients:
            await client.aclose()

    async def _slot(self) -> None:
        try:
            async with asyncio.timeout(1.0):
                await self._slots.acquire()
        except TimeoutError:
            raise Unavailable("all connections to providers are in use", retry_after=1.0) from None

    def _client(self, proxy: str | None) -> httpx.AsyncClient:
        if proxy not in self._clients:
            self._clients[proxy] = httpx.AsyncClient(
                verify=self._context,
                proxy=proxy,
                trust_env=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                follow_redirects=False,
                timeout=httpx.Timeout(None, connect=self.settings.connect_timeout),
                limits=httpx.Limits(
                    max_connections=None, max_keepalive_connections=None, keepalive_expiry=60
                ),
            )
            guard(self._clients[proxy])
        return self._clients[proxy]

    def _proxy_for(self, url: str) -> str | None:
        """The configured egress proxy, or the environment's for this scheme and host."""
        if self.settings.proxy is not None:
            return self.settings.proxy
        proxies = urllib.request.getproxies_environment()
        parts = urlsplit(url)
        proxy = proxies.get(parts.scheme)
        if proxy is None or urllib.request.proxy_bypass(parts.netloc):
            return None
        return proxy


def _tls_context(settings: UpstreamSettings) -> ssl.SSLContext:
    """Verification against certifi's bundle and the operator's own authorities."""
    context = httpx.create_ssl_context(trust_env=False)
    if settings.ca is not None:
        try:
            context.load_verify_locations(cafile=str(settings.ca))
        except (OSError, ssl.SSLError) as error:
            raise StartupError(
                f"upstream.ca: {settings.ca} is not a PEM bundle that can be read: {error}"
            ) from None
    return context
