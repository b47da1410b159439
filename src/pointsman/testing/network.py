"""Nothing past loopback."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from pointsman.hosts import is_loopback

__all__ = ["block_network"]


@contextmanager
def block_network() -> Iterator[None]:
    """Within this context, connecting to or looking up anything but loopback is an OSError.

    It holds for everything that goes through Python's `socket`, asyncio's own event loop included.
    """
    connect, connect_ex, getaddrinfo = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo
    internet = (socket.AF_INET, socket.AF_INET6)

    def check(host: Any) -> None:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if host is not None and not is_loopback(name):
            raise OSError(f"the network is blocked: {name}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        if self.family in internet:
            check(address[0])
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        if self.family in internet:
            check(address[0])
        return connect_ex(self, address)

    def guarded_getaddrinfo(host: Any, *args: Any, **options: Any) -> Any:
        check(host)
        return getaddrinfo(host, *args, **options)

    socket.socket.connect = guarded_connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = guarded_connect_ex  # type: ignore[method-assign,assignment]
    socket.getaddrinfo = guarded_getaddrinfo
    try:
        yield
    finally:
        socket.socket.connect = connect  # type: ignore[method-assign]
        socket.socket.connect_ex = connect_ex  # type: ignore[method-assign]
        socket.getaddrinfo = getaddrinfo
