"""Where commands ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.config import read_text
from pointsman.errors import StartupError
from pointsman.ledger.lock import WriterLock
from pointsman.setup import Setup, assemble
from pointsman_openrouter.desk import Desk, open_desk


@pytest.fixture
def setup(config: Callable[[str, str], str], tmp_path: Path) -> Setup:
    document = read_text(config("http://127.0.0.1:9", ""), name="proxy.yaml", env={}, base=tmp_path)
    return assemble(document, env={})


async def test_where_no_server_runs_the_ledger_is_opened_and_let_go_of(setup: Setup, tmp_path: Path) -> None:
    async with open_desk(setup, None) as desk:
        assert (await desk.named("root"))["name"] == "root"
        assert (tmp_path / "pointsman.db.lock").exists()
        with pytest.raises(StartupError, match="no key 'nobody'"):
            await desk.named("nobody")
    assert not (tmp_path / "pointsman.db.lock").exists()


async def test_a_server_that_does_not_answer_yet(setup: Setup, tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "pointsman.db")
    lock.acquire()
    try:
        with pytest.raises(StartupError, match="does not answer yet"):
            async with open_desk(setup, "key"):
                pass
        lock.announce("http://127.0.0.1:9")
        with pytest.raises(StartupError, match="give its admin key"):
            async with open_desk(setup, None):
                pass
        async with open_desk(setup, "key") as desk:
            with pytest.raises(StartupError, match="cannot be asked"):
                await desk.ask("GET", "/keys")
    finally:
        lock.release()


@pytest.mark.parametrize("text", ["<html>", "", "{"])
async def test_an_answer_that_is_no_json(text: str) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(502, text=text))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(StartupError, match="cannot be asked"):
            await Desk(client).ask("GET", "/keys")


async def test_keys_beyond_the_first_page_are_found() -> None:
    pages = {"0": [{"name": "a", "id": "1", "hash": "x"}], "1": [{"name": "b", "id": "2", "hash": "y"}]}

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"data": pages.get(request.url.params["offset"], [])})

    async with httpx.AsyncClient(
        transport=httpx.MockTransport(answer), base_url="http://localhost"
    ) as client:
        for name in ("b", "2", "y"):
            assert (await Desk(client).named(name))["name"] == "b"


@pytest.mark.parametrize(
    ("status", "data", "said"),
    [
        (403, {"error": {"message": "no"}}, "no"),
        (500, {"error": "odd"}, "answered with status 500"),
        (500, {}, "answered with status 500"),
        (200, ["a", "list"], "answered with status 200"),
    ],
)
async def test_what_another_server_may_answer(status: int, data: Any, said: str) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(status, json=data))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        with pytest.raises(StartupError, match=said):
            await Desk(client).ask("GET", "/keys")
