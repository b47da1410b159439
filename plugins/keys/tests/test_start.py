"""The start: what may stand under `keys:`, a server without any key, and the key of a session."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import json_schema, read, show_text
from pointsman.errors import ConfigError, StartupError
from pointsman.gateway import Gateway
from pointsman.setup import Setup, assemble
from pointsman.testing import Running, running

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

KEY = "pm-alice-0123456789"


@pytest.fixture
def setup(tmp_path: Path) -> Callable[[str], Setup]:
    """Assembles what a configuration file with these sections comes to."""

    def make(sections: str) -> Setup:
        path = tmp_path / "proxy.yaml"
        path.write_text(f"plugins: {{openai: {{}}, routes: {{}}, keys: {{}}}}\n{sections}\n")
        return assemble(read(path, env={}), env={})

    return make


@asynccontextmanager
async def started(setup: Setup) -> AsyncIterator[Gateway]:
    """The gateway of a setup, started."""
    gateway = Gateway(setup)
    await gateway.start()
    try:
        yield gateway
    finally:
        await gateway.stop()


@pytest.mark.parametrize("key", ["correct-horse", "hunter2", "sk-0123456789abcdef", "12345678", "f" * 63])
def test_a_key_in_place_of_its_digest_is_refused_and_not_printed(
    setup: Callable[[str], Setup], key: str
) -> None:
    with pytest.raises(ConfigError) as raised:
        setup(f"keys: [{{name: alice, key_hash: {key}}}]")
    text = str(raised.value)
    assert "`keys.0.key_hash`: this is not the SHA-256 of a key" in text
    assert 'printf %s "$KEY" | sha256sum' in text
    assert "take it out of the file" in text
    assert key not in text + repr(raised.value.problems)


def test_the_digest_of_an_unset_variable_is_refused(
    setup: Callable[[str], Setup], digest: Callable[[str], str]
) -> None:
    with pytest.raises(ConfigError, match="the SHA-256 of an empty text"):
        setup(f"keys: [{{name: alice, key_hash: {digest('')}}}]")


def test_two_keys_of_one_name_are_a_problem(
    setup: Callable[[str], Setup], digest: Callable[[str], str]
) -> None:
    with pytest.raises(ConfigError, match=r"`keys.1.name`: key 'alice' is here twice"):
        setup(f"keys: [{{name: alice, key_hash: {digest('a')}}}, {{name: alice, key_hash: {digest('b')}}}]")


def test_two_keys_of_one_digest_are_a_problem(
    setup: Callable[[str], Setup], digest: Callable[[str], str]
) -> None:
    same = digest("a")
    with pytest.raises(ConfigError, match=r"`keys.1.key_hash`: two keys have this digest"):
        setup(f"keys: [{{name: alice, key_hash: {same}}}, {{name: bob, key_hash: {same.upper()}}}]")


@pytest.mark.parametrize("line", ["expires: soon", "expires: 2030-13-01", "role: owner", "disabled: maybe"])
def test_a_setting_that_makes_no_sense_is_refused_with_its_place(
    setup: Callable[[str], Setup], digest: Callable[[str], str], line: str
) -> None:
    with pytest.raises(ConfigError, match=rf"keys\.0\.{line.split(':')[0]}"):
        setup(f"keys: [{{name: alice, key_hash: {digest('a')}, {line}}}]")


def test_the_configuration_in_effect_is_shown_without_digests(
    setup: Callable[[str], Setup], digest: Callable[[str], str]
) -> None:
    made = setup(f"keys: [{{name: alice, key_hash: {digest(KEY)}, expires: 2030-01-01}}]")
    text = show_text(made.config)
    assert "alice" in text
    assert "2030-01-01T00:00:00+00:00" in text
    assert digest(KEY) not in text


def test_editors_are_told_what_a_key_has(setup: Callable[[str], Setup]) -> None:
    text = str(json_schema(setup("").schema))
    assert all(word in text for word in ("key_hash", "expires", "viewer"))


@pytest.mark.parametrize("host", ["0.0.0.0", '"::"', "192.0.2.1"])
async def test_a_server_that_others_can_reach_does_not_start_without_a_key(
    setup: Callable[[str], Setup], host: str
) -> None:
    with pytest.raises(StartupError, match="no key at all: add one under `keys:`, or set admin_key"):
        async with started(setup(f"server: {{host: {host}}}")):
            pass


@pytest.mark.parametrize("key", ["admin_key: the-admin-key", "keys: [{name: alice, key_hash: HASH}]"])
async def test_a_server_that_others_can_reach_starts_with_any_key(
    setup: Callable[[str], Setup], digest: Callable[[str], str], key: str
) -> None:
    key = key.replace("HASH", digest(KEY))
    async with started(setup(f"server: {{host: 0.0.0.0}}\n{key}")) as gateway:
        assert gateway.ready


@pytest.mark.parametrize("server", ["", "server: {host: 0.0.0.0, socket: pointsman.sock}"])
async def test_a_server_that_nobody_else_can_reach_starts_without_a_key_and_warns(
    setup: Callable[[str], Setup], caplog: pytest.LogCaptureFixture, server: str
) -> None:
    async with started(setup(server)) as gateway:
        assert gateway.session_key is None
    assert "nobody can call this gateway, there is no key" in caplog.text


async def test_an_empty_admin_key_is_no_key(setup: Callable[[str], Setup]) -> None:
    with pytest.raises(StartupError, match="no key at all"):
        async with started(setup('server: {host: 0.0.0.0}\nadmin_key: "${NOT_SET:-}"')):
            pass


async def test_without_a_file_a_key_is_made_for_the_session(
    serve: Serve, ask: Ask, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve() as served:
        assert served.gateway.session_key is not None
        key = served.gateway.session_key.reveal()
        assert key.startswith("pm-")
        assert len(key) >= 32
        assert (await ask(served, {"x-api-key": key})).status_code == 200
        assert (await ask(served, {"x-api-key": "pm-guess"})).status_code == 401
        (row,) = await served.rows("generations")
        assert row["key_name"] == "session"
        assert key not in caplog.text
        assert key not in repr(served.gateway.session_key)


async def test_every_session_has_a_key_of_its_own(serve: Serve) -> None:
    async with serve() as one, serve() as two:
        assert one.gateway.session_key != two.gateway.session_key


async def test_no_key_is_made_where_there_is_one(serve: Serve, digest: Callable[[str], str]) -> None:
    async with serve(f"keys: [{{name: alice, key_hash: {digest(KEY)}}}]") as served:
        assert served.gateway.session_key is None


@pytest.mark.parametrize(
    ("data", "expected", "source"),
    [
        ("", (None, None, ""), ""),
        (", data: {retains: false}", (None, False, ""), "configuration"),
        (
            ", data: {trains: false, retains: true, retention: a week}",
            (False, True, "a week"),
            "configuration",
        ),
    ],
)
async def test_what_the_operator_knows_of_a_provider_counts(data: str, expected: Any, source: str) -> None:
    url = 'base_url: "http://127.0.0.1:9/v1"'
    async with running(
        f"providers: {{lab: {{{url}{data}}}}}\nmodels: {{m: {{endpoints: [lab/m]}}}}"
    ) as served:
        about = served.gateway.setup.providers["lab"].about
        assert (about.trains, about.retains, about.retention) == expected
        assert about.source == source
