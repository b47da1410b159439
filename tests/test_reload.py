"""Reload: the configuration changes under a server that goes on answering."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import Document, read
from pointsman.errors import ConfigError, StartupError
from pointsman.plugins import standard_order
from pointsman.reload import Reloader, Watch
from pointsman.serving import nothing_to_read
from pointsman.testing import FakeProvider, Received, Running, Script, running

RELOADS = int(os.environ.get("POINTSMAN_RELOADS", "100"))
"""How often the test under load reloads."""
ANSWER = {
    "id": "1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 1000, "completion_tokens": 1000, "total_tokens": 2000},
}
EVENTS = [
    b'data: {"id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}\n\n',
    b'data: {"id":"1","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":1000}}\n\n',
    b"data: [DONE]\n\n",
]
MASTER = {"authorization": "Bearer master"}


def digest(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def config(url: str = "http://127.0.0.1:9/v1", **changes: Any) -> dict[str, Any]:
    """A configuration with a key, a limit, a price and a rule; `changes` are of its top level."""
    return {
        "auth": "keys",
        "admin_key": "master",
        "providers": {"lab": {"base_url": url, "api_key": "sk-lab", "discover": False}},
        "models": {
            "acme/one": {"aliases": ["one"], "endpoints": [priced("lab/one", 1)]},
            "acme/two": {"endpoints": [priced("lab/two", 1)]},
        },
        "routes": [{"name": "auto", "when": {"model": "auto"}, "use": {"models": ["acme/one"]}}],
        "keys": [{"name": "ann", "key_hash": digest("ann")}],
        **changes,
    }


def priced(endpoint: str, usd: int) -> dict[str, Any]:
    return {"endpoint": endpoint, "price": {"input": usd, "output": usd}}


def keys(**settings: Any) -> list[dict[str, Any]]:
    return [{"name": "ann", "key_hash": digest("ann"), **settings}]


@asynccontextmanager
async def served(answers: Any = None, **changes: Any) -> AsyncIterator[tuple[Running, FakeProvider]]:
    async with (
        FakeProvider(answers or Script.json(ANSWER)) as fake,
        running(config(fake.url, **changes), key="ann") as server,
    ):
        yield server, fake


async def ask(
    server: Running, model: str = "acme/one", *, stream: bool = False, **headers: str
) -> httpx.Response:
    body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "Hello"}]}
    return await server.client.post("/v1/chat/completions", json=body, headers=headers)


async def test_another_key_counts_and_the_one_before_does_not() -> None:
    async with served() as (server, fake):
        assert (await ask(server)).status_code == 200
        await server.reload(config(fake.url, keys=[{"name": "bob", "key_hash": digest("bob")}]))
        assert (await ask(server)).status_code == 401
        assert (await ask(server, authorization="Bearer bob")).status_code == 200


async def test_another_limit_counts_and_what_was_used_of_it_stays() -> None:
    async with served(keys=keys(limits={"requests": "2/day"})) as (server, fake):
        for _ in range(2):
            assert (await ask(server)).status_code == 200
        assert (await ask(server)).status_code == 429
        await server.reload(config(fake.url, keys=keys(limits={"requests": "3/day"})))
        assert (await ask(server)).status_code == 200
        refused = await ask(server)
        assert refused.status_code == 429
        assert "3 requests per day" in refused.json()["error"]["message"]


async def test_a_limit_that_is_new_knows_what_the_day_has_seen() -> None:
    async with served() as (server, fake):
        for _ in range(3):
            assert (await ask(server)).status_code == 200
        await server.reload(config(fake.url, keys=keys(limits={"requests": "3/day"})))
        assert (await ask(server)).status_code == 429


async def test_another_price_counts() -> None:
    async with served() as (server, fake):
        first = await ask(server)
        models = {"acme/one": {"endpoints": [priced("lab/one", 5)]}}
        await server.reload(config(fake.url, models=models))
        second = await ask(server)
        costs = [float(each.headers["x-pointsman-cost"]) for each in (first, second)]
        assert costs == [0.002, 0.01]


async def test_another_rule_counts() -> None:
    async with served() as (server, fake):
        assert (await ask(server, "auto")).headers["x-pointsman-model"] == "acme/one"
        rule = {"name": "other", "when": {"model": "auto"}, "use": {"models": ["acme/two"]}}
        await server.reload(config(fake.url, routes=[rule]))
        answer = await ask(server, "auto")
        assert (answer.headers["x-pointsman-model"], answer.headers["x-pointsman-route"]) == (
            "acme/two",
            "other",
        )


class Gate:
    """A provider that answers when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()

    async def __call__(self, received: Received) -> Script:
        await self.open.wait()
        return Script.json(ANSWER)


