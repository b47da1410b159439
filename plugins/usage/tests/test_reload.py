"""Records when the configuration changes."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.errors import ConfigError
from pointsman.testing import Running, running


def config(**usage: Any) -> dict[str, Any]:
    return {"auth": "none", "plugins": {"usage": usage}}


async def ask(server: Running) -> None:
    body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
    assert (await server.client.post("/v1/chat/completions", json=body)).status_code == 200


async def test_other_settings_count_from_then_on() -> None:
    async with running(config()) as server:
        await ask(server)
        await server.reload(config(client_address=True, when_full="refuse"))
        await ask(server)
        assert [row["client_address"] for row in await server.rows("generations")] == [None, "127.0.0.1"]
        assert (await server.client.get("/health/ledger")).json()["when_full"] == "refuse"


async def test_bodies_are_not_logged_without_a_key_that_the_process_has() -> None:
    async with running(config()) as server:
        with pytest.raises(ConfigError, match="no `secret_key` to seal them with"):
            await server.reload({**config(log_bodies="all"), "secret_key": "k" * 32})
        await ask(server)
        assert await server.rows("bodies") == []
