"""What administrators see of feedback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Serve = Callable[..., Any]


async def test_pages_hold_every_row_once_the_newest_first(serve: Serve) -> None:
    async with serve() as desk:
        ids = [await desk.ask() for _ in range(5)]
        for id in ids:
            await desk.vote(generation_id=id, thumb="up")
        seen, before = [], None
        while True:
            query = {"limit": 2, **({"before": before} if before else {})}
            page = (await desk.get("/v1/feedback", **query)).json()
            seen += [row["generation_id"] for row in page["data"]]
            before = page["next"]
            assert page["has_more"] == (before is not None)
            if before is None:
                break
    assert len(seen) == 5
    assert set(seen) == set(ids)


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"key": "bob"}, 1),
        ({"model": "acme/large"}, 2),
        ({"model": "acme/small"}, 0),
        ({"source": "vote", "kind": "thumb"}, 2),
        ({"source": "check"}, 0),
        ({"since": "2026"}, 2),
        ({"until": "2026"}, 0),
        ({"team": "red"}, 1),
    ],
)
async def test_rows_are_filtered(serve: Serve, query: dict[str, str], found: int) -> None:
    async with serve() as desk:
        for key in ("alice", "bob"):
            await desk.vote(key, generation_id=await desk.ask(key), thumb="up")
        answer = await desk.get("/v1/feedback", **query)
        assert answer.status_code == 200, answer.text
        assert len(answer.json()["data"]) == found


async def test_an_administrator_of_a_team_sees_that_team_only(serve: Serve) -> None:
    async with serve() as desk:
        for key in ("alice", "bob"):
            await desk.vote(key, generation_id=await desk.ask(key), thumb="up")
        seen = (await desk.get("/v1/feedback", "chief")).json()["data"]
        assert [row["key_name"] for row in seen] == ["alice"]
        assert (await desk.get("/v1/feedback", "alice")).status_code == 403


@pytest.mark.parametrize(
    "query", [{"limit": "0"}, {"limit": "many"}, {"colour": "red"}, {"source": "rumour"}, {"before": "x"}]
)
async def test_what_cannot_be_asked_is_refused(serve: Serve, query: dict[str, str]) -> None:
    async with serve() as desk:
        answer = await desk.get("/v1/feedback", **query)
        assert answer.status_code == 400, answer.text
