"""Scripts when the configuration changes."""

from __future__ import annotations

from typing import Any

from pointsman.testing import Running, running


def config(**scripts: str) -> dict[str, Any]:
    rows = {name: {"text": text} for name, text in scripts.items()}
    return {"auth": "none", "plugins": {"echo": {"scripts": rows}}}


async def ask(server: Running, model: str) -> str:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    answer = await server.client.post("/v1/chat/completions", json=body)
    return str(answer.json()["choices"][0]["message"]["content"])


async def test_scripts_come_change_and_go() -> None:
    async with running(config(one="1")) as server:
        assert await ask(server, "echo/one") == "1"
        await server.reload({**config(one="uno", two="2"), "models": {"a/b": {"endpoints": ["echo/two"]}}})
        assert [await ask(server, each) for each in ("echo/one", "echo/two", "a/b")] == ["uno", "2", "2"]
        await server.reload(config())
        assert "echo/one" not in server.gateway.setup.catalogue.models
