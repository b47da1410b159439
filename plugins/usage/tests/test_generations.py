"""The row: where an application's name comes from, and what is cut."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime

import httpx
import pytest

from pointsman.errors import BadRequest
from pointsman.exchange import Actor, Exchange, Level
from pointsman.gateway import Gateway
from pointsman_usage.generations import GENERATIONS, MOST_ACTORS, Generations, app_of, timestamp

Serve = Callable[..., AbstractAsyncContextManager[tuple[Gateway, httpx.AsyncClient]]]


ADDRESS = "https://notebook.example"


@pytest.mark.parametrize(
    ("headers", "app", "address"),
    [
        ({}, None, None),
        ({"x-title": "  "}, None, None),
        ({"x-title": "  ", "http-referer": ADDRESS}, ADDRESS, ADDRESS),
        ({"x-title": "Notebook"}, "Notebook", None),
        ({"x-openrouter-title": "Notebook"}, "Notebook", None),
        ({"http-referer": ADDRESS}, ADDRESS, ADDRESS),
        ({"http-referer": " "}, None, None),
        ({"http-referer": ADDRESS, "x-title": "Notebook"}, "Notebook", ADDRESS),
    ],
)
def test_an_application_is_known_by_its_title_else_by_its_address(
    headers: dict[str, str], app: str | None, address: str | None
) -> None:
    assert app_of(headers) == (app, address)


def test_a_long_name_of_an_application_is_cut() -> None:
    assert app_of({"x-title": "x" * 10_000, "http-referer": "y" * 10_000}) == ("x" * 500, "y" * 500)


@pytest.mark.parametrize(
    "at",
    [
        datetime(2026, 11, 20, 10, 0, 0, 0, UTC),
        datetime(2026, 11, 20, 10, 0, 0, 999, UTC),
        datetime(2026, 11, 20, 10, 0, 0, 999_999, UTC),
        datetime(2028, 2, 29, 23, 59, 59, 1_000, UTC),
    ],
)
def test_a_time_is_what_isoformat_makes_of_it(at: datetime) -> None:
    assert timestamp(at) == at.isoformat(timespec="milliseconds")


async def test_an_exchange_that_never_got_to_an_attempt_has_a_row_without_endpoint(serve: Serve) -> None:
    async with serve() as (gateway, _):
        exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
        exchange.error = BadRequest("no" * 1000)
        row = dict(zip(GENERATIONS.columns, Generations().row(exchange), strict=True))
    assert [row[name] for name in ("model", "provider", "endpoint", "lane", "input_tokens")] == [None] * 5
    assert (row["attempts"], row["tried"]) == (0, None)
    assert row["error"] == "no" * 250


async def test_what_is_remembered_of_actors_is_theirs_and_bounded(serve: Serve) -> None:
    rows = Generations()
    names = []
    async with serve() as (gateway, _):
        for number in range(MOST_ACTORS + 2):
            exchange = Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), {})
            exchange.actor = Actor(f"{number}", f"key-{number}", levels=(Level("team", "t", f"T{number}"),))
            for _ in range(2):
                row = dict(zip(GENERATIONS.columns, rows.row(exchange), strict=True))
                names.append((row["key_name"], row["team_name"], row["organisation"]))
    assert names[::2] == names[1::2] == [(f"{n}", f"T{n}", None) for n in range(MOST_ACTORS + 2)]
    assert len(rows._owners) <= MOST_ACTORS


def test_every_column_is_described() -> None:
    assert all(column.help.endswith(".") for column in GENERATIONS.columns.values())
