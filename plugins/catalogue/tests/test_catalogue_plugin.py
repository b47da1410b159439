"""The plugin as a whole: off, and beside a server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from pointsman.testing import FakeProvider, Script, running
from pointsman_catalogue import plugin_of
from pointsman_catalogue.rows import Row
from pointsman_catalogue.store import MemoryStore

Serve = Callable[..., Any]
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "model": "big-2026",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000},
}


async def test_a_canonical_name_is_answered_and_priced(serve: Serve) -> None:
    price = {"input": "1", "output": "2"}
    rows = [Row("acme/big", "groq", "big-2026", True, {"price": price}, source="genai-prices 0.2.3")]
    async with FakeProvider(Script.json(ANSWER)) as fake:
        async with serve(f'groq: {{base_url: "{fake.url}", api_key: k}}', rows=rows) as server:
            body = {"model": "acme/big", "messages": [{"role": "user", "content": "Hello"}]}
            answer = await server.client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200
            assert answer.headers["x-pointsman-model"] == "acme/big"
            assert answer.headers["x-pointsman-cost"] == "0.003"
        assert fake.requests[0].json["model"] == "big-2026"


async def test_prices_may_be_off_though_the_ledger_has_them(serve: Serve) -> None:
    rows = [Row("acme/big", "groq", "big", True, {"context": 1})]
    off = "plugins: {catalogue: {prices: false}}"
    async with serve("groq: {api_key: k}", rows=rows, more=off) as server:
        assert "acme/big" not in server.gateway.setup.catalogue.models
        assert isinstance(plugin_of(server.gateway).store, MemoryStore)


async def test_without_it_nothing_is_asked(tmp_path: Path) -> None:
    async with FakeProvider(Script.json({"data": []})) as fake:
        config = f"""
plugins: {{catalogue: false}}
providers: {{lab: {{base_url: "{fake.url}", discover: true}}}}
"""
        async with running(config, folder=tmp_path) as server:
            assert server.gateway.ready
        assert fake.requests == []
