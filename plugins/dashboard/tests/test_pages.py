"""What the pages show, of whose requests, and that what comes from outside stays text."""

from __future__ import annotations

import csv
import io
from typing import Any

import httpx
import pytest

from pointsman.testing import Running

from .conftest import Serve, browser

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


async def chat(served: Running, name: str, model: str = "acme/large", **more: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer the-key-of-{name}", **more.pop("headers", {})}
    body = {"model": model, "messages": [{"role": "user", "content": "hello"}], **more}
    answer = await served.client.post("/v1/chat/completions", json=body, headers=headers)
    await served.gateway.ledger.flush()
    return answer


async def test_every_page_forbids_what_is_not_ours(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        for page in ("login", "overview", "leaderboard", "providers", "prices", "logs", "keys", "playground"):
            answer = await root.get(page)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["x-content-type-options"] == "nosniff"
            for word in ("http://", "https://", "style=", "<script>", "javascript:", "onclick"):
                assert word not in answer.text.replace("http://www.w3.org/2000/svg", ""), (page, word)


async def test_files_are_there_and_no_others(serve: Serve) -> None:
    async with serve() as served, browser(served) as guest:
        for name, kind in (
            ("style.css", "text/css"),
            ("app.js", "text/javascript"),
            ("icon.svg", "image/svg+xml"),
        ):
            answer = await guest.get(f"static/{name}")
            assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (200, kind)
        for name in ("nothing.js", "..%2fsite.py", "__init__.py"):
            assert (await guest.get(f"static/{name}")).status_code == 404


async def test_the_overview_adds_up_what_was_asked(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        empty = (await root.get("overview")).text
        assert "No request was answered in this time." in empty
        for model in ("acme/large", "acme/large", "acme/small"):
            await chat(served, "member", model)
        page = (await root.get("overview?by=model&measure=requests&span=1h")).text
        assert ">3</dd>" in page
        rows = await table(root, "overview?span=24h", "top_model")
        assert {row["model"]: row["requests"] for row in rows} == {"acme/large": "2", "acme/small": "1"}
        keys = await table(root, "overview?span=24h", "top_key")
        assert [row["key"] for row in keys] == ["member"]


async def test_a_member_sees_its_own_requests_and_an_administrator_of_a_team_the_teams(serve: Serve) -> None:
    async with serve() as served:
        for name in ("root", "member", "chief"):
            await chat(served, name)
        seen = {}
        for name in ("root", "member", "chief", "viewer"):
            async with browser(served, name) as somebody:
                rows = await table(somebody, "logs", "requests")
                seen[name] = {row["key_name"] for row in rows}
                more = await table(somebody, "logs?key=root", "requests")
                if name != "root":
                    assert all(row["key_name"] != "root" for row in more)
    assert seen == {
        "root": {"root", "member", "chief"},
        "member": {"member"},
        "chief": {"chief"},
        "viewer": set(),
    }


async def test_one_generation_is_told_in_full_to_those_who_may_see_it(serve: Serve) -> None:
    async with serve() as served:
        headers = {"x-pointsman-explain": "true"}
        answer = await chat(served, "root", headers=headers)
        id = answer.headers["x-generation-id"]
        async with browser(served, "root") as root:
            page = (await root.get(f"logs/{id}")).text
            assert "echo/echo" in page
            assert "&#34;candidates&#34;" in page
            assert "not kept (log_bodies)" in page
        async with browser(served, "member") as member:
            assert (await member.get(f"logs/{id}")).status_code == 404
            assert (await member.get("logs/gen-nothing")).status_code == 404


async def test_logged_texts_are_shown_as_texts(serve: Serve) -> None:
    more = "secret_key: a-key-that-seals-what-must-be-secret\nplugins: {usage: {log_bodies: all}}"
    async with serve(more) as served, browser(served, "root") as root:
        answer = await chat(served, "root", messages=[{"role": "user", "content": EVIL}])
        page = (await root.get(f"logs/{answer.headers['x-generation-id']}")).text
        assert "alert(1)" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page


async def test_what_clients_name_stays_text_everywhere(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        await chat(
            served, "root", model=EVIL, headers={"x-title": EVIL.replace('"', "'"), "http-referer": EVIL}
        )
        await chat(served, "root", user=EVIL, headers={"x-title": "<b>app</b>"})
        for page in ("overview?span=1h", "overview?by=app", "logs", f"logs?model={EVIL}", f"prices?q={EVIL}"):
            text = (await root.get(page)).text
            assert "<script>alert" not in text, page
            assert "<img src=x" not in text, page
            assert "<b>app" not in text, page


async def test_new_rows_follow_as_texts(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        await chat(served, "root")
        page = (await root.get("logs")).text
        place = page.partition('data-place="')[2].partition('"')[0]
        told = (await root.get(f"logs/tail?after={place}")).json()
        assert told == {"place": place, "rows": []}
        answer = await chat(served, "member", "acme/small")
        told = (await root.get(f"logs/tail?after={place}")).json()
        ((*cells,),) = told["rows"]
        assert cells[0]["link"] == f"/dashboard/logs/{answer.headers['x-generation-id']}"
        assert [cell["text"] for cell in cells[1:4]] == ["member", "acme/small", "echo/echo"]
        assert (await root.get("logs/tail?after=x")).status_code == 400
        async with browser(served, "viewer") as viewer:
            assert (await viewer.get(f"logs/tail?after={place}")).json()["rows"] == []


async def test_logs_go_on_page_by_page(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        for _ in range(103):
            await chat(served, "root")
        first = await root.get("logs")
        older = first.text.partition('<a href="?before=')[2].partition('"')[0]
        rows = await table(root, "logs", "requests")
        rest = await table(root, f"logs?before={older}", "requests")
        assert (len(rows), len(rest)) == (100, 3)
        assert (await root.get("logs?before=gen-nothing")).status_code == 404
        assert (await root.get("logs?outcome=odd")).status_code == 400
        assert (await root.get("logs?cost_over=much")).status_code == 400
        assert await table(root, "logs?outcome=failed", "requests") == []


@pytest.mark.parametrize("page", ["overview?span=2w", "overview?csv=nothing", "logs?csv=nothing"])
async def test_what_is_not_there_is_said_on_a_page(serve: Serve, page: str) -> None:
    async with serve() as served, browser(served, "root") as root:
        answer = await root.get(page)
        assert answer.status_code in (400, 404)
        assert "<h1>4" in answer.text


async def test_prices_are_those_of_models_that_a_key_may_use(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        rows = {row["model"]: row for row in await table(root, "prices", "prices")}
        assert (rows["acme/large"]["input"], rows["acme/large"]["output"]) == ("3000000000", "15000000000")
        assert rows["echo/echo"]["source"] == "unpriced"
        found = await table(root, "prices?q=SMALL", "prices")
        assert [row["model"] for row in found] == ["acme/small"]


async def test_the_leaderboard_tells_use_quality_and_value_with_what_they_rest_on(serve: Serve) -> None:
    config = """
plugins: {feedback: {max_share: 100%, signals: {sample: 0%}}}
routes: [{name: law, when: {model: acme/large}, use: {task: legal}}]
"""
    async with serve(config) as served, browser(served, "root") as root:
        assert "Nobody has said how good any answer was" in (await root.get("leaderboard")).text
        for number in range(40):
            answer = await chat(served, "root")
            body = {
                "generation_id": answer.headers["x-generation-id"],
                "score": float(number % 4 > 0),
            }
            voted = await served.client.post(
                "/v1/feedback", json=body, headers={"authorization": "Bearer the-key-of-root"}
            )
            assert voted.status_code == 200
        await chat(served, "root", "acme/small")
        served.gateway.setup.plugins.get("leaderboard").target._pages = None  # type: ignore[union-attr]
        (row,) = await table(root, "leaderboard?window=24h", "quality")
        assert (row["model"], row["n"], row["said_by"]) == ("acme/large", "40", "vote 40")
        assert 0.6 < float(row["mean"]) < 0.85
        (value,) = await table(root, "leaderboard?window=24h", "value")
        assert float(value["cost_nano"]) > 0
        used = await table(root, "leaderboard?window=24h&by=model", "usage")
        assert [each["name"] for each in used] == ["acme/large", "acme/small"]
        page = (await root.get("leaderboard?window=24h")).text
        assert "Quality: legal" in page
        assert "Savings" in page
        assert (await root.get("leaderboard?window=soon")).status_code == 400


async def test_endpoints_have_their_uptime_and_hours(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        for _ in range(3):
            await chat(served, "root")
        (row,) = await table(root, "providers?window=24h", "endpoints")
        assert (row["endpoint"], row["uptime"], row["status"]) == ("echo/echo", "1.0", "too few requests")
        hours = await table(root, "providers", "week-echo")
        assert len(hours) == 168
        assert sum(int(hour["n"]) for hour in hours) == 3
        assert "fewer than two providers" in (await root.get("providers")).text


async def table(somebody: Any, page: str, figure: str) -> list[dict[str, str]]:
    """The rows of a figure, from its CSV."""
    answer = await somebody.get(f"{page}{'&' if '?' in page else '?'}csv={figure}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return [*csv.DictReader(io.StringIO(answer.text))]


@pytest.mark.parametrize(("span", "columns"), [("1h", 60), ("7d", 56), ("30d", 30), ("90d", 30), ("1y", 52)])
async def test_charts_have_about_as_many_times_however_long_the_span(
    serve: Serve, span: str, columns: int
) -> None:
    async with serve() as served, browser(served, "root") as root:
        await chat(served, "root")
        rows = await table(root, f"overview?span={span}&measure=requests", "over_time")
        assert len(rows) == columns
        assert [float(row["0"] or 0) for row in rows] == [0] * (columns - 1) + [1]


async def test_a_table_ends_somewhere_and_its_csv_does_not(serve: Serve) -> None:
    models = "".join(f"  m/{number}: {{endpoints: [echo/echo]}}\n" for number in range(150))
    async with serve(models) as served, browser(served, "root") as root:
        page = (await root.get("prices")).text
        assert page.count("<tr>") == 101
        more = len(await table(root, "prices", "prices")) - 100
        assert f"{more} more are in the CSV." in page


async def test_hours_of_the_week_are_those_of_one_provider_at_a_time(serve: Serve) -> None:
    other = "providers: {second: {vendor: echo}}\n"
    models = "  acme/other: {endpoints: [second/echo]}\n"
    async with serve(models + other) as served, browser(served, "root") as root:
        for model in ("acme/large", "acme/other"):
            await chat(served, "root", model)
        page = (await root.get("providers?provider=second")).text
        assert "second by hour of the week" in page
        assert "echo by hour of the week" not in page
        assert "echo by hour of the week" in (await root.get("providers?provider=<b>")).text
