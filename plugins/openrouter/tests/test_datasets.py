"""Rankings of models, applications and tasks, in the shapes of the specification."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pointsman.testing import Running
from pointsman_usage.generations import GENERATIONS

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Validate = Callable[..., None]
TODAY = datetime.now(UTC).date()
EMPTY = {"text": "", "integer": 0, "real": 0.0, "boolean": False}
DAILY, APPS, TASKS = "/datasets/rankings-daily", "/datasets/app-rankings", "/classifications/task"


def day(ago: int) -> str:
    return (TODAY - timedelta(days=ago)).isoformat()


class Past:
    """Writes what was used some days ago."""

    def __init__(self, served: Running) -> None:
        self.served = served
        self._number = 0

    def write(self, ago: int, model: str = "acme/large", tokens: int = 100, **fields: Any) -> None:
        self._number += 1
        row = {name: EMPTY[column.type] for name, column in GENERATIONS.columns.items() if column.required}
        row |= {
            "id": f"gen-{self._number}",
            "at": f"{day(ago)}T10:00:00.000+00:00",
            "model": model,
            "provider": "lab",
            "outcome": "complete",
            "attempts": 1,
            "input_tokens": tokens,
            "output_tokens": 0,
            "key_id": "nobody",
        }
        self.served.gateway.ledger.insert("generations", {**row, **fields})

    async def ask(self, path: str, key: str = "root", status: int = 200, **query: Any) -> Any:
        await self.served.gateway.ledger.flush()
        headers = {"authorization": f"Bearer {key}"}
        answer = await self.served.client.get(f"/api/v1{path}", params=query, headers=headers)
        assert answer.status_code == status, answer.text
        return answer.json()


async def test_any_span_of_days_has_a_trend(serve: Serve, validate: Validate) -> None:
    """Three times as long before would be before all calendars."""
    async with serve() as served:
        past = Past(served)
        past.write(1, app="New")
        found = await past.ask(APPS, sort="trending", start_date="2025-01-01", end_date="9999-12-31")
    validate(found, APPS)
    assert [row["app_name"] for row in found["data"]] == ["New"]


async def test_fifty_models_a_day_and_the_rest_as_one(serve: Serve, validate: Validate) -> None:
    async with serve() as served:
        past = Past(served)
        for number in range(52):
            past.write(2, f"acme/m{number:02d}", 1000 - number // 2)
        past.write(1, "acme/large", 7)
        past.write(1, "acme/free", 0)
        past.write(0, "acme/large", 99)
        found = await past.ask(DAILY)
    validate(found, DAILY)
    rows = [row for row in found["data"] if row["date"] == day(2)]
    assert len(rows) == 51
    assert [row["model_permaslug"] for row in rows[:3]] == ["acme/m00", "acme/m01", "acme/m02"]
    assert rows[-1] == {"date": day(2), "model_permaslug": "other", "total_tokens": str(975 + 975)}
    assert found["data"][-1] == {"date": day(1), "model_permaslug": "acme/large", "total_tokens": "7"}
    assert (found["meta"]["start_date"], found["meta"]["end_date"]) == (day(31), day(1))


@pytest.mark.parametrize("period", ["week", "month"])
async def test_longer_periods_begin_with_their_first_day(
    serve: Serve, validate: Validate, period: str
) -> None:
    async with serve() as served:
        past = Past(served)
        for ago in range(1, 15):
            past.write(ago)
        found = await past.ask(DAILY, period=period, start_date=day(14))
    validate(found, DAILY)
    days = [datetime.fromisoformat(row["date"]) for row in found["data"]]
    assert all(each.weekday() == 0 if period == "week" else each.day == 1 for each in days)
    assert sum(int(row["total_tokens"]) for row in found["data"]) == 1400


async def test_a_category_is_a_task(serve: Serve) -> None:
    async with serve() as served:
        past = Past(served)
        past.write(1, task="programming")
        past.write(1, "acme/other")
        found = await past.ask(DAILY, category="programming")
        assert [row["model_permaslug"] for row in found["data"]] == ["acme/large"]
        await past.ask(DAILY, status=400, category="programming", period="day")


@pytest.mark.parametrize(
    "query",
    [
        {"start_date": "soon"},
        {"end_date": "2024-12-31"},
        {"start_date": "2026-01-02", "end_date": "2026-01-01"},
        {"period": "hour"},
        {"modality": "image"},
        {"category": "gossip"},
        {"colour": "red"},
    ],
)
async def test_what_cannot_be_asked_is_refused(serve: Serve, query: dict[str, str]) -> None:
    async with serve() as served:
        await Past(served).ask(DAILY, status=400, **query)


async def test_applications_by_tokens_and_by_growth(serve: Serve, validate: Validate) -> None:
    async with serve() as served:
        past = Past(served)
        for app, now, before in (("Big", 900, 3000), ("New", 500, 0), ("Same", 500, 1500), (None, 9999, 0)):
            past.write(1, tokens=now, app=app)
            if before:
                past.write(3, tokens=before, app=app)
        span = {"start_date": day(1), "end_date": day(1)}
        popular = await past.ask(APPS, **span)
        trending = await past.ask(APPS, sort="trending", **span)
        second = await past.ask(APPS, limit=1, offset=1, **span)
        coding = await past.ask(APPS, category="coding", **span)
        again = await past.ask(APPS, **span)
    for found in (popular, trending, second, coding):
        validate(found, APPS)
    assert [(row["rank"], row["app_name"]) for row in popular["data"]] == [
        (1, "Big"),
        (2, "New"),
        (3, "Same"),
    ]
    assert [row["app_name"] for row in trending["data"]] == ["New"]
    assert [(row["rank"], row["app_name"]) for row in second["data"]] == [(2, "New")]
    assert coding["data"] == []
    assert again["data"] == popular["data"]


async def test_shares_of_tasks_add_up(serve: Serve, validate: Validate) -> None:
    async with serve() as served:
        past = Past(served)
        past.write(1, "acme/large", 300, task="programming")
        past.write(2, "acme/small", 100, task="programming")
        past.write(1, "acme/large", 400, task="extraction")
        past.write(1, tokens=200, task="summarisation")
        past.write(1, tokens=5000)
        past.write(1, tokens=5000, task="general")
        past.write(8, tokens=5000, task="maths")
        past.write(0, tokens=5000, task="maths")
        found = await past.ask(TASKS)
        empty = await past.ask(TASKS, key="member")
        await past.ask(TASKS, status=400, window="30d")
    for answer in (found, empty):
        validate(answer, TASKS)
    data = found["data"]
    assert (data["window_days"], data["as_of"]) == (7, day(1))
    assert data["classifications"][0]["tag"] == "code:general_impl"
    assert sum(each["usage_share"] for each in data["classifications"]) == pytest.approx(1)
    assert sum(each["token_share"] for each in data["classifications"]) == pytest.approx(1)
    assert sum(each["usage_share"] for each in data["macro_categories"]) == pytest.approx(1)
    code = data["classifications"][0]
    assert (code["usage_share"], code["token_share"]) == (0.5, 0.4)
    assert code["category_usage_share"] == 1
    assert [(each["id"], each["tag_token_share"]) for each in code["models"]] == [
        ("acme/large", 0.75),
        ("acme/small", 0.25),
    ]
    inside = [each for each in data["classifications"] if each["macro_category"] == "data"]
    assert sum(each["category_token_share"] for each in inside) == pytest.approx(1)
    assert empty["data"]["classifications"] == []
