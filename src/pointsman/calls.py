"""Calls to providers: what goes out, what comes back, and who takes it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Coroutine, Mapping
from functools import lru_cache
from typing import Any, Protocol
from urllib.parse import urlsplit

import msgspec

from .errors import MalformedAnswer, StartupError, UpstreamCut
from .inflate import ENCODINGS, InflateError, Inflater

__all__ = [
    "Answer",
    "Call",
    "ChunkedAnswer",
    "Outgoing",
    "Receiver",
    "inflated",
    "is_compressed",
    "origin_of",
    "too_large",
]

DEFAULT_PORTS = {"http": 80, "https": 443}


@lru_cache(maxsize=4096)
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


class Outgoing(msgspec.Struct, frozen=True):
    """A request to a provider. Header names are lower case. `kept` says that other requests to this URL have
    the very same `headers`, which never change."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    kept: bool = False


class Receiver(Protocol):
    """Takes an answer's bytes as they arrive."""

    def feed(self, data: bytes) -> bool:
        """Take bytes. True says "full": nothing more is read until `ready` returns."""

    async def ready(self) -> None:
        """Return when there is room again."""


class Answer(Protocol):
    """What a provider answered. Header names are lower case; the body is read once."""

    @property
    def status(self) -> int:
        """The HTTP status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers; several of one name are joined by commas."""

    @property
    def connecting(self) -> float | None:
        """Seconds it took to connect for it: 0 where a connection was kept, None where nobody knows."""

    async def read(self, limit: int) -> bytes:
        """The whole body. Raises MalformedAnswer beyond `limit` bytes, UpstreamCut if it is not whole."""

    async def pump(self, receiver: Receiver) -> None:
        """Feed the body to `receiver` until it ends. Raises UpstreamCut if it breaks off."""

    async def close(self) -> None:
        """Give the connection back, or end it where the body was not read. May be called twice."""


class Call:
    """A call to a provider that the core makes itself: `coroutine` waits for its answer."""

    __slots__ = ("coroutine",)

    def __init__(self, coroutine: Coroutine[Any, Any, Answer]) -> None:
        self.coroutine = coroutine


class ChunkedAnswer:
    """An answer over an async iterator of raw chunks, for whatever has no faster way."""

    connecting: float | None = None

    def __init__(self, status: int, headers: Mapping[str, str], chunks: AsyncIterator[bytes]) -> None:
        self.status = status
        self.headers = headers
        self._chunks = inflated(chunks, headers) if is_compressed(headers) else chunks

    async def read(self, limit: int) -> bytes:
        """See `Answer`."""
        parts: list[bytes] = []
        size = 0
        async for chunk in self._chunks:
            size += len(chunk)
            if size > limit:
                raise too_large(limit)
            parts.append(chunk)
        return b"".join(parts)

    async def pump(self, receiver: Receiver) -> None:
        """See `Answer`."""
        async for chunk in self._chunks:
            if receiver.feed(chunk):
                await receiver.ready()

    async def close(self) -> None:
        """See `Answer`."""


def too_large(limit: int) -> MalformedAnswer:
    """The error for an answer of more than `limit` bytes."""
    return MalformedAnswer(f"the provider's answer is larger than {limit} bytes", phase="body")


def is_compressed(headers: Mapping[str, str]) -> bool:
    """Whether the headers say that a body has to be inflated, in a way that is known or not."""
    return "content-encoding" in headers and _encoding(headers) not in ("", "identity")


def _encoding(headers: Mapping[str, str]) -> str:
    return headers.get("content-encoding", "").strip().lower()


async def inflated(chunks: AsyncIterator[bytes], headers: Mapping[str, str]) -> AsyncIterator[bytes]:
    """The chunks of a compressed body, inflated piece by piece. Raises MalformedAnswer, UpstreamCut."""
    encoding = _encoding(headers)
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
