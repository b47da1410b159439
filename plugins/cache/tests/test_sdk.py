"""The OpenAI SDK gets from the cache what it got before it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest
from openai import AsyncOpenAI

Boot = Callable[..., AbstractAsyncContextManager[Any]]
SAID: Any = [{"role": "user", "content": "Hello"}]


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_the_openai_sdk_cannot_tell_a_hit_but_by_its_headers(lab: Boot, door: str) -> None:
    headers = {"x-api-key": "alice", "X-OpenRouter-Cache": "true"}
    async with (
        lab({}, door=door) as place,
        AsyncOpenAI(base_url=f"{place.running.url}/v1", api_key="x", default_headers=headers) as client,
    ):

        async def chat() -> tuple[Any, str]:
            raw = await client.chat.completions.with_raw_response.create(model="acme/m", messages=SAID)
            return raw.parse(), raw.headers["x-pointsman-cache"]

        async def stream() -> tuple[Any, str]:
            raw = await client.chat.completions.with_raw_response.create(
                model="acme/m", messages=SAID, stream=True
            )
            return [chunk async for chunk in raw.parse()], raw.headers["x-pointsman-cache"]

        async def responses() -> tuple[Any, str]:
            raw = await client.responses.with_raw_response.create(model="acme/resp", input="Hello")
            return raw.parse(), raw.headers["x-pointsman-cache"]

        async def embeddings() -> tuple[Any, str]:
            raw = await client.embeddings.with_raw_response.create(model="acme/m", input="Hello")
            return raw.parse(), raw.headers["x-pointsman-cache"]

        for call in (chat, stream, responses, embeddings):
            (first, miss), (again, hit) = await call(), await call()
            assert (miss, hit) == ("miss", "hit"), call.__name__
            assert first == again
        assert place.calls == 4
