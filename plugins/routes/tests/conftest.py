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
from pointsman.facts import About, Fact
from pointsman.gateway import Gateway
from pointsman.pipeline import decide, look
from pointsman.plugins import standard_order
from pointsman.setup import Setup, assemble
from pointsman.types import Request

BASE = """
models:
  acme/large: {aliases: [big], endpoints: [lab/large, spare/large]}
  acme/small: {aliases: [fast], endpoints: [lab/small]}
  acme/tiny: {endpoints: [spare/large, lab/tiny]}
  acme/broken: {endpoints: [lab/broken]}
providers: {lab: {vendor: lab}, spare: {vendor: lab}, open: {vendor: lab}, shut: {vendor: lab}}
"""

ALICE = Actor("alice", "key-alice")

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


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

    def make(sections: str = "") -> Setup:
        return assemble(read(config(sections), env={}), env={})

    return make


@pytest.fixture
def decided(setup: Callable[[str], Setup]) -> Callable[..., AbstractAsyncContextManager[Exchange]]:
    """Runs a request up to its decision: `decided(sections, body, actor=…, surface=…)`. `prepare` sets what
    is known of the endpoints."""

    @asynccontextmanager
    async def run(
        sections: str,
        body: bytes,
        *,
        actor: Actor = ALICE,
        surface: str = "chat",
        prepare: Callable[[Setup], None] | None = None,
    ) -> AsyncIterator[Exchange]:
        async with Gateway.dry(setup(sections)) as gateway:
            if prepare is not None:
                prepare(gateway.setup)
            exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", surface), {})
            exchange.actor = actor
            exchange.request = Request(body)
            look(exchange)
            await decide(exchange, admitted=True)
            yield exchange

    return run


@pytest.fixture
def serve(setup: Callable[[str], Setup]) -> Serve:
    """Serves sections of a configuration: `async with serve(sections) as (gateway, client)`."""

    @asynccontextmanager
    async def run(sections: str = "") -> AsyncIterator[tuple[Gateway, httpx.AsyncClient]]:
        gateway = Gateway(setup(sections))
        await gateway.start()
        transport = httpx.ASGITransport(create_app(gateway))
        try:
            async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
                yield gateway, client
        finally:
            await gateway.stop()

    return run


@pytest.fixture
def facts() -> Callable[..., Callable[[Setup], None]]:
    """Makes what `decided(prepare=…)` takes: facts by endpoint, and what is known of providers."""

    def make(about: dict[str, About] | None = None, **known: dict[str, object]) -> Callable[[Setup], None]:
        def prepare(setup: Setup) -> None:
            for name, each in (about or {}).items():
                setup.providers[name].about = each
            for model in setup.catalogue.models.values():
                for endpoint in model.endpoints:
                    own = known.get(endpoint.id.replace("/", "_"), {})
                    endpoint.facts = {name: Fact(value, "test") for name, value in own.items()}

        return prepare

    return make
