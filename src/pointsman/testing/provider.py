"""A provider on a real socket that does what it is told."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self, TypeAlias

from .script import Close, Hang, Pause, Reset, Script, Send

__all__ = ["FakeProvider", "Received"]


@dataclass(slots=True)
class Received:
    """A request that the provider got. `disconnected` is set when its sender left before the script's end."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    disconnected: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def json(self) -> Any:
        """The body as JSON data."""
        return json.loads(self.body)


Answering: TypeAlias = Callable[[Received], Script | Awaitable[Script]]
NOTHING_LEFT = Script.json({"error": {"message": "the script is over", "type": "server_error"}}, status=500)


class FakeProvider:
    """Answers requests with scripts: one after another from a list, or what a function says to each.

    Use it as an async context manager; `url` then ends in `/v1`. `requests` are those it got. What that
    function raises ends the connection, and is raised again where the context ends.
    """

    def __init__(
        self, answers: Script | Iterable[Script] | Answering, *, ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._answer = _answering(answers)
        self._context = ssl_context
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._got: asyncio.Queue[Received] = asyncio.Queue()
        self._mistakes: list[Exception] = []
        self.requests: list[Received] = []
        self.port = 0

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self._context else 'http'}://127.0.0.1:{self.port}/v1"

    async def next_request(self) -> Received:
        """The next request that nobody has asked for yet, when it comes."""
        return await self._got.get()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
        if error is None and self._mistakes:
            raise self._mistakes[0]

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (received := await _receive(reader)) is not None:
                self.requests.append(received)
                self._got.put_nowait(received)
                script = await self._script(received)
                if script is None or not await _play(script, received, reader, writer):
                    break
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    async def _script(self, received: Received) -> Script | None:
        try:
            script = self._answer(received)
            return await script if inspect.isawaitable(script) else script
        except Exception as mistake:
            self._mistakes.append(mistake)
            return None


def _answering(answers: Script | Iterable[Script] | Answering) -> Answering:
    if callable(answers):
        return answers
    if isinstance(answers, Script):
        always = answers
        return lambda received: always
    left = iter(list(answers))
    return lambda received: next(left, NOTHING_LEFT)


async def _receive(reader: asyncio.StreamReader) -> Received | None:
    """One request; None when the connection is over."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = request_line.split(" ", 2)
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines) if name
    }
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _chunks(reader)
    else:
        body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Received(method, path, headers, body)


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    chunks = [b""]
    while size := int(await reader.readuntil(b"\r\n"), 16):
        chunks.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)
    return b"".join(chunks)


async def _play(
    script: Script, received: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """Play a script; say whether the connection lives on. Notes it when the sender leaves meanwhile."""
    playing = asyncio.ensure_future(_steps(script, writer))
    leaving = asyncio.ensure_future(_left(reader))
    try:
        await asyncio.wait({playing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if not playing.done():
            received.disconnected.set()
            return False
        return await playing
    except ConnectionError:
        received.disconnected.set()
        return False
    finally:
        for task in (playing, leaving):
            task.cancel()
        await asyncio.gather(playing, leaving, return_exceptions=True)


async def _left(reader: asyncio.StreamReader) -> None:
    """Return when the other side has closed or reset; what it sends before is left unread."""
    while not reader.at_eof() and reader.exception() is None:  # noqa: ASYNC110 - a reader tells of its end only to who reads
        await asyncio.sleep(0.005)


async def _steps(script: Script, writer: asyncio.StreamWriter) -> bool:
    chunked = script.framing == "chunked"
    writer.write(script.head())
    for step in script.steps:
        if isinstance(step, Send):
            if step.data or not chunked:
                writer.write(b"%x\r\n%b\r\n" % (len(step.data), step.data) if chunked else step.data)
            await writer.drain()
        elif isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
        elif isinstance(step, Hang):
            await asyncio.Event().wait()
        elif isinstance(step, Reset):
            _reset(writer)
            return False
        elif isinstance(step, Close):
            return False
    if chunked:
        writer.write(b"0\r\n\r\n")
    await writer.drain()
    return script.framing in ("length", "chunked")


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: linger for no time at all."""
    connection = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
