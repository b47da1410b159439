"""How a command reaches the server that runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from pointsman.asking import ask_to_reload, client_of
from pointsman.config import Document, read_text
from pointsman.errors import ConfigError, StartupError
from pointsman.ledger.lock import WriterLock
from pointsman.testing import running

CONFIG = {"auth": "keys", "admin_key": "master", "models": {"a/b": {"endpoints": ["echo/echo"]}}}
TEXT = """
ledger: sqlite:///pointsman.db
admin_key: master
providers: {lab: {api_key: "${NOT_SET_HERE}"}}
"""


def document(text: str, folder: Path) -> Document:
    return read_text(text, name="proxy.yaml", env={}, base=folder)


async def test_the_server_is_found_whatever_is_wrong_with_the_rest(tmp_path: Path) -> None:
    async with running(CONFIG, folder=tmp_path, key="master"):
        lines = await ask_to_reload(document(TEXT, tmp_path), None)
        assert lines == ["reloaded: 1 providers, 2 models"]


async def test_what_the_server_refuses_is_told_as_it_tells_it(tmp_path: Path) -> None:
    async with running(CONFIG, folder=tmp_path, key="master") as server:
        server.config = "admin_key: master\nmodls: {}\nlog: {level: loud}\n"
        with pytest.raises(ConfigError) as refused:
            await ask_to_reload(document(TEXT, tmp_path), "master")
        first = refused.value.problems[0]
        assert (first.message, first.line) == ("unknown key `modls`", 2)
        assert len(refused.value.problems) == 2
        server.config = "admin_key: master\nserver: {port: 1}\n"
        lines = await ask_to_reload(document(TEXT, tmp_path), "master")
        assert lines[1:] == ["server stays as it is until a restart"]
        with pytest.raises(StartupError, match="not known: give its admin key with --key"):
            await ask_to_reload(document(TEXT, tmp_path), "somebody")


async def test_where_there_is_no_server_nobody_is_asked(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"no server runs that has the ledger 'sqlite:///pointsman\.db'"):
        await ask_to_reload(document(TEXT, tmp_path), None)
    with pytest.raises(ConfigError, match="this is not YAML"):
        await ask_to_reload(document("models: [", tmp_path), None)
    with pytest.raises(ConfigError, match="ledger"):
        await ask_to_reload(document("ledger: [1]", tmp_path), None)


async def test_a_server_that_does_not_answer(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "pointsman.db")
    lock.acquire()
    try:
        with pytest.raises(StartupError, match="does not answer yet"):
            await ask_to_reload(document(TEXT, tmp_path), None)
        lock.announce("http://127.0.0.1:9")
        with pytest.raises(StartupError, match="cannot be asked"):
            await ask_to_reload(document(TEXT, tmp_path), None)
    finally:
        lock.release()


async def test_a_server_on_a_unix_socket_is_asked_there(tmp_path: Path) -> None:
    async with client_of(f"unix:{tmp_path}/none.sock", None) as client:
        assert str(client.base_url) == "http://localhost"
        assert "authorization" not in client.headers
