"""Clients that come and go: whether every connection, task, descriptor and slot is back afterwards.

    python tests/bench/churn.py                          200,000 requests, each left at a random point or not
    python tests/bench/churn.py --requests 20000 --door asgi --seed 7

A client leaves before it has sent anything, in the middle of its headers or its body, while the provider
thinks, in the middle of the answer, politely or by a reset; or it stays. Ends with 1 where anything is left
behind.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import uvloop

from pointsman.testing import RawClient, Running, running

CONFIG = """
plugins: {{openai: {{}}, vendors: {{}}, routes: {{}}, usage: {{}}}}
providers: {{lab: {{base_url: "http://127.0.0.1:{port}/v1", api_key: none}}}}
upstream: {{max_connections: {most}}}
log: {{level: error}}
"""
PHASES = ("nothing", "head", "body", "sent", "answer", "stays", "stays", "stays")
EVENT = b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}\n\n'
END = b'data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
EVENTS = 5
WHOLE = json.dumps(
    {
        "id": "1",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
    }
).encode()
PATIENCE = 10.0
"""Seconds within which all must be back."""


class Upstream:
    """A provider that thinks for a moment before each thing it says."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self.received = 0
        self.held = 0
        self.all_held = asyncio.Event()
        self.hold = 0
        """How many requests must be there at once before any is answered."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection."""
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                asked = json.loads(await reader.readexactly(length))
                self.received += 1
                await self._answer(writer, stream=asked.get("stream", False))
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter, *, stream: bool) -> None:
        if self.hold:
            self.held += 1
            if self.held == self.hold:
                self.all_held.set()
            await self.all_held.wait()
        await self._think(writer)
        if not stream:
            kind = b"content-type: application/json\r\ncontent-length: %d" % len(WHOLE)
            writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n%b" % (kind, WHOLE))
            return
        kind = b"content-type: text/event-stream\r\ntransfer-encoding: chunked"
        writer.write(b"HTTP/1.1 200 OK\r\n%b\r\n\r\n" % kind)
        for event in (*[EVENT] * EVENTS, END):
            await self._think(writer)
            writer.write(b"%x\r\n%b\r\n" % (len(event), event))
            await writer.drain()
        writer.write(b"0\r\n\r\n")

    async def _think(self, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(self._chance.choice((0, 0, 0.001, 0.003)))
        if writer.is_closing():
            raise ConnectionResetError


def request(*, stream: bool) -> bytes:
    """A chat."""
    body = json.dumps(
        {"model": "lab/m", "stream": stream, "messages": [{"role": "user", "content": "Hello" * 20}]}
    ).encode()
    return (
        b"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: %d\r\n\r\n" % len(body)
        + body
    )


class Client:
    """Sends requests until there are no more, leaving at random points."""

    def __init__(self, url: str, chance: random.Random, phases: Counter[str]) -> None:
        host, _, port = url.removeprefix("http://").partition(":")
        self._address = host, int(port)
        self._chance = chance
        self._phases = phases

    async def run(self, left: list[int]) -> None:
        """`left` holds how many requests all clients together have yet to send."""
        while left[0] > 0:
            reader, writer = await asyncio.open_connection(*self._address)
            try:
                stays = True
                while stays and left[0] > 0:
                    left[0] -= 1
                    phase = self._chance.choice(PHASES)
                    self._phases[phase] += 1
                    stays = await self._one(reader, writer, phase)
            finally:
                await self._leave(writer)

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, phase: str) -> bool:
        """One request, up to a phase; whether the connection can go on."""
        chance = self._chance
        stream = chance.random() < 0.5
        data = request(stream=stream)
        head = data.index(b"\r\n\r\n") + 4
        sent = {"nothing": 0, "head": chance.randrange(1, head), "body": chance.randrange(head, len(data))}
        writer.write(data[: sent.get(phase, len(data))])
        if phase in ("sent", *sent):
            await asyncio.sleep(chance.choice((0, 0, 0.001, 0.004)))
            return False
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(answer.decode())
        if phase == "answer":
            await reader.read(1)
            return False
        if stream:
            while size := int(await reader.readuntil(b"\r\n"), 16):
                await reader.readexactly(size + 2)
            await reader.readexactly(2)
        else:
            await reader.readexactly(int(answer.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
        return True

    async def _leave(self, writer: asyncio.StreamWriter) -> None:
        if self._chance.random() < 0.75:
            plain = writer.get_extra_info("socket")
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


def open_files() -> int:
    """How many descriptors this process has, where the system tells."""
    folder = Path("/proc/self/fd")
    return len(list(folder.iterdir())) if folder.is_dir() else 0


async def all_slots(url: str, upstream: Upstream, most: int) -> bool:
    """Whether as many requests as there are connections to providers can be under way at once."""
    upstream.hold, upstream.held = most, 0
    upstream.all_held.clear()

    async def one() -> int:
        async with RawClient(url) as client:
            await client.send(request(stream=False))
            return (await client.answer())[0]

    try:
        async with asyncio.timeout(PATIENCE):
            return set(await asyncio.gather(*(one() for _ in range(most)))) == {200}
    except TimeoutError:
        return False
    finally:
        upstream.hold = 0


async def settled(server: Running, tasks: int, files: int) -> dict[str, int]:
    """What is left behind, after some patience: nothing, or how many of what."""
    deadline = time.monotonic() + PATIENCE
    while True:
        left = {
            "exchanges": server.gateway.running,
            "clients": server.server.connections,
            "tasks": len(asyncio.all_tasks()) - tasks,
            "descriptors": open_files() - files,
        }
        if time.monotonic() > deadline or all(count <= 0 for count in left.values()):
            return {name: count for name, count in left.items() if count > 0}
        await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def serving(options: argparse.Namespace, upstream: Upstream) -> AsyncIterator[Running]:
    """pointsman in front of the provider."""
    listener = await asyncio.start_server(upstream.serve, "127.0.0.1", 0)
    async with listener:
        port = listener.sockets[0].getsockname()[1]
        config = CONFIG.format(port=port, most=options.clients)
        async with running(config, door=options.door) as server:
            yield server


async def churn(options: argparse.Namespace) -> dict[str, Any]:
    """Come and go; then look what is left."""
    chance = random.Random(options.seed)
    upstream = Upstream(chance)
    phases: Counter[str] = Counter()
    async with serving(options, upstream) as server:
        warm = await all_slots(server.url, upstream, options.clients)
        tasks, files = len(asyncio.all_tasks()), open_files()
        begun, left = time.monotonic(), [options.requests]
        await asyncio.gather(*(Client(server.url, chance, phases).run(left) for _ in range(options.clients)))
        seconds = time.monotonic() - begun
        behind = await settled(server, tasks, files)
        again = await all_slots(server.url, upstream, options.clients)
        rows = len(await server.rows("generations"))
    return {
        "requests": sum(phases.values()),
        "phases": dict(phases),
        "seconds": round(seconds, 1),
        "reached_the_provider": upstream.received,
        "rows": rows,
        "every_slot": warm and again,
        "left_behind": behind,
    }


def main() -> None:
    """Print what was found, as JSON; end with 1 where anything was left behind."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=200_000)
    parser.add_argument("--clients", type=int, default=64, help="at once; also upstream.max_connections")
    parser.add_argument("--door", choices=["auto", "asgi"], default="auto")
    parser.add_argument("--seed", type=int, default=1)
    found = uvloop.run(churn(parser.parse_args()))
    print(json.dumps(found, indent=2))
    sys.exit(0 if found["every_slot"] and not found["left_behind"] else 1)


if __name__ == "__main__":
    main()
