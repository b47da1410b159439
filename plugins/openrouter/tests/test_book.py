"""The book, without a wire."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.errors import BadRequest, Unavailable
from pointsman.exchange import Actor
from pointsman.testing import Running, running
from pointsman_openrouter.book import Book

Serve = Callable[..., AbstractAsyncContextManager[Running]]

ROOT = Actor("root", "key-root", role="admin")


async def test_keys_come_by_name_and_in_pages(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pointsman_openrouter.book.PAGE", 2)
    async with serve() as served:
        book = Book(served.gateway)
        by = book.caller(ROOT, "")
        names = []
        for offset in range(0, 6, 2):
            page = await book.list_keys(by, {"offset": str(offset)})
            names.append([each["name"] for each in page["data"]])
        assert names == [["chief", "member"], ["root", "viewer"], []]


@pytest.mark.parametrize("offset", ["-1", "x", "1e3", "٣", "9" * 12])
async def test_a_number_is_one(serve: Serve, offset: str) -> None:
    async with serve() as served:
        book = Book(served.gateway)
        with pytest.raises(BadRequest, match="`offset` must be a number"):
            await book.list_keys(book.caller(ROOT, ""), {"offset": offset})


@pytest.mark.parametrize("body", [{"overlap": "soon"}, {"overlap": "60d"}, {"overlap": -1}, {"wait": 1}])
async def test_an_overlap_is_a_length_of_time(serve: Serve, body: dict[str, Any]) -> None:
    async with serve() as served:
        book = Book(served.gateway)
        by = book.caller(ROOT, "")
        hash = (await book.create_key(by, {"name": "a"}))["data"]["hash"]
        with pytest.raises(BadRequest):
            await book.rotate_key(by, hash, body)
        rotated = await book.rotate_key(by, hash, {})
        assert rotated["data"]["old_until"] is not None


@pytest.mark.parametrize(
    "body", [{}, {"name": 1}, {"name": None}, {"name": "a|b"}, {"name": "g", "budgets": 1}]
)
async def test_a_team_has_a_name_and_settings_that_are_known(serve: Serve, body: dict[str, Any]) -> None:
    async with serve() as served:
        book = Book(served.gateway)
        with pytest.raises(BadRequest):
            await book.create_team(book.caller(ROOT, ""), body)


async def test_without_the_plugin_keys_there_is_no_book() -> None:
    async with running("plugins: {keys: false, openrouter: {}}") as served:
        with pytest.raises(Unavailable, match="plugin keys is not in use"):
            Book(served.gateway)
        assert (await served.client.get("/api/v1/keys")).status_code == 503