async def test_who_asks_a_model_that_is_removed_meanwhile_gets_the_answer() -> None:
    gate = Gate()
    async with served(gate) as (server, fake):
        waiting = asyncio.get_running_loop().create_task(ask(server))
        await fake.next_request()
        await server.reload(config(fake.url, models={}, routes=[], keys=keys(models=["nothing"])))
        gate.open.set()
        answer = await waiting
        assert answer.status_code == 200
        assert answer.headers["x-pointsman-model"] == "acme/one"
        assert answer.headers["x-pointsman-cost"] == "0.002"
        assert (await ask(server)).status_code in (400, 403)


async def test_a_request_that_has_just_begun_goes_by_the_rules_it_began_with() -> None:
    """Its setup is that of its headers; the rules of the next one name models which that does not have."""
    async with served() as (server, fake):
        body = json.dumps({"model": "auto", "messages": [{"role": "user", "content": "Hello"}]})
        half = asyncio.Event()

        async def slowly() -> AsyncIterator[bytes]:
            yield body[:20].encode()
            await half.wait()
            yield body[20:].encode()

        post = server.client.post("/v1/chat/completions", content=slowly())
        waiting = asyncio.get_running_loop().create_task(post)
        async with asyncio.timeout(5):
            while not server.gateway.running:
                await asyncio.sleep(0)
        rule = {"name": "new", "when": {"model": "auto"}, "use": {"models": ["acme/new"]}}
        models = {"acme/new": {"endpoints": ["lab/new"]}}
        await server.reload(config(fake.url, models=models, routes=[rule]))
        half.set()
        answer = await waiting
        assert (answer.status_code, answer.headers["x-pointsman-route"]) == (200, "auto")
        assert (await ask(server, "auto")).headers["x-pointsman-route"] == "new"


async def test_a_bad_file_changes_nothing_and_every_mistake_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async with served() as (server, fake):
        before = server.gateway.setup
        bad = config(
            fake.url,
            keys=[{"name": "ann", "key_hash": digest("master")}],
            routes=[{"name": "auto", "use": {"models": ["acme/gone"]}}],
            models={},
        )
        with pytest.raises(ConfigError) as refused:
            await server.reload(bad)
        told = "\n".join(map(str, refused.value.problems))
        assert "acme/gone" in told
        assert "admin_key is the same as key 'ann'" in told
        assert server.gateway.setup is before
        with pytest.raises(ConfigError, match="unknown key `modles`"):
            await server.reload(config(fake.url, modles={}))
        assert server.gateway.setup is before
        assert (await ask(server, "auto")).status_code == 200
    lines = [record.message for record in caplog.records if record.levelno >= logging.ERROR]
    assert lines[0] == "the configuration is refused, and the one before stays in force"
    assert any("unknown key `modles`" in line and "\n" not in line for line in lines)


async def test_what_needs_a_restart_is_said_and_stays() -> None:
    async with served() as (server, fake):
        core = server.gateway.setup.core
        changed = config(
            fake.url,
            server={"port": 1234, "max_body": "1KB"},
            ledger="sqlite:///other.db",
            upstream={"max_connections": 5, "total": "20s"},
            secret_key="x" * 32,
        )
        for _ in range(2):  # said each time
            left = await server.reload(changed)
            assert left == ["server", "ledger", "secret_key", "upstream.max_connections"]
        now = server.gateway.setup.core
        assert (now.server, now.ledger, now.secret_key) == (core.server, core.ledger, None)
        assert (now.upstream.max_connections, now.upstream.total) == (core.upstream.max_connections, 20)


async def test_other_plugins_are_for_a_restart() -> None:
    async with served() as (server, fake):
        with pytest.raises(ConfigError, match=r"proxy\.yaml:1:.*plugin 'cache' is turned on or off"):
            await server.reload(config(fake.url, plugins={"cache": False}))
        with pytest.raises(ConfigError, match="plugin 'mine' is turned on or off"):
            await server.reload(config(fake.url, plugins={"./mine.py": {}}))
        assert await server.reload(config(fake.url, plugins={"cache": {"max_size": "9MB"}})) == []


async def test_providers_that_are_the_same_stay_the_same() -> None:
    async with served() as (server, fake):
        lab = server.gateway.setup.providers["lab"]
        more = {"lab": {"base_url": fake.url, "api_key": "sk-lab", "discover": False}}
        await server.reload(config(fake.url, providers={**more, "two": {"base_url": fake.url}}))
        assert server.gateway.setup.providers["lab"] is lab
        (key,) = lab.keys
        key.rests_until = 1e12
        pool = {"base_url": fake.url, "api_keys": ["sk-new", "sk-lab"], "discover": False}
        await server.reload(config(fake.url, providers={"lab": pool}))
        now = server.gateway.setup.providers["lab"]
        assert now is not lab
        assert now.keys.take().secret.reveal() == "sk-new"
        assert [each.rests_until for each in now.keys] == [0.0, 1e12]


