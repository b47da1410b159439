"""`running`: a real pointsman for a test, and nothing of it afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.errors import ConfigError, StartupError
from pointsman.testing import FakeProvider, Running, Script, running

Config = Callable[..., dict[str, Any]]
PATH = "/v1/chat/completions"


def with_key(key: str) -> dict[str, Any]:
    digest = hashlib.sha256(key.encode()).hexdigest()
    return {"keys": [{"name": "alice", "key_hash": digest}]}


async def ask(served: Running, chat: dict[str, Any], **headers: str) -> int:
    return (await served.client.post(PATH, json=chat, headers=headers)).status_code


async def test_a_server_answers_on_a_free_port_of_loopback() -> None:
    async with running() as one, running() as two:
        for served in (one, two):
            assert served.url.startswith("http://127.0.0.1:")
            assert (await served.client.get("/health/ready")).status_code == 200
        assert one.url != two.url


async def test_a_port_that_is_configured_is_not_taken() -> None:
    async with running("server: {port: 1}") as served:
        assert not served.url.endswith(":1")


async def test_a_server_has_the_door_it_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or that of its configuration, or that of the suite."""

    async def door(config: str = "", **options: Any) -> str:
        async with running(config, **options) as served:
            return served.server.settings.door

    assert [await door(), await door("server: {door: asgi}"), await door(door="asgi")] == [
        *("auto", "asgi", "asgi")
    ]
    monkeypatch.setattr("pointsman.testing.server.DOOR", "asgi")
    assert [await door(), await door(door="auto")] == ["asgi", "auto"]


async def test_a_configuration_is_text_or_data(config: Config, chat: dict[str, Any], answer: Script) -> None:
    async with FakeProvider(answer) as fake:
        data = config(fake)
        text = "".join(f"{name}: {value!r}\n" for name, value in data.items())
        for given in (data, text):
            async with running(given) as served:
                assert await ask(served, chat) == 200


async def test_without_a_key_everybody_may_ask(config: Config, chat: dict[str, Any], answer: Script) -> None:
    async with FakeProvider(answer) as fake, running(config(fake, **with_key("pm-alice"))) as served:
        assert await ask(served, chat) == 200
        assert (await served.rows("generations"))[0]["key_name"] == "anonymous"


async def test_the_client_sends_the_key_it_was_given(
    config: Config, chat: dict[str, Any], answer: Script
) -> None:
    async with FakeProvider(answer) as fake:
        async with running(config(fake, **with_key("pm-alice")), key="pm-alice") as served:
            assert await ask(served, chat) == 200
            assert await ask(served, chat, authorization="Bearer pm-mallory") == 401
            assert (await served.rows("generations"))[0]["key_name"] == "alice"
        async with running(config(fake, **with_key("pm-alice")), key="pm-mallory") as served:
            assert await ask(served, chat) == 401


async def test_what_the_configuration_says_of_keys_holds_without_a_key_too(
    config: Config, chat: dict[str, Any], answer: Script
) -> None:
    async with (
        FakeProvider(answer) as fake,
        running(config(fake, auth="keys", **with_key("pm-alice"))) as served,
    ):
        assert await ask(served, chat) == 401
        assert await ask(served, chat, authorization="Bearer pm-alice") == 200


async def test_rows_are_those_of_every_request_that_was_answered(
    config: Config, chat: dict[str, Any], answer: Script
) -> None:
    async with FakeProvider(answer) as fake, running(config(fake)) as served:
        for model in ("acme/large", "lab/large", "acme/large"):
            await ask(served, {**chat, "model": model})
        rows = await served.rows("generations")
        assert [row["model_asked"] for row in rows] == ["acme/large", "lab/large", "acme/large"]
        with pytest.raises(ValueError, match="not the name of a table"):
            await served.rows("generations; drop table generations")


async def test_a_folder_keeps_the_ledger_for_the_next_start(
    config: Config, chat: dict[str, Any], answer: Script, tmp_path: Path
) -> None:
    async with FakeProvider(answer) as fake:
        for starts in (1, 2):
            async with running(config(fake), folder=tmp_path) as served:
                assert served.folder == tmp_path
                await ask(served, chat)
                assert len(await served.rows("generations")) == starts


async def test_without_a_folder_nothing_is_left() -> None:
    async with running() as served:
        folder = served.folder
        assert any(folder.iterdir())
    assert not folder.exists()


async def test_the_environment_is_the_one_given(
    config: Config, chat: dict[str, Any], answer: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LAB_KEY", "the-key-of-this-machine")
    async with FakeProvider(answer) as fake:
        data = config(fake)
        data["providers"]["lab"]["api_key"] = "${LAB_KEY}"
        async with running(data, env={"LAB_KEY": "given"}) as served:
            await ask(served, chat)
        assert fake.requests[0].headers["authorization"] == "Bearer given"
        with pytest.raises(ConfigError, match="LAB_KEY"):
            async with running(data):
                pass


async def test_what_would_stop_a_server_stops_this_one() -> None:
    with pytest.raises(StartupError, match="unknown key `modles`"):
        async with running("modles: {}"):
            pass


async def test_it_is_gone_afterwards_whatever_happened() -> None:
    with pytest.raises(LookupError):
        async with running() as served:
            raise LookupError
    with pytest.raises(httpx.ConnectError):
        httpx.get(served.url, trust_env=False)
    with pytest.raises(RuntimeError):
        await served.client.get("/health/live")
