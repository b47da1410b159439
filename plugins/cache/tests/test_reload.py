"""The cache when the configuration changes: answers stay, as long as they are what would be answered now."""

from __future__ import annotations

from typing import Any

from pointsman.testing import FakeProvider, Running, Script, running
from pointsman_cache.store import ENTRY

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


def config(fake: FakeProvider, cache: dict[str, Any], **endpoint: Any) -> dict[str, Any]:
    return {
        "auth": "none",
        "plugins": {"cache": {"always": True, **cache}},
        "providers": {"lab": {"base_url": fake.url, "api_key": "sk", "discover": False}},
        "models": {"acme/one": {"endpoints": [{"endpoint": "lab/one", **endpoint}]}},
    }


async def status(server: Running, text: str = "Hello") -> str:
    body = {"model": "acme/one", "messages": [{"role": "user", "content": text}]}
    answer = await server.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    return answer.headers["x-pointsman-cache"]


async def test_what_is_kept_stays_and_other_settings_count() -> None:
    async with FakeProvider(Script.json(ANSWER)) as fake, running(config(fake, {})) as server:
        assert [await status(server) for _ in range(2)] == ["miss", "hit"]
        await server.reload(config(fake, {"max_entry": "1MiB"}))
        assert await status(server) == "hit"
        await server.reload(config(fake, {"max_size": "5MiB"}))
        assert await status(server) == "hit"
        await server.reload(config(fake, {"max_size": 1200, "max_entry": 1000}))
        assert await status(server) == "miss", "there is no room for it"
        plugin = server.gateway.setup.plugins.get("cache")
        assert plugin is not None
        assert plugin.target._store.size < 1200 + ENTRY


async def test_what_an_endpoint_adds_to_requests_is_part_of_what_is_asked() -> None:
    async with FakeProvider(Script.json(ANSWER)) as fake, running(config(fake, {})) as server:
        assert [await status(server) for _ in range(2)] == ["miss", "hit"]
        await server.reload(config(fake, {}, params={"temperature": 0.5}))
        assert [await status(server) for _ in range(2)] == ["miss", "hit"]
        await server.reload(config(fake, {}))
        assert await status(server) == "hit"
