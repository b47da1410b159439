"""What the ledger has, and what it gives way to."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pointsman.config import LedgerSettings
from pointsman.errors import StartupError
from pointsman.exchange import Actor
from pointsman.testing import Running
from pointsman_keys import Caller, Directory
from pointsman_keys.records import KEYS, TEAMS, upsert
from pointsman_keys.stored import peek

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


async def test_a_maker_with_settings_that_nobody_knows_shuts_what_he_made(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    async with serve("teams: {red: {role: admin}}", folder=tmp_path) as served:
        book = keys(served).accounts
        chief, _ = await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin"})
        directory = keys(served).directory
        caller = keys(served).caller(directory.known[chief.digest].actor, "")
        _, text = await book.create_key(caller, {"name": "child"})
        await book.revoke_key(ROOT, chief.hash)
        spoilt = {"hash": chief.hash, "settings": '{"name": "chief", "allowance": 1}'}
        update = "update keys set settings = :settings where hash = :hash"
        await served.gateway.ledger.execute([(update, spoilt)])
    async with serve("teams: {red: {role: admin}}", folder=tmp_path) as served:
        answer = await ask(served, {"x-api-key": text.reveal()})
        assert answer.status_code == 401
        assert "was made by one with settings that cannot be used" in answer.text


async def test_a_maker_who_has_left_the_configuration_is_told_of(
    serve: Serve, ask: Ask, tmp_path: Path, digest: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    team = "teams: {red: {role: admin}}\n"
    chief = (
        f"keys: [{{name: chief, key_hash: {digest('chief')}, team: red, role: admin, models: [acme/small]}}]"
    )
    async with serve(team + chief, folder=tmp_path) as served:
        directory = keys(served).directory
        caller = keys(served).caller(directory.known[directory.named("chief").digest].actor, "")
        given = {"name": "child", "models": ["acme/small"]}
        _, text = await keys(served).accounts.create_key(caller, given)
    caplog.clear()
    async with serve(team, folder=tmp_path) as served:
        assert (await ask(served, {"x-api-key": text.reveal()}, model="acme/small")).status_code == 200
    assert "key 'child' was made by key-" in caplog.text
    assert "its bounds do not hold" in caplog.text


async def test_a_dry_run_sees_keys_on_disk_beside_those_of_the_configuration(
    serve: Serve, tmp_path: Path, digest: Callable[[str], str]
) -> None:
    written = f"keys: [{{name: bob, key_hash: {digest('bob')}}}]\nteams: {{red: {{tags: [legal]}}}}\n"
    async with serve(written, folder=tmp_path) as served:
        book, setup = keys(served).accounts, served.gateway.setup
        await book.create_key(ROOT, {"name": "alice", "team": "red"})
        key, _ = await book.create_key(ROOT, {"name": "carol"})
        await book.change_key(ROOT, key.hash, {"disabled": True})
        await served.gateway.ledger.flush()
        actor = keys(served).actor(setup, "alice")
        assert actor is not None
        assert (actor.tags, [level.kind for level in actor.levels]) == (("legal",), ["key", "team"])
        assert keys(served).actor(setup, "bob") is not None
        assert keys(served).actor(setup, "nobody") is None
        with pytest.raises(StartupError, match="key 'carol' is disabled"):
            keys(served).actor(setup, "carol")


def test_without_a_ledger_a_dry_run_knows_the_configuration_alone(tmp_path: Path) -> None:
    setup: Any = SimpleNamespace(
        core=SimpleNamespace(ledger=LedgerSettings(url="sqlite:///none.db")), base=tmp_path
    )
    directory = Directory()
    peek(setup, directory)
    assert len(directory) == 0
    assert not (tmp_path / "none.db").exists()
