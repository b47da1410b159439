"""A gateway with this plugin, called without a socket."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read_text
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import in_process_client

PLUGINS = {"openai": {}, "routes": {}}
CLOCKS = {"first_content": "200ms", "stall": "200ms", "total": "600ms", "max_answer": "2MiB"}


@dataclass
class Echoing:
    """A started gateway and its client."""

    gateway: Gateway
    client: httpx.AsyncClient

    async def post(self, model: str, *, path: str = "/v1/chat/completions", **more: Any) -> httpx.Response:
        body = {"model": model, **more}
        if path == "/v1/chat/completions":
            body.setdefault("messages", [{"role": "user", "content": "say it again"}])
        return await self.client.post(path, json=body)

    async def choice(self, model: str, **more: Any) -> Any:
        """The one choice of a whole answer."""
        answer = await self.post(model, **more)
        assert answer.status_code == 200, answer.text
        (choice,) = answer.json()["choices"]
        return choice

    async def events(self, model: str, **more: Any) -> list[Any]:
        """The events of a stream, as data; the terminal one as it stands."""
        answer = await self.post(model, stream=True, **more)
        assert answer.status_code == 200, answer.text
        lines = [line.removeprefix("data: ") for line in answer.text.split("\n\n") if line]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    async def chunks(self, model: str, **more: Any) -> list[str]:
        """The pieces of text in a stream."""
        events = [event for event in await self.events(model, **more) if event != "[DONE]"]
        deltas = [choice["delta"] for event in events for choice in event.get("choices", ())]
        return [delta["content"] for delta in deltas if delta.get("content")]


@pytest.fixture
def echoing(tmp_path: Path) -> Callable[..., AbstractAsyncContextManager[Echoing]]:
    """`async with echoing(scripts, sections)` boots one with these scripts and further sections."""

    @asynccontextmanager
    async def boot(
        scripts: Mapping[str, Any] | None = None, sections: Mapping[str, Any] | None = None
    ) -> AsyncIterator[Echoing]:
        config = {
            "auth": "none",
            "upstream": CLOCKS,
            "plugins": {**PLUGINS, "echo": {"scripts": dict(scripts or {})}},
            **(sections or {}),
        }
        setup = assemble(read_text(json.dumps(config), name="proxy.yaml", env={}, base=tmp_path), env={})
        gateway = Gateway(replace(setup, core=replace(setup.core, auth="none")))
        await gateway.start()
        try:
            async with in_process_client(gateway) as client:
                yield Echoing(gateway, client)
        finally:
            await gateway.stop()

    return boot
