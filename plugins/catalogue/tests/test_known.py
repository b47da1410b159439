"""What is known everywhere, for other plugins: here and at vendors that nobody configured."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.errors import StartupError
from pointsman.gateway import Gateway
from pointsman.setup import assemble
from pointsman_catalogue import known, plugin_of
from pointsman_catalogue.rows import Row

Serve = Callable[..., Any]
RowOf = Callable[..., Row]


@pytest.fixture
def rows(row: RowOf) -> list[Row]:
    return [
        row("groq", "a-groq", "acme/a", context=1),
        row("together", "a-together", "acme/a", context=2),
        row("together", "b-together", "acme/b", context=3),
        row("together", "odd", context=4),
        row("somewhere-else", "b", "acme/b"),
    ]


async def test_endpoints_here_and_elsewhere(serve: Serve, rows: list[Row]) -> None:
    async with serve("groq: {api_key: k}", rows=rows) as server:
        found = await known.endpoints(server.gateway)
        told = {f"{each.vendor}/{each.native_id}": (each.model, each.configured) for each in found}
        assert told == {
            "echo/echo": ("echo/echo", True),
            "groq/a-groq": ("acme/a", True),
            "together/a-together": ("acme/a", False),
            "together/b-together": ("acme/b", False),
            "together/odd": ("together/odd", False),
            "somewhere-else/b": ("acme/b", False),
        }
        contexts = {each.vendor: each.facts["context"].value for each in found if each.model == "acme/a"}
        assert contexts == {"groq": 1, "together": 2}


async def test_names_that_look_alike(serve: Serve, rows: list[Row]) -> None:
    async with serve("groq: {api_key: k}", rows=rows) as server:
        assert await known.near(server.gateway, "acme/bb") == ["acme/b", "acme/a"]
        assert await known.near(server.gateway, "mine/on", ["mine/one"]) == ["mine/one"]


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("acme/a", [("groq", True), ("together", False)]),
        ("acme/b", [("together", False)]),  # there is no provider of the other vendor to be configured
        ("together/odd", [("together", False)]),
        ("b-together", [("together", False)]),
        ("nowhere", []),
    ],
)
async def test_who_would_serve(serve: Serve, rows: list[Row], name: str, served: list[Any]) -> None:
    async with serve("groq: {api_key: k}", rows=rows) as server:
        found = await known.servers(server.gateway, name)
        assert [(each.vendor, each.configured) for each in found] == served


def test_the_price_that_counts_at_a_time() -> None:
    history = [{"input": "1"}, {"input": "2", "from": "2026-06-01"}, {"input": "3", "from": "2030-01-01"}]
    assert known.current(history, datetime(2026, 5, 31, 23, tzinfo=UTC)) == {"input": "1"}
    assert known.current(history)["input"] == "2"
    assert known.current({"input": "1"}) == {"input": "1"}
    assert known.current([{"input": "1", "from": "2030-01-01"}]) == {}


async def test_without_the_plugin_nothing_is_known(tmp_path: Path) -> None:
    setup = assemble(read_text("plugins: {catalogue: false}", name="p", env={}, base=tmp_path), env={})
    async with Gateway.dry(setup) as gateway:
        with pytest.raises(StartupError, match="not in use"):
            plugin_of(gateway)
