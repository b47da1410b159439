"""The desk: where commands ask, the running server or, where none runs, one made for the moment.

Both answer through the same routes. A server holds its ledger alone, so that while it runs nothing else
writes there.
"""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha256
from typing import Any

import httpx

from pointsman.app import create_app
from pointsman.asking import client_of
from pointsman.errors import StartupError
from pointsman.exchange import Actor
from pointsman.gateway import Gateway
from pointsman.ledger import running_server
from pointsman.setup import Setup
from pointsman_keys import Keys, Known

__all__ = ["Desk", "open_desk"]

HERE = "http://localhost"


class Desk:
    """Asks a gateway's account API."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, method: str, path: str, body: Any = None, **params: str) -> Any:
        """What the API answers. Raises StartupError with its words where it refuses or does not answer."""
        try:
            answer = await self._client.request(method, f"/api/v1{path}", json=body, params=params)
            data: Any = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise StartupError(f"the server at {self._client.base_url} cannot be asked: {error!r}") from None
        if answer.status_code >= 300 or not isinstance(data, dict):
            raise StartupError(_said(data) or f"the server answered with status {answer.status_code}")
        return data

    async def named(self, name: str) -> dict[str, Any]:
        """The key of this name, id or hash. Raises StartupError."""
        offset = 0
        while True:
            page = await self.ask("GET", "/keys", include_disabled="true", offset=str(offset))
            rows: list[dict[str, Any]] = page["data"]
            for row in rows:
                if name in (row["name"], row["id"], row["hash"]):
                    return row
            if not rows:
                raise StartupError(f"there is no key {name!r}")
            offset += len(rows)


def _said(data: Any) -> str:
    """The message of an error, where that is what an answer is."""
    error = data.get("error") if isinstance(data, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""


@asynccontextmanager
async def open_desk(setup: Setup, key: str | None) -> AsyncIterator[Desk]:
    """A desk at the server that has the ledger open, to which `key` is sent, or at the ledger itself.

    Raises StartupError where there is a server and no key.
    """
    server = running_server(setup.core.ledger.url, setup.base)
    if server is None:
        async with _alone(setup) as client:
            yield Desk(client)
        return
    if server["address"] is None:
        raise StartupError(f"a server (pid {server['pid']}) has the ledger and does not answer yet")
    if not key:
        raise StartupError("a server is running: give its admin key with --key or POINTSMAN_ADMIN_KEY")
    async with client_of(server["address"], key) as client:
        yield Desk(client)


@asynccontextmanager
async def _alone(setup: Setup) -> AsyncIterator[httpx.AsyncClient]:
    """A gateway that serves nobody else, and a key for it that is known to nobody else."""
    for provider in setup.providers.values():
        provider.discover = False
    gateway = Gateway(setup)
    await gateway.start()
    try:
        plugin = setup.plugins.get("keys")
        if plugin is None or not isinstance(plugin.target, Keys):
            raise StartupError("the plugin keys is not in use")
        text = secrets.token_urlsafe(32)
        known = Known(Actor("command line", "command-line", role="admin"))
        plugin.target.directory.known[sha256(text.encode()).digest()] = known
        transport = httpx.ASGITransport(create_app(gateway), client=("", 0))
        headers = {"authorization": f"Bearer {text}"}
        async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=headers) as client:
            yield client
    finally:
        await gateway.stop()
