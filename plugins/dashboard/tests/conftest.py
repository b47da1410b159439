"""A real server with keys of every role, and browsers that keep their cookies."""

from __future__ import annotations

import hashlib
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest

from pointsman.testing import Running, running

Serve = Callable[..., AbstractAsyncContextManager[Running]]
TOKEN = re.compile(r'name="csrf-token" content="([^"]*)"')


def hashed(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


@pytest.fixture
def serve(tmp_path: Path) -> Serve:
    """Serves the standard set with the models of echo: `async with serve(sections)`."""
    roles = {"root": "admin", "chief": "admin, team: red", "member": "member", "viewer": "viewer"}
    keys = "".join(
        f"  - {{name: {name}, key_hash: {hashed(f'the-key-of-{name}')}, role: {role}}}\n"
        for name, role in roles.items()
    )
    config = f"""
auth: keys
ledger: sqlite:///{tmp_path}/pointsman.db
teams: {{red: {{role: admin}}}}
keys:
{keys}
models:
  acme/large: {{endpoints: [{{endpoint: echo/echo, price: {{input: 3, output: 15}}}}]}}
  acme/small: {{endpoints: [{{endpoint: echo/echo, price: {{input: 0.1, output: 0.4}}}}]}}
"""

    @asynccontextmanager
    async def run(more: str = "") -> AsyncIterator[Running]:
        async with running(config + more) as served:
            yield served

    return run


class Browser:
    """Somebody at the pages."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def sign_in(self, name: str) -> httpx.Response:
        return await self.post("login", key=f"the-key-of-{name}")

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(
            f"/dashboard/{path}".rstrip("/"), headers={"accept": "text/html", **headers}
        )

    async def post(self, path: str, **form: str) -> httpx.Response:
        return await self.client.post(f"/dashboard/{path}", data=form, headers={"accept": "text/html"})

    async def token(self, path: str = "overview") -> str:
        found = TOKEN.search((await self.get(path)).text)
        assert found is not None
        return found[1]


@asynccontextmanager
async def browser(served: Running, name: str = "") -> AsyncIterator[Browser]:
    """A browser, signed in with a key where one is named."""
    async with httpx.AsyncClient(base_url=served.url, trust_env=False) as client:
        made = Browser(client)
        if name:
            assert (await made.sign_in(name)).status_code == 303
        yield made