async def test_reloads_under_load_fail_no_request() -> None:
    """Each takes half of the configuration away and brings it back under other names, prices and limits."""

    def answered(received: Received) -> Script:
        return Script.sse(EVENTS) if received.json.get("stream") else Script.json(ANSWER)

    async with served(answered) as (server, fake):
        variants = [
            config(
                fake.url,
                models={
                    "acme/one": {"endpoints": [priced("lab/one", number), priced("lab/same", 3)]},
                    **{f"acme/{number}": {"endpoints": ["lab/more"]}},
                },
                routes=[{"name": f"r{number}", "when": {"model": "auto"}, "use": {"models": [model]}}],
                keys=keys(
                    limits={"requests": f"{1000 + number}/s"}, budget={"usd": 1000 + number, "per": "month"}
                ),
                providers={"lab": {"base_url": fake.url, "api_key": f"sk-{number % 2}", "discover": False}},
            )
            for number, model in ((1, "acme/one"), (2, "acme/2"), (3, "acme/3"))
        ]
        statuses: list[int] = []
        over = asyncio.Event()

        async def load(model: str, stream: bool) -> None:
            while not over.is_set():
                answer = await ask(server, model, stream=stream)
                assert not stream or answer.text.endswith("data: [DONE]\n\n")
                statuses.append(answer.status_code)

        loop = asyncio.get_running_loop()
        kinds = [(model, stream) for model in ("acme/one", "auto") for stream in (False, True)]
        clients = [loop.create_task(load(*kind)) for kind in kinds + kinds[:2]]
        for number in range(RELOADS):
            answered_before = len(statuses)
            await server.reload(variants[number % 3])
            while len(statuses) == answered_before:
                await asyncio.sleep(0)
        over.set()
        await asyncio.gather(*clients)
        assert len(statuses) >= RELOADS
        assert set(statuses) == {200}
        await server.gateway.ledger.flush()
        rows = await server.rows("generations")
        assert len(rows) == len(statuses)
        assert {row["cost_nano"] for row in rows} <= {2_000_000, 4_000_000, 6_000_000, None}


async def test_administrators_reload_over_the_api() -> None:
    async with served() as (server, fake):
        path = "/v1/reload"
        assert (await server.client.post(path)).status_code == 403
        server.config = json.dumps(config(fake.url, server={"port": 1}))
        answer = await server.client.post(path, headers=MASTER)
        assert answer.json()["data"] == {"providers": 2, "models": 3, "needs_restart": ["server"]}
        server.config = json.dumps(config(fake.url, kyes=[]))
        refused = await server.client.post(path, headers=MASTER)
        assert refused.status_code == 400
        error = refused.json()["error"]
        assert error["code"] == "configuration_refused"
        (problem,) = error["metadata"]["problems"]
        assert (problem["message"], problem["line"]) == ("unknown key `kyes`", 1)
        server.gateway.reloader = None
        assert (await server.client.post(path, headers=MASTER)).status_code == 400


async def test_whoever_fails_otherwise_is_named_and_nothing_changes(tmp_path: Path) -> None:
    plugin = """
from pointsman import hookimpl
POINTSMAN_API = 1
@hookimpl
def startup(gateway): pass
@hookimpl
def reload(gateway, setup): 1 / 0
"""
    (tmp_path / "mine.py").write_text(plugin)
    plugins = {"plugins": {"./mine.py": {}}}
    async with running({"auth": "none", **plugins}, folder=tmp_path) as server:
        before = server.gateway.setup
        with pytest.raises(StartupError, match=r"plugin 'mine' .* failed in hook reload: ZeroDivisionError"):
            await server.reload({"auth": "none", "attempts": 2, **plugins})
        assert server.gateway.setup is before


