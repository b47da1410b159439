"""Clients: one that reads a real stream as it comes, one that needs no socket."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

import httpx

from pointsman.app import create_app

if TYPE_CHECKING:
    from pointsman.gateway import Gateway

__all__ = ["RawClient", "StreamClient", "in_process_client"]


class StreamClient:
    """One POST over a plain socket: status, headers, then the body piece by piece.

    An async context manager; leaving it early closes the connection, as a client does that goes away. An
    https address is trusted by `ssl_context`, by default as the system does.
    """

    def __init__(
        self,
        url: str,
        body: Any,
        *,
        headers: Mapping[str, str] | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._url = urlsplit(url)
        self._body = body if isinstance(body, bytes) else json.dumps(body).encode()
        self._given = dict(headers or {})
        self._ssl = ssl_context or ssl.create_default_context() if self._url.scheme == "https" else None
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self.status = 0
        self.headers: dict[str, str] = {}

    async def __aenter__(self) -> Self:
        host, port = self._url.hostname or "", self._url.port or (443 if self._ssl else 80)
        self._reader, self._writer = await asyncio.open_connection(host, port, ssl=self._ssl)
        target = self._url._replace(scheme="", netloc="", fragment="").geturl() or "/"
        given = {
            "host": self._url.netloc,
            "content-type": "application/json",
            "content-length": str(len(self._body)),
            **self._given,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in given.items())
        self._writer.write(f"POST {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + self._body)
        await self._writer.drain()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Leave, whether or not the answer is whole."""
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await self._writer.wait_closed()

    async def start(self) -> int:
        """Wait for status and headers; returns the status."""
        head = (await self._stream().readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        self.status = int(status_line.split(" ")[1])
        self.headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
        }
        return self.status

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body's chunks as they come. Raises IncompleteReadError where the body breaks off."""
        if not self.status:
            await self.start()
        reader = self._stream()
        if "content-length" in self.headers:
            yield await reader.readexactly(int(self.headers["content-length"]))
            return
        while True:
            size = int(await reader.readuntil(b"\r\n"), 16)
            data = await reader.readexactly(size + 2)
            if size == 0:
                return
            yield data[:-2]

    async def read(self) -> bytes:
        """The rest of the body."""
        return b"".join([chunk async for chunk in self.chunks()])

    def _stream(self) -> asyncio.StreamReader:
        if self._reader is None:
            raise RuntimeError("use StreamClient as an async context manager")
        return self._reader


class RawClient:
    """A connection that sends what it is given, byte for byte, and reads what is answered.

    An async context manager; several requests may be sent on it, at once or in turn.
    """

    def __init__(self, url: str) -> None:
        self._url = urlsplit(url)
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> Self:
        host, port = self._url.hostname or "", self._url.port or 80
        self._reader, self._writer = await asyncio.open_connection(host, port)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()

    async def send(self, *pieces: bytes) -> None:
        """Send bytes, each piece for itself. What the other side no longer takes is dropped."""
        if self._writer is None:
            raise RuntimeError("use RawClient as an async context manager")
        with contextlib.suppress(ConnectionError):
            for piece in pieces:
                self._writer.write(piece)
                await self._writer.drain()
                await asyncio.sleep(0)

    def send_end(self) -> None:
        """Send nothing more, and go on reading."""
        if self._writer is not None:
            self._writer.write_eof()

    async def answer(self) -> tuple[int, dict[str, str], bytes]:
        """The next answer: status, headers and body, as long as it says or until the end."""
        reader = self._stream()
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, *lines = head.split("\r\n")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
        }
        status = int(status_line.split(" ")[1])
        if status < 200 or status in (204, 304):
            body = b""
        elif "content-length" in headers:
            body = await reader.readexactly(int(headers["content-length"]))
        elif "transfer-encoding" in headers:
            body = b""
            while size := int(await reader.readuntil(b"\r\n"), 16):
                body += (await reader.readexactly(size + 2))[:-2]
            await reader.readexactly(2)
        else:
            body = await self.rest()
        return status, headers, body

    async def rest(self) -> bytes:
        """What comes until the other side has closed."""
        with contextlib.suppress(ConnectionError):
            return await self._stream().read()
        return b""

    def _stream(self) -> asyncio.StreamReader:
        if self._reader is None:
            raise RuntimeError("use RawClient as an async context manager")
        return self._reader


def in_process_client(gateway: Gateway, *, key: str | None = None) -> httpx.AsyncClient:
    """An httpx client that calls a started gateway without a socket. It gathers each answer whole: for
    streams as they come, boot a server with `running` and use `StreamClient`."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(create_app(gateway))
    return httpx.AsyncClient(transport=transport, base_url="http://localhost", headers=headers)
