"""What httpx leaves undone in its pools: handshakes cancelled, connections never opened."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import httpx

from pointsman.pools import guard, prune


async def test_a_cancelled_handshake_leaves_no_connection_open() -> None:
    begun, gone = asyncio.Event(), asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.set()
        while await reader.read(1000):
            pass
        gone.set()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server, httpx.AsyncClient(trust_env=False) as client:
        guard(client)
        task = asyncio.ensure_future(client.get(f"https://127.0.0.1:{port}/"))
        await asyncio.wait_for(begun.wait(), 5)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await asyncio.wait_for(gone.wait(), 5)


async def test_a_connection_that_was_never_opened_leaves_the_pool() -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        guard(client)
        pool = client._transport._pool  # type: ignore[attr-defined]
        for ticks in range(5):
            task = asyncio.ensure_future(client.get("http://127.0.0.1:9/"))
            for _ in range(ticks):
                await asyncio.sleep(0)
            task.cancel()
            with suppress(asyncio.CancelledError, httpx.HTTPError):
                await task
            prune(client)
        assert pool.connections == []
