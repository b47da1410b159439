"""Two providers, one of them with a price, whose answers report what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Running, Script, running

Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def serve() -> Serve:
    """Serves `lab`, with a price, and `free`, without; their answers report `usage` and have `members`."""

    @asynccontextmanager
    async def run(
        price: str = "null",
        endpoint_price: str = "null",
        *,
        usage: object = None,
        prices: str = "{}",
        more: str = "",
        plugins: str = "",
        **members: Any,
    ) -> AsyncIterator[Running]:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "other", "choices": [choice]}
        answer["usage"] = usage or {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        async with FakeProvider(Script.json(answer | members)) as fake:
            config = f"""
plugins: {{balance: false, openai: {{}}, routes: {{}}, usage: {{}}, {plugins} prices: {prices}}}
providers:
  lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {price}}}
  free: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret}}
models:
  acme/large:
    endpoints: [free/large, {{endpoint: lab/large, price: {endpoint_price}}}]
  acme/lab: {{endpoints: [{{endpoint: lab/other, price: {endpoint_price}}}]}}
  acme/free: {{endpoints: [free/other]}}
{more}
"""
            async with running(config) as served:
                yield served

    return run
