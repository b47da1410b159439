"""Balance when the configuration changes: what traffic has shown stays."""

from __future__ import annotations

from typing import Any

from pointsman.testing import FakeProvider, Running, Script, running
from pointsman_balance import Balance

ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "x",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
}


def config(fake: FakeProvider, **balance: Any) -> dict[str, Any]:
    return {
        "auth": "none",
        "plugins": {"balance": balance},
        "providers": {"lab": {"base_url": fake.url, "api_key": "sk", "discover": False}},
        "models": {"acme/one": {"endpoints": ["lab/one", "lab/two"]}},
    }


def plugin_of(server: Running) -> Balance:
    plugin = server.gateway.setup.plugins.get("balance")
    assert plugin is not None
    assert isinstance(plugin.target, Balance)
    return plugin.target


async def test_health_and_sessions_stay_and_other_settings_count() -> None:
    async with FakeProvider(Script.json(ANSWER)) as fake, running(config(fake)) as server:
        body = {"model": "acme/one", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await server.client.post("/v1/chat/completions", json=body)).status_code == 200
        plugin = plugin_of(server)
        known, sessions = dict(plugin._board.known()), plugin._pickers.sessions
        assert known
        await server.reload(config(fake, sticky=False, patience="3s"))
        assert plugin_of(server) is plugin
        assert plugin._board.known() == known
        assert plugin._pickers.sessions is sessions
        assert (plugin._pickers.sticky, plugin._board.taste.patience) == (False, 3.0)
        assert (await server.client.post("/v1/chat/completions", json=body)).status_code == 200
