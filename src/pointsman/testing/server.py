"""A real pointsman on a loopback socket, in the running event loop."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import httpx

from pointsman.config import Document, read_text
from pointsman.gateway import Gateway
from pointsman.reload import Reloader
from pointsman.server import Server
from pointsman.setup import assemble

__all__ = ["DOOR", "Running", "running"]

DOOR: Literal["auto", "asgi"] = "auto"
"""The door that servers get where nothing is said of it. A suite that is run through both sets it."""


@dataclass(slots=True)
class Running:
    """A server that answers at `url`, its gateway, and a client that sends the key it was given."""

    url: str
    gateway: Gateway
    client: httpx.AsyncClient
    server: Server
    folder: Path
    config: str = ""
    env: Mapping[str, str] = field(default_factory=dict)

    def read(self) -> Document:
        """`config` as it is now."""
        return read_text(self.config, name="proxy.yaml", env=self.env, base=self.folder)

    async def reload(self, config: str | Mapping[str, Any]) -> list[str]:
        """Go over to another configuration, as at `pointsman reload`; what needs a restart. Raises
        StartupError where it is refused."""
        self.config = _text(config)
        if self.gateway.reloader is None:
            raise RuntimeError("this server has no configuration to read again")
        return await self.gateway.reloader.reload()

    async def rows(self, table: str) -> list[dict[str, Any]]:
        """Every row of a ledger table, in order of insertion."""
        await self.gateway.ledger.flush()
        return await self.gateway.ledger.select(f"select * from {_name(table)} order by rowid")  # noqa: S608


@asynccontextmanager
async def running(
    config: str | Mapping[str, Any] = "",
    *,
    folder: Path | None = None,
    env: Mapping[str, str] | None = None,
    key: str | None = None,
    door: Literal["auto", "asgi"] | None = None,
) -> AsyncIterator[Running]:
    """Boot pointsman with a configuration, given as YAML text or as data, on any free loopback port.

    `folder` is where its relative paths start, a temporary one by default; `env` stands in for the
    environment. `key` is what the client sends; without one, `auth: none` is the default. `door` is the
    one that requests come by; without one it is what the configuration says, or else `DOOR`. Raises
    StartupError as `pointsman serve` would.
    """
    text = _text(config)
    with TemporaryDirectory() as temporary:
        base = folder or Path(temporary)
        document = read_text(text, name="proxy.yaml", env=env or {}, base=base)
        setup = assemble(document, env=env or {})
        way = door or ("asgi" if setup.core.server.door == "asgi" else DOOR)
        core = replace(setup.core, server=replace(setup.core.server, port=0, door=way))
        if key is None and "auth" not in document.root.entries:
            core = replace(core, auth="none")
        server = Server(Gateway(replace(setup, core=core)))
        url = await server.start()
        headers = {"authorization": f"Bearer {key}"} if key else {}
        try:
            async with httpx.AsyncClient(
                base_url=url, headers=headers, timeout=30, trust_env=False
            ) as client:
                found = Running(url, server.gateway, client, server, base, text, env or {})
                server.gateway.reloader = Reloader(server.gateway, found.read, env=env or {})
                yield found
        finally:
            await server.stop()


def _text(config: str | Mapping[str, Any]) -> str:
    return config if isinstance(config, str) else json.dumps(dict(config))


def _name(table: str) -> str:
    if not table.isidentifier():
        raise ValueError(f"{table!r} is not the name of a table")
    return table
