"""What the ledger has, and what it gives way to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.exchange import Actor
from pointsman.testing import Running
from pointsman_keys import Caller
from pointsman_keys.records import KEYS, TEAMS, upsert

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

ROOT = Caller(Actor("root", "key-root", role="admin"))


def keys(served: Running) -> Any:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    return plugin.target


async def test_a_key_with_settings_that_nobody_knows_any_more_is_shut(
    serve: Serve, ask: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(folder=tmp_path) as served:
        key, text = await keys(served).accounts.create_key(ROOT, {"name": "alice"})
        row = {"hash": key.hash, "digest": key.hash, "name": "alice", "created_at": "2026"}
        statement = upsert(KEYS, {**row, "settings": {"name": "alice", "allowance": 1}})
        await served.gateway.ledger.execute([statement])
    async with serve(folder=tmp_path) as served:
        answer = await ask(served, {"x-api-key": text.reveal()})
        assert answer.status_code == 401
        assert "settings that cannot be used" in answer.text
        assert "key 'alice' cannot be used: unknown key `allowance`" in caplog.text


async def test_a_team_with_settings_that_nobody_knows_shuts_its_keys(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    async with serve(folder=tmp_path) as served:
        await keys(served).accounts.create_team(ROOT, "red", {})
        _, text = await keys(served).accounts.create_key(ROOT, {"name": "alice", "team": "red"})
        row = {"name": "red", "settings": {"allowance": 1}, "created_at": "2026"}
        await served.gateway.ledger.execute([upsert(TEAMS, row)])
    async with serve(folder=tmp_path) as served:
        answer = await ask(served, {"x-api-key": text.reveal()})
        assert "belongs to team 'red', which is disabled" in answer.text


async def test_a_key_whose_team_has_left_the_configuration_is_shut(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    async with serve("teams: {red: {}}", folder=tmp_path) as served:
        _, text = await keys(served).accounts.create_key(ROOT, {"name": "alice", "team": "red"})
        assert (await ask(served, {"x-api-key": text.reveal()})).status_code == 200
    async with serve(folder=tmp_path) as served:
        answer = await ask(served, {"x-api-key": text.reveal()})
        assert answer.status_code == 401
        assert "belongs to team 'red', which is not there" in answer.text


async def test_the_configuration_goes_first(
    serve: Serve, ask: Ask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve(folder=tmp_path) as served:
        await keys(served).accounts.create_team(ROOT, "red", {"models": ["acme/small"]})
        key, text = await keys(served).accounts.create_key(ROOT, {"name": "alice", "models": ["acme/small"]})
    caplog.set_level(logging.WARNING)
    written = f"teams: {{red: {{}}}}\nkeys: [{{name: alice, key_hash: {key.hash}}}]"
    async with serve(written, folder=tmp_path) as served:
        assert (await ask(served, {"x-api-key": text.reveal()})).status_code == 200
        assert keys(served).directory.teams["red"].origin == "configuration"
    assert "key 'alice' of the ledger gives way" in caplog.text
    assert "team 'red' of the ledger gives way" in caplog.text
