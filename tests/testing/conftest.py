"""A provider's answers, and a configuration that asks it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pointsman.testing import FakeProvider, Script


@pytest.fixture
def answer() -> Script:
    """A whole answer to a chat."""
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
    return Script.json(
        {
            "id": "1",
            "object": "chat.completion",
            "created": 1,
            "model": "x",
            "choices": [choice],
            "usage": usage,
        }
    )


@pytest.fixture
def chat() -> dict[str, Any]:
    """A chat as a client asks for it."""
    return {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.fixture
def config() -> Callable[..., dict[str, Any]]:
    """A configuration with one model at a scripted provider, and more sections if need be."""

    def make(fake: FakeProvider, **more: Any) -> dict[str, Any]:
        return {
            "plugins": {"openai": {}, "keys": {}, "routes": {}, "usage": {}},
            "providers": {"lab": {"vendor": "openai", "base_url": fake.url, "api_key": "provider-secret"}},
            "models": {"acme/large": {"endpoints": ["lab/large"]}},
            **more,
        }

    return make
