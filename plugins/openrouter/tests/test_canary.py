"""No secret comes out anywhere: a walk through everything with secrets that are looked for afterwards."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from pointsman.testing import Running, Script

Serve = Callable[..., AbstractAsyncContextManager[Running]]

OWN = "sk-canary-of-a-team-0123456789"
ROOT = {"authorization": "Bearer root"}


async def test_secrets_are_in_no_log_row_error_page_or_representation(
    serve: Serve, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(0)
    said: list[str] = []
    texts: list[str] = []

    async def ask(served: Running, method: str, path: str, body: Any = None, key: str = "root") -> Any:
        answer = await served.client.request(
            method, path, json=body, headers={"authorization": f"Bearer {key}", "x-pointsman-explain": "true"}
        )
        made = answer.json()
        text = made.pop("key", None) if isinstance(made, dict) else None
        if text is not None:
            texts.append(text)
        said.append(json.dumps(made) + str(answer.headers))
        return made

    echoing = {"error": {"message": f"your key {OWN} or provider-secret is wrong", "code": OWN}}
    async with serve("log: {access: true, level: debug}", answer=Script.json(echoing, status=401)) as served:
        made = await ask(served, "POST", "/api/v1/keys", {"name": "a", "team": "red", "limit": 5})
        hash = made["data"]["hash"]
        await ask(served, "POST", f"/api/v1/keys/{hash}/rotate", {})
        await ask(served, "PUT", "/api/v1/teams/red/credentials/lab", {"key": OWN})
        await ask(served, "PUT", "/api/v1/teams/red/credentials/lab", {"key": f"{OWN} "})
        chat = {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}]}
        for text in [*texts]:
            for stream in (False, True):
                await ask(served, "POST", "/v1/chat/completions", {**chat, "stream": stream}, key=text)
            await ask(served, "POST", "/v1/chat/completions", {**chat, "model": "no"}, key=text)
            await ask(served, "GET", "/api/v1/key", key=text)
            await ask(served, "POST", "/v1/chat/completions", chat, key=text + "x")
        for route in served.gateway.setup.routes:
            path = re.sub(r"\{hash\}", hash, re.sub(r"\{name\}", "red", route.path))
            if "GET" in route.methods:
                answer = await served.client.get(path, headers=ROOT)
                said.append(answer.text)
        for table in served.gateway.setup.tables:
            said.append(str(await served.rows(table.name)))
        plugin: Any = served.gateway.setup.plugins.get("keys")
        directory = plugin.target.directory
        said += [
            repr(list(directory)),
            repr(directory.known),
            repr(dict(directory.teams)),
            repr(vars(plugin.target)),
        ]
    assert len(texts) == 2
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("pointsman.db*"))
    shown = caplog.text + "".join(said)
    for secret in (*texts, OWN, "provider-secret", "the-admin-key", "a-key-that-seals-what-must-be-secret"):
        assert secret not in shown, secret[:10]
        assert secret.encode() not in kept, secret[:10]
