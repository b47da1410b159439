"""A real server around the plugin, and a ledger to report from."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read
from pointsman.gateway import Gateway
from pointsman.ledger import open_ledger
from pointsman.plugins import standard_order
from pointsman.server import Server
from pointsman.setup import assemble
from pointsman_usage import TABLES
from pointsman_usage.generations import GENERATIONS


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file with the plugin, a dialect and the lab."""
    used = {"openai": "{}", "usage": "{}", "routes": "{}", str(Path(__file__).parent / "lab.py"): "{}"}
    plugins = {**dict.fromkeys(standard_order(), "false"), **used}
    path = tmp_path / "proxy.yaml"
    path.write_text(
        "auth: keys\nserver: {port: 0}\n"
        "providers: {lab: {}}\n"
        "models: {acme/large: {aliases: [big], endpoints: [lab/down, lab/large]}}\n"
        "routes: [{name: rest}]\n"
        "plugins:\n" + "".join(f"  {name}: {value}\n" for name, value in plugins.items())
    )
    return path


Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


@pytest.fixture
def serve(config: Path) -> Serve:
    """Serves the configuration on a socket: `async with serve(usage, further) as (gateway, client)`, with the
    plugin's own section and more of the file."""

    @asynccontextmanager
    async def run(usage: str = "{}", further: str = "") -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
        text = config.read_text().replace("  usage: {}\n", f"  usage: {usage}\n")
        config.write_text(further + text)
        server = Server(Gateway(assemble(read(config, env={}), env={})))
        address = await server.start()
        try:
            async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
                yield server.gateway, client
        finally:
            await server.stop()

    return run


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., None]:
    """Writes generations to the ledger that the configuration names: `write({"model": …}, {…})`."""

    async def insert(rows: tuple[dict[str, Any], ...]) -> None:
        ledger = open_ledger("sqlite:///pointsman.db", base=tmp_path, durability="relaxed")
        await ledger.open(TABLES)
        for number, row in enumerate(rows):
            made = {**ROW, "id": f"gen-{number}", **row}
            cost = made["cost_nano"]
            made["cost_bits"] = None if cost is None else cost.bit_length()
            ledger.insert(GENERATIONS.name, made)
        await ledger.close()

    def run(*rows: dict[str, Any]) -> None:
        asyncio.run(insert(rows))

    return run


@pytest.fixture
def row() -> dict[str, Any]:
    """A generation but for its id."""
    return ROW


@pytest.fixture
def forget(tmp_path: Path) -> Callable[[str], None]:
    """Deletes all rows of a table."""

    def run(table: str) -> None:
        with closing(sqlite3.connect(tmp_path / "pointsman.db")) as connection, connection:
            connection.execute(f"delete from {table}")

    return run


ROW: dict[str, Any] = {
    "request_id": "req-1",
    "at": "2026-11-20T10:00:00.000+00:00",
    "key_id": "key-1",
    "key_name": "alice",
    "team": "team-1",
    "team_name": "Research",
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
    "billed_nano": 4_125_000,
    "first_content_ms": 40.0,
    "total_ms": 100.0,
}
