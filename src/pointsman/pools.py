"""What httpx leaves undone in its connection pools, done here.

httpcore 1.0 keeps an entry for a connection that a cancelled request never opened, and leaves a socket open
whose TLS handshake was cancelled. Both reach into httpx, which offers no other way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpcore
import httpx

__all__ = ["guard", "prune"]


def guard(client: httpx.AsyncClient) -> None:
    """Let no cancelled handshake leave its connection open."""
    for pool in _pools(client):
        pool._network_backend = _Backend(pool._network_backend)


def prune(client: httpx.AsyncClient) -> None:
    """Drop connections that a cancelled request left in the pool before they were ever opened."""
    for pool in _pools(client):
        wanted = {id(request.connection) for request in pool._requests}
        pool._connections = [
            each
            for each in pool._connections
            if id(each) in wanted or getattr(each, "_connection", each) is not None
        ]


def _pools(client: httpx.AsyncClient) -> Iterator[Any]:
    for transport in (client._transport, *client._mounts.values()):
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            yield pool


class _Backend(httpcore.AsyncNetworkBackend):
    """A backend whose streams are closed when their handshake does not end."""

    def __init__(self, inner: httpcore.AsyncNetworkBackend) -> None:
        self._inner = inner

    async def connect_tcp(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._inner.connect_tcp(*args, **options))

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)


class _Stream(httpcore.AsyncNetworkStream):
    """A stream that has not been encrypted yet."""

    def __init__(self, inner: httpcore.AsyncNetworkStream) -> None:
        self._inner = inner

    async def start_tls(self, *args: Any, **options: Any) -> httpcore.AsyncNetworkStream:
        try:
            return await self._inner.start_tls(*args, **options)
        except BaseException:
            await self._inner.aclose()
            raise

    async def read(self, *args: Any, **options: Any) -> bytes:
        return await self._inner.read(*args, **options)

    async def write(self, *args: Any, **options: Any) -> None:
        await self._inner.write(*args, **options)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
