"""TLS in front of the mock.

`python terminator.py PORT CERTIFICATE` listens on any loopback port, prints it, and passes what arrives there
on to PORT, and back. CERTIFICATE is a PEM file of certificate and key.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from typing import cast

import uvloop


class Side(asyncio.Protocol):
    """One side of a connection that is passed on: what it receives, the other sends."""

    def __init__(self, other: Side | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport | None = None
        self.early: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.writelines(self.early)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        if self.other.transport is None:
            self.other.early.append(data)
        else:
            self.other.transport.write(data)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()


class Front(Side):
    """The side of the client; it calls the mock."""

    def __init__(self, port: int) -> None:
        super().__init__(Side(self))
        self.port = port
        self.calling: asyncio.Task[object] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        loop = asyncio.get_running_loop()
        made = self.other
        assert made is not None
        self.calling = loop.create_task(loop.create_connection(lambda: made, "127.0.0.1", self.port))


async def serve(port: int, certificate: str) -> None:
    """Listen, and pass on for ever."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Front(port), "127.0.0.1", 0, ssl=context, backlog=2048)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), sys.argv[2]))
