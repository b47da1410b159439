"""uvicorn is what the doors are built on: the pinned one is as they need it, and another is noticed."""

from __future__ import annotations

import pytest
from uvicorn.protocols.http import httptools_impl

from pointsman import compat
from pointsman.compat import unmet
from pointsman.testing import running

CHAT = "/v1/chat/completions"


async def test_this_uvicorn_is_as_needed() -> None:
    assert unmet() == []


async def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def changed(self: object, request: object) -> None:
        """Takes something else."""

    with monkeypatch.context() as patched:
        patched.setattr(httptools_impl.HttpToolsProtocol, "_start_asgi_task", changed)
        patched.delattr(httptools_impl.HttpToolsProtocol, "on_response_complete")
        assert unmet() == ["on_response_complete", "_start_asgi_task"]
    with monkeypatch.context() as patched:
        patched.setattr(compat, "OF_A_CYCLE", ("response_complete", "no_such_thing"))
        assert unmet() == ["no_such_thing"]
    with monkeypatch.context() as patched:
        patched.setattr(httptools_impl.RequestResponseCycle, "__init__", changed)
        assert unmet()[0] == "disconnected", "a request of uvicorn's has none of what it should"
    with monkeypatch.context() as patched:
        patched.delattr(httptools_impl.HttpToolsProtocol, "__init__")
        assert len(unmet()) == 1


async def test_on_another_uvicorn_requests_take_the_longer_way(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(compat, "unmet", lambda: ["on_body"])
    async with running("plugins: {openai: {}, routes: {}, echo: {}}\n") as server:
        assert "this uvicorn is not as the fast door needs it (on_body)" in caplog.text
        body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await server.client.post(CHAT, json=body)).status_code == 200
        refused = await server.client.post(CHAT, json=body, headers={"host": "evil.example"})
        assert refused.status_code == 400, "the guard holds within ASGI, too"