async def test_one_that_fails_to_change_keeps_none_of_the_others_from_it(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """All have agreed by then: half of them by the old configuration would be worse than one."""
    plugin = """
from pointsman import hookimpl
POINTSMAN_API = 1
CHANGED = []
@hookimpl
def startup(gateway): pass
@hookimpl
def reload(gateway, setup):
    def change():
        CHANGED.append(setup.core.attempts)
        if NAME == "first":
            raise OSError("no room")
    return change
"""
    names = ("first", "second")
    for name in names:
        (tmp_path / f"{name}.py").write_text(f'NAME = "{name}"\n{plugin}')
    plugins = {"plugins": {f"./{name}.py": {} for name in names}}
    async with running({"auth": "none", **plugins}, folder=tmp_path) as server:
        left = await server.reload({"auth": "none", "attempts": 2, **plugins})
        assert left == ["plugins.first"]
        assert server.gateway.setup.core.attempts == 2
        for name in names:
            found = server.gateway.setup.plugins.get(name)
            assert found is not None
            assert found.target.CHANGED == [2]
    assert "plugin 'first' failed to go over to the new configuration" in caplog.text
    assert "no room" in caplog.text


async def test_a_server_that_stops_while_the_configuration_is_read_changes_nothing(tmp_path: Path) -> None:
    plugin = """
from pointsman import hookimpl
POINTSMAN_API = 1
@hookimpl
def startup(gateway): pass
@hookimpl
async def reload(gateway, setup):
    gateway.drain()
    return None
"""
    (tmp_path / "mine.py").write_text(plugin)
    plugins = {"plugins": {"./mine.py": {}}}
    async with running({"auth": "none", **plugins}, folder=tmp_path) as server:
        before = server.gateway.setup
        with pytest.raises(StartupError, match="the server is stopping"):
            await server.reload({"auth": "none", "attempts": 2, **plugins})
        assert server.gateway.setup is before


async def test_what_goes_wrong_otherwise_is_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    def unreadable() -> Document:
        raise MemoryError

    async with served() as (server, _):
        before = server.gateway.setup
        await Reloader(server.gateway, unreadable).try_to_reload()
        assert server.gateway.setup is before
    assert "the one before stays in force" in caplog.text


async def test_a_plugin_that_reads_its_settings_at_the_start_alone_needs_a_restart(tmp_path: Path) -> None:
    plugin = """
from dataclasses import dataclass
from pointsman import hookimpl
from pointsman.config import setting
POINTSMAN_API = 1
@dataclass(frozen=True)
class Mine:
    \"\"\"Mine.\"\"\"
    word: str = setting(default="x", help="A word.")
@hookimpl
def plugin_settings(register): register(Mine)
@hookimpl
def startup(gateway): pass
"""
    (tmp_path / "mine.py").write_text(plugin)
    async with running({"plugins": {"./mine.py": {"word": "a"}}}, folder=tmp_path) as server:
        assert await server.reload({"plugins": {"./mine.py": {"word": "a"}}}) == []
        assert await server.reload({"plugins": {"./mine.py": {"word": "b"}}}) == ["plugins.mine"]


async def test_files_are_watched(tmp_path: Path) -> None:
    """The configuration, what it includes, files that come to match a pattern, and those that go."""
    main, more = tmp_path / "proxy.yaml", tmp_path / "conf.d"
    more.mkdir()
    main.write_text("include: conf.d/*.yaml\nmodels: {a/one: {endpoints: [echo/echo]}}\n")

    def names() -> list[str]:
        return [each for each in server.gateway.setup.catalogue.models if not each.startswith("echo/")]

    async with running({}, folder=tmp_path) as server:
        reloader = Reloader(server.gateway, lambda: read(main, {}), env={})
        watch = Watch(reloader, read(main, {}))
        setup = server.gateway.setup
        await watch.look()
        assert server.gateway.setup is setup
        (more / "b.yaml").write_text("models: {b/two: {endpoints: [echo/echo]}}\n")
        await watch.look()
        assert names() == ["a/one", "b/two"]
        setup = server.gateway.setup
        await watch.look()
        assert server.gateway.setup is setup
        (more / "b.yaml").write_text("models: {b/two: {endpoint: [echo/echo]}}\n")
        await watch.look()
        assert server.gateway.setup is setup
        main.write_text("include: [conf.d/*.yaml, other.yaml]\nmodels: {a/three: {endpoints: [echo/echo]}}\n")
        (more / "b.yaml").unlink()
        await watch.look()
        assert server.gateway.setup is setup, "other.yaml is not there"
        (tmp_path / "other.yaml").write_text("models: {c/four: {endpoints: [echo/echo]}}\n")
        await watch.look()
        assert names() == ["a/three", "c/four"]


async def test_with_few_plugins_and_without_a_file() -> None:
    few = {**dict.fromkeys(standard_order(), False), "echo": {}, "openai": {}, "routes": {}}
    async with running({"plugins": few}) as server:
        assert await server.reload({"plugins": few, "attempts": 2}) == []
        assert (await ask(server, "echo/echo")).status_code == 200
        assert server.gateway.setup.core.attempts == 2
        with pytest.raises(StartupError, match="runs without a configuration file"):
            await Reloader(server.gateway, nothing_to_read).reload()
        assert server.gateway.setup.core.attempts == 2


async def test_a_server_that_stops_reloads_nothing() -> None:
    async with served() as (server, fake):
        server.gateway.drain()
        with pytest.raises(StartupError, match="starting or stopping"):
            await server.reload(config(fake.url))
