"""A real setup around the plugin, its gateway, and a client of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
from pointsman.app import create_app
from pointsman.config import read
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway, Setup, assemble
from pointsman.pipeline import decide
from pointsman.plugins import standard_order
from pointsman.types import Request

BASE = """
models:
  acme/large: {aliases: [big], endpoints: [lab/large, spare/large]}
  acme/small: {aliases: [fast], endpoints: [lab/small]}
  acme/tiny: {endpoints: [spare/large, lab/tiny]}
  acme/broken: {endpoints: [lab/broken]}
  acme/hangs: {endpoints: [lab/hangs]}
providers: {lab: {vendor: lab}, spare: {vendor: lab}, open: {vendor: lab}}
"""

Serve = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
def config(tmp_path: Path) -> Callable[[str], Path]:
    """Writes a configuration: the given sections beside models, providers and plugins."""

    def write(sections: str = "") -> Path:
        used = {"openai": "{}", "routes": "{}", str(Path(__file__).parent / "lab.py"): "{}"}
        plugins = {**dict.fromkeys(standard_order(), "false"), **used}
        lines = "".join(f"  {name}: {value}\n" for name, value in plugins.items())
        path = tmp_path / "proxy.yaml"
        path.write_text(f"{sections}{BASE}plugins:\n{lines}")
        return path

    return write


@pytest.fixture
def setup(config: Callable[[str], Path]) -> Callable[[str], Setup]:
    """Assembles a setup from sections of a configuration."""
    return lambda sections="": assemble(read(config(sections), env={}), env={})


@pytest.fixture
def decided(setup: Callable[[str], Setup]) -> Callable[..., AbstractAsyncContextManager[Exchange]]:
    """Runs a request up to its decision: `decided(sections, body, actor=…, surface=…)`."""

    @asynccontextmanager
    async def run(
        sections: str,
        body: bytes,
        *,
        actor: Actor = Actor("alice", "key-alice"),
        surface: str = "chat",
    ) -> AsyncIterator[Exchange]:
        async with Gateway.dry(setup(sections)) as gateway:
            exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", surface), {})
            exchange.actor = actor
            exchange.request = Request(body)
            await decide(exchange, admitted=True)
            yield exchange

    return run


@pytest.fixture
def serve(setup: Callable[[str], Setup]) -> Serve:
    """Serves sections of a configuration; the client's `gateway` is its transport's application's."""

    @asynccontextmanager
    async def run(sections: str = "") -> AsyncIterator[httpx.AsyncClient]:
        gateway = Gateway(setup(sections))
        await gateway.start()
        transport = httpx.ASGITransport(create_app(gateway))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield client
        finally:
            await gateway.stop()

    return run
