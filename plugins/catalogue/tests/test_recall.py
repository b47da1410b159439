"""Recall: a dry run knows what the ledger has, and compiles what it needs and has not got."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman.testing import FakeProvider, Script
from pointsman_catalogue import loaded, plugin_of, recall
from pointsman_catalogue.child import CompileError
from pointsman_catalogue.compile import Compiled
from pointsman_catalogue.rows import Row

Serve = Callable[..., Any]
CLOUD = "providers: {groq: {api_key: k}}"


def dry(folder: Path, text: str, **env: str) -> Any:
    return Gateway.dry(assemble(read_text(text, name="p", env=env, base=folder), env=env))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, everything: Compiled) -> list[int]:
    """How often it was compiled."""
    times: list[int] = []

    async def compiled() -> Compiled:
        times.append(1)
        return everything

    monkeypatch.setattr(recall, "compiled", compiled)
    return times


async def test_without_a_ledger_it_is_compiled_where_it_matters_and_nothing_is_left(
    tmp_path: Path, asked: list[int]
) -> None:
    async with dry(tmp_path, CLOUD) as gateway:
        assert "meta-llama/llama-3.3-70b-instruct" in gateway.setup.catalogue.models
        assert not gateway.setup.catalogue.pending
    assert asked == [1]
    async with dry(tmp_path, "providers: {lab: {base_url: 'http://127.0.0.1:1/v1'}}") as gateway:
        assert await plugin_of(gateway).store.version() is None
        await loaded(gateway, everything=False)
        assert asked == [1]
        await loaded(gateway, everything=True)
        await loaded(gateway, everything=True)
        assert await plugin_of(gateway).store.version() == "0.2.3"
    assert asked == [1, 1]
    assert list(tmp_path.iterdir()) == []


async def test_a_service_whose_key_the_environment_has_may_list_more(
    tmp_path: Path, asked: list[int]
) -> None:
    async with dry(tmp_path, "providers: {from_env: true}", GROQ_API_KEY="k") as gateway:
        assert gateway.setup.catalogue.pending
    async with dry(tmp_path, "providers: {from_env: true}") as gateway:
        assert not gateway.setup.catalogue.pending


async def test_what_the_ledger_has_is_read(tmp_path: Path, serve: Serve, asked: list[int]) -> None:
    rows = [Row("acme/a", "groq", "a", True, {"context": 1}, source="genai-prices 0.2.3")]
    async with FakeProvider(Script.json({"data": [{"id": "m-1"}]})) as fake:
        line = f'lab: {{base_url: "{fake.url}", discover: true}}'
        async with serve("groq: {api_key: k}", line, rows=rows) as server:
            await plugin_of(server.gateway).keeper.refresh()
        text = f"providers: {{groq: {{api_key: k}}, {line}}}"
        async with dry(tmp_path, text) as gateway:
            assert {"acme/a", "lab/m-1"} <= gateway.setup.catalogue.models.keys()
            assert not gateway.setup.catalogue.pending
    assert asked == []


async def test_nobody_is_asked_and_more_may_come(tmp_path: Path, asked: list[int]) -> None:
    async with FakeProvider(Script.json({"data": [{"id": "m-1"}]})) as fake:
        text = f'providers: {{lab: {{base_url: "{fake.url}", discover: true}}}}'
        async with dry(tmp_path, text) as gateway:
            assert gateway.setup.catalogue.pending
        assert fake.requests == []


async def test_prices_may_be_off_and_may_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def compiled() -> Compiled:
        raise CompileError("it is broken")

    monkeypatch.setattr(recall, "compiled", compiled)
    async with dry(tmp_path, CLOUD + "\nplugins: {catalogue: {prices: false}}"):
        assert "no prices" not in caplog.text
    async with dry(tmp_path, CLOUD) as gateway:
        assert await plugin_of(gateway).store.rows() == []
    assert "no prices: it is broken" in caplog.text
