"""Bodies: whose are logged, that they are sealed, and how they are read again."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.testing import FakeProvider, Script, running
from pointsman_usage.bodies import BODIES
from pointsman_usage.logs import logs

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]
KEY, NEXT = "k" * 32, "n" * 32
SEALED = f"secret_key: {KEY}\n"


async def ask(
    client: httpx.AsyncClient, model: str, says: str = "", *, authorization: str = "", **fields: Any
) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "a secret question"}], **fields}
    headers = {"x-lab-bodies": says} if says else {}
    if authorization:
        headers["authorization"] = authorization
    return await client.post("/v1/chat/completions", json=body, headers=headers)


async def bodies(gateway: Gateway) -> list[dict[str, Any]]:
    assert await gateway.idle(10)
    await gateway.ledger.flush()
    return await gateway.ledger.select("select * from bodies order by at, id")


def read(config: Path, generation_id: str) -> tuple[int, str]:
    result = CliRunner().invoke(logs, ["--config", str(config), "--body", generation_id])
    return result.exit_code, result.stdout or result.stderr


@pytest.mark.parametrize("stream", [False, True])
async def test_request_and_answer_are_sealed_and_can_be_read_with_the_key(
    serve: Serve, config: Path, stream: bool
) -> None:
    async with serve("{log_bodies: all}", SEALED) as (gateway, client):
        answer = await ask(client, "lab/large", stream=stream)
        (row,) = await bodies(gateway)
    assert row["id"] == answer.headers["x-generation-id"]
    assert row["key_id"] == "key-1"
    assert all(row[name].startswith("pmv1.") for name in ("request", "answer"))
    assert "secret" not in str(row)
    assert b"secret" not in (config.parent / "pointsman.db").read_bytes()
    status, told = read(config, row["id"])
    found = json.loads(told)
    assert status == 0
    assert json.loads(found["request"])["messages"][0]["content"] == "a secret question"
    assert found["answer"] == answer.text


async def test_after_a_rotation_old_bodies_are_read_and_without_the_key_none(
    serve: Serve, config: Path
) -> None:
    async with serve("{log_bodies: all}", SEALED) as (gateway, client):
        await ask(client, "lab/large")
        (row,) = await bodies(gateway)
    text = config.read_text()
    config.write_text(text.replace(SEALED, f"secret_key: [{NEXT}, {KEY}]\n"))
    assert read(config, row["id"])[0] == 0
    config.write_text(text.replace(SEALED, f"secret_key: {NEXT}\n"))
    status, told = read(config, row["id"])
    assert status == 1
    assert "no key under `secret_key`" in told


@pytest.mark.parametrize(
    ("setting", "says", "model", "logged"),
    [
        ("off", "", "lab/large", False),
        ("off", "all", "lab/large", True),
        ("off", "errors", "lab/large", False),
        ("off", "errors", "lab/down", True),
        ("errors", "", "lab/large", False),
        ("errors", "", "lab/down", True),
        ("errors", "", "lab/cut", True),
        ("all", "", "lab/down", True),
        ("all", "off", "lab/large", False),
        ("all", "", "lab/stored", True),
    ],
)
async def test_the_key_says_more_than_the_setting(
    serve: Serve, setting: str, says: str, model: str, logged: bool
) -> None:
    async with serve(f"{{log_bodies: {setting}}}", SEALED) as (gateway, client):
        await ask(client, model, says, stream=model == "lab/cut")
        assert len(await bodies(gateway)) == logged


@pytest.mark.parametrize("setting", ["all", "errors"])
async def test_what_was_sent_of_a_stream_that_broke_off_is_kept_and_marked(
    serve: Serve, config: Path, setting: str
) -> None:
    async with serve(f"{{log_bodies: {setting}}}", SEALED) as (gateway, client):
        answer = await ask(client, "lab/cut", stream=True)
        (row,) = await bodies(gateway)
    assert row["partial"] == 1
    found = json.loads(read(config, row["id"])[1])
    assert found["partial"] is True
    assert b"Hello" in found["answer"].encode()
    assert answer.text.startswith(found["answer"])
    assert "error" not in found["answer"], "what we said of it is not the provider's"


@pytest.mark.parametrize(("setting", "logged"), [("all", True), ("errors", False)])
async def test_what_was_sent_of_a_stream_that_its_client_left_is_kept(
    serve: Serve, config: Path, setting: str, logged: bool
) -> None:
    async with serve(f"{{log_bodies: {setting}}}", SEALED) as (gateway, client):
        body = {"model": "lab/hangs", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}
        async with client.stream("POST", "/v1/chat/completions", json=body) as answer:
            seen = await anext(answer.aiter_text())
        rows = await bodies(gateway)
    assert [row["partial"] for row in rows] == [1] * logged
    if logged:
        found = json.loads(read(config, rows[0]["id"])[1])
        assert found["answer"].startswith(seen)


async def test_a_stream_that_broke_off_and_is_too_large_is_marked_and_has_no_text(serve: Serve) -> None:
    async with serve("{log_bodies: all, max_body: 20}", SEALED) as (gateway, client):
        await ask(client, "lab/cut", stream=True)
        (row,) = await bodies(gateway)
    assert (row["answer"], row["partial"]) == (None, 0)


async def test_whole_answers_are_not_partial_and_old_rows_are_not_either(serve: Serve, config: Path) -> None:
    async with serve("{log_bodies: all}", SEALED) as (gateway, client):
        await ask(client, "lab/large", stream=True)
        (row,) = await bodies(gateway)
    assert row["partial"] == 0
    with closing(sqlite3.connect(config.parent / "pointsman.db")) as connection, connection:
        connection.execute("alter table bodies drop column partial")
    assert json.loads(read(config, row["id"])[1])["partial"] is False


@pytest.mark.parametrize(("most", "kept"), [(20, [False, False]), (120, [True, False]), (1000, [True, True])])
async def test_a_text_that_is_too_large_is_left_out(serve: Serve, most: int, kept: list[bool]) -> None:
    async with serve(f"{{log_bodies: all, max_body: {most}}}", SEALED) as (gateway, client):
        await ask(client, "lab/large")
        (row,) = await bodies(gateway)
    assert [row[name] is not None for name in ("request", "answer")] == kept


async def test_an_answer_that_was_stored_is_logged_as_well(serve: Serve, config: Path) -> None:
    async with serve("{log_bodies: all}", SEALED) as (gateway, client):
        answer = await ask(client, "lab/stored")
        (row,) = await bodies(gateway)
    assert row["partial"] == 0
    assert json.loads(read(config, row["id"])[1])["answer"] == answer.text


async def test_what_the_client_is_not_told_is_not_logged(tmp_path: Path) -> None:
    """Usage that was asked for on its own account."""
    events = [
        b'data: {"choices":[{"index":0,"delta":{"content":"Hi"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n',
        b"data: [DONE]\n\n",
    ]
    async with FakeProvider(Script.sse(events)) as fake:
        config = {
            "secret_key": KEY,
            "plugins": {"usage": {"log_bodies": "all"}},
            "providers": {"far": {"base_url": fake.url, "api_key": "k"}},
        }
        async with running(config, folder=tmp_path) as served:
            answer = await ask(served.client, "far/m", stream=True)
            (row,) = await bodies(served.gateway)
            vault = served.gateway.vault
    text = vault.open(row["answer"], purpose="body", about=f"{row['id']} answer")
    assert text == answer.content
    assert b"usage" not in text


KEYS = f"[{{name: alice, key_hash: {sha256(b'pm-alice').hexdigest()}, log_bodies: all}}]"


async def test_what_nothing_could_seal_is_an_error_at_each_place_that_asks_for_it(tmp_path: Path) -> None:
    config = f"keys: {KEYS}\nplugins: {{usage: {{log_bodies: errors}}}}"
    with pytest.raises(ConfigError, match="bodies are kept sealed only") as caught:
        async with running(config, folder=tmp_path):
            pass
    assert [problem.line for problem in caught.value.problems] == [2, 1]


LEVELS = """
secret_key: {secret}
auth: keys
organisation: {{name: Acme, log_bodies: {organisation}}}
teams: {{research: {{log_bodies: {team}}}}}
keys: [{{name: alice, team: research, key_hash: {digest}, log_bodies: {key}}}]
routes: [{{name: rest, use: {{log_bodies: {route}}}}}]
plugins: {{usage: {{log_bodies: {setting}}}}}
"""
PLACES = ("route", "key", "team", "organisation", "setting")


def leveled(secret: str = KEY, **says: str) -> str:
    given = {name: says.get(name, "off" if name == "setting" else "null") for name in PLACES}
    return LEVELS.format(secret=secret, digest=sha256(b"pm-alice").hexdigest(), **given)


@pytest.mark.parametrize("nearest", PLACES)
@pytest.mark.parametrize("says", ["all", "off"])
async def test_the_nearest_that_says_anything_decides(tmp_path: Path, nearest: str, says: str) -> None:
    above = PLACES[PLACES.index(nearest) + 1 :]
    config = leveled(**{nearest: says}, **dict.fromkeys(above, "off" if says == "all" else "all"))
    async with running(config, folder=tmp_path, key="pm-alice") as served:
        assert (await ask(served.client, "echo/echo")).status_code == 200
        assert len(await bodies(served.gateway)) == (says == "all")


async def test_without_a_secret_every_place_that_asks_is_named(tmp_path: Path) -> None:
    config = leveled(**dict.fromkeys(PLACES, "errors")).replace(f"secret_key: {KEY}\n", "")
    with pytest.raises(ConfigError, match="bodies are kept sealed only") as caught:
        async with running(config, folder=tmp_path):
            pass
    assert sorted(problem.line for problem in caught.value.problems) == [3, 4, 5, 6, 7]


async def test_a_key_of_the_configuration_says_that_its_bodies_are_logged(tmp_path: Path) -> None:
    config = f"secret_key: {KEY}\nkeys: {KEYS}\nadmin_key: pm-admin\n"
    async with running(config, folder=tmp_path, key="pm-alice") as served:
        await ask(served.client, "echo/echo")
        await ask(served.client, "echo/echo", authorization="Bearer pm-admin")
        (row,) = await bodies(served.gateway)
        (alice, _) = await served.rows("generations")
    assert row["id"] == alice["id"]


async def test_where_only_a_key_asks_and_nothing_can_seal_that_is_said_once(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as (gateway, client):
        for _ in range(2):
            await ask(client, "lab/large", "all")
        assert await bodies(gateway) == []
    assert caplog.text.count("secret_key") == 1


def test_every_column_is_described() -> None:
    assert all(column.help.endswith(".") for column in BODIES.columns.values())
