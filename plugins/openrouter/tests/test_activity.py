"""What was used, by day."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.testing import Running, running
from pointsman_openrouter.activity import _days

Serve = Callable[..., AbstractAsyncContextManager[Running]]
TODAY = datetime.now(UTC).date()


def headers(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def ask(served: Running, query: str = "", key: str = "root", status: int = 200) -> Any:
    answer = await served.client.get(f"/api/v1/activity{query}", headers=headers(key))
    assert answer.status_code == status, answer.text
    return answer.json()


class Past:
    """Writes generations of past days."""

    def __init__(self, served: Running) -> None:
        self.served = served
        self.count = 0
        plugin: Any = served.gateway.setup.plugins.get("keys")
        self.ids = {key.grants.name: key.id for key in plugin.target.directory}

    def write(self, days: int, key: str, *, team: str | None = None, **fields: Any) -> None:
        self.count += 1
        row = {
            "id": f"gen-{self.count}",
            "request_id": f"req-{self.count}",
            "at": f"{TODAY - timedelta(days=days)}T10:00:00.000+00:00",
            "key_id": self.ids[key],
            "team": team,
            "team_name": team,
            "dialect": "openai-chat",
            "surface": "chat",
            "model_asked": "acme/large",
            "model": "acme/large",
            "provider": "lab",
            "stream": False,
            "cached": False,
            "byok": False,
            "outcome": "complete",
            "attempts": 1,
            "input_tokens": 10,
            "output_tokens": 5,
            "cache_read_tokens": 0,
            "cache_write_tokens": 0,
            "reasoning_tokens": 2,
            "estimated": False,
            "cost_nano": 1_000_000_000,
            "billed_nano": 2_000_000_000,
            "total_ms": 5.0,
        }
        self.served.gateway.ledger.insert("generations", {**row, **fields})

    async def fill(self) -> None:
        self.write(0, "member")
        self.write(1, "member")
        self.write(1, "chief", team="red")
        self.write(2, "root", model="acme/own", provider="gone", cost_nano=None, billed_nano=None)
        self.write(30, "root")
        self.write(31, "root")
        self.write(3, "root", provider=None, model=None)
        await self.served.gateway.ledger.flush()


async def test_the_last_thirty_whole_days(serve: Serve, validate: Callable[..., None]) -> None:
    async with serve() as served:
        await Past(served).fill()
        answer = await ask(served)
        validate(answer, "/activity")
    days = [(str(TODAY - timedelta(days=number)), count) for number, count in ((1, 2), (2, 1), (30, 1))]
    assert [(row["date"], row["requests"]) for row in answer["data"]] == days
    assert answer["data"][0] == {
        "date": str(TODAY - timedelta(days=1)),
        "model": "acme/large",
        "model_permaslug": "acme/large",
        "endpoint_id": "lab/large",
        "provider_name": "lab",
        "usage": 4.0,
        "byok_usage_inference": 0.0,
        "requests": 2,
        "prompt_tokens": 20,
        "completion_tokens": 10,
        "reasoning_tokens": 4,
        "unpriced": 0,
    }
    unpriced = answer["data"][1]
    assert (unpriced["usage"], unpriced["unpriced"], unpriced["endpoint_id"]) == (0, 1, "gone/acme/own")


async def test_each_sees_what_it_may(serve: Serve) -> None:
    async with serve() as served:
        await Past(served).fill()
        seen = {
            key: sum(row["requests"] for row in (await ask(served, key=key))["data"])
            for key in ("root", "chief", "member", "viewer")
        }
    assert seen == {"root": 4, "chief": 1, "member": 1, "viewer": 0}


async def test_filters(serve: Serve, validate: Callable[..., None]) -> None:
    async with serve() as served:
        past = Past(served)
        await past.fill()
        made = await served.client.post("/api/v1/keys", json={"name": "x"}, headers=headers("root"))
        mine = made.json()["data"]
        past.ids["x"] = mine["id"]
        past.write(1, "x")
        await served.gateway.ledger.flush()

        async def count(query: str) -> int:
            return sum(row["requests"] for row in (await ask(served, query))["data"])

        assert await count(f"?date={TODAY}") == 1
        assert await count(f"?date={TODAY - timedelta(days=1)}") == 3
        assert await count(f"?api_key_hash={mine['hash']}") == 1
        assert await count(f"?user_id={mine['creator_user_id']}") == 1
        assert await count("?user_id=nobody") == 0
        assert await count("?workspace_id=red") == 1
        by_team = await ask(served, f"?group_by=workspace&date={TODAY - timedelta(days=1)}")
        validate(by_team, "/activity")
        assert sorted((row["workspace_id"], row["requests"]) for row in by_team["data"]) == [
            ("", 2),
            ("red", 1),
        ]
        await ask(served, "?api_key_hash=none", status=404)
        for query in ("?date=yesterday", "?date=2020-01-01", "?group_by=model", "?days=3"):
            await ask(served, query, status=400)


async def test_what_went_at_a_teams_own_expense_is_told_apart(serve: Serve) -> None:
    async with serve() as served:
        past = Past(served)
        past.write(1, "chief", team="red")
        past.write(1, "chief", team="red", byok=True)
        await served.gateway.ledger.flush()
        path = "/api/v1/teams/red/credentials/lab"
        await served.client.put(path, json={"key": "sk-own"}, headers=headers("root"))
        for query in ("", "?group_by=workspace"):
            (row,) = (await ask(served, query))["data"]
            assert (row["usage"], row["byok_usage_inference"]) == (2.0, 2.0)


async def test_without_records_there_is_no_activity() -> None:
    async with running("plugins: {usage: false, budgets: false}") as served:
        assert (await served.client.get("/api/v1/activity")).json() == {"data": []}


@pytest.mark.parametrize("days", [0, 30])
def test_one_day(days: int) -> None:
    day = TODAY - timedelta(days=days)
    assert _days(day.isoformat(), TODAY) == (day, day)
