"""The row: where an application's name comes from, and what is cut."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.errors import BadRequest
from pointsman.exchange import Exchange
from pointsman.gateway import Gateway
from pointsman_usage.generations import GENERATIONS, app_of, generation

Serve = Callable[[], AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


@pytest.mark.parametrize(
    ("headers", "app"),
    [
        ({}, None),
        ({"x-title": "  "}, None),
        ({"x-title": "Notebook"}, "Notebook"),
        ({"x-openrouter-title": "Notebook"}, "Notebook"),
        ({"http-referer": "https://notebook.example"}, "https://notebook.example"),
        ({"http-referer": "https://notebook.example", "x-title": "Notebook"}, "Notebook"),
    ],
)
def test_an_application_is_known_by_its_title_else_by_its_address(
    headers: dict[str, str], app: str | None
) -> None:
    assert app_of(headers) == app


def test_a_long_name_of_an_application_is_cut() -> None:
    assert app_of({"x-title": "x" * 10_000}) == "x" * 500


async def test_an_exchange_that_never_got_to_an_attempt_has_a_row_without_endpoint(serve: Serve) -> None:
    async with serve() as (gateway, _):
        exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
        exchange.error = BadRequest("no" * 1000)
        row = generation(exchange)
    assert row.keys() <= GENERATIONS.columns.keys()
    assert row.keys().isdisjoint({"model", "provider", "endpoint"})
    assert row["attempts"] == 0
    assert len(row["error"]) == 500
    assert "input_tokens" not in row


def test_every_column_is_described() -> None:
    assert all(column.help.endswith(".") for column in GENERATIONS.columns.values())
