"""A real gateway around the plugin, and a ledger to report from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.app import create_app
from pointsman.config import read
from pointsman.gateway import Gateway
from pointsman.ledger import open_ledger
from pointsman.plugins import standard_order
from pointsman.setup import assemble
from pointsman_usage.generations import GENERATIONS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file with the plugin, a dialect and the lab."""
    used = {"openai": "{}", "usage": "{}", "routes": "{}", str(Path(__file__).parent / "lab.py"): "{}"}
    plugins = {**dict.fromkeys(standard_order(), "false"), **used}
    path = tmp_path / "proxy.yaml"
    path.write_text(
        "auth: none\nserver: {port: 0}\n"
        "providers: {lab: {}}\n"
        "models: {acme/large: {aliases: [big], endpoints: [lab/down, lab/large]}}\n"
        "routes: [{name: rest}]\n"
        "plugins:\n" + "".join(f"  {name}: {value}\n" for name, value in plugins.items())
    )
    return path


Serve = Callable[[], AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


@pytest.fixture
def serve(config: Path) -> Serve:
    """Serves the configuration: `async with serve() as (gateway, client)`."""

    @asynccontextmanager
    async def run() -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
        gateway = Gateway(assemble(read(config, env={}), env={}))
        await gateway.start()
        transport = httpx.ASGITransport(create_app(gateway))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield gateway, client
        finally:
            await gateway.stop()

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Writes generations to the ledger that the configuration names: `write({"model": …}, {…})`."""

    async def insert(rows: tuple[dict[str, Any], ...]) -> None:
        ledger = open_ledger("sqlite:///pointsman.db", base=tmp_path, durability="relaxed")
        await ledger.open([GENERATIONS])
        for number, row in enumerate(rows):
            ledger.insert(GENERATIONS.name, {**ROW, "id": f"gen-{number}", **row})
        await ledger.close()

    def run(*rows: dict[str, Any]) -> None:
        asyncio.run(insert(rows))

    return run


ROW: dict[str, Any] = {
    "request_id": "req-1",
    "at": "2026-11-20T10:00:00.000+00:00",
    "key_id": "key-1",
    "key_name": "alice",
    "dialect": "openai-chat",
    "surface": "chat",
    "model_asked": "big",
    "model": "acme/large",
    "provider": "lab",
    "endpoint": "lab/large",
    "stream": False,
    "outcome": "complete",
    "status": 200,
    "attempts": 1,
    "input_tokens": 1000,
    "output_tokens": 50,
    "cache_read_tokens": 600,
    "cache_write_tokens": 100,
    "reasoning_tokens": 20,
    "estimated": False,
    "cost_nano": 3_750_000,
    "total_ms": 100.0,
}
