"""Every page in a browser: nothing goes wrong, nothing comes from elsewhere, and what it offers works."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.testing import Running

from .conftest import KEY, Visiting

PAGES = ("overview", "leaderboard", "providers", "prices", "logs", "keys", "playground")
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>"
LARGEST = 150_000
"""Bytes of a page."""


async def chat(served: Running, **more: Any) -> str:
    headers = {"authorization": f"Bearer {KEY}", **more.pop("headers", {})}
    body = {"model": "acme/large", "messages": [{"role": "user", "content": "hello"}], **more}
    answer = await served.client.post("/v1/chat/completions", json=body, headers=headers)
    await served.gateway.ledger.flush()
    return answer.headers["x-generation-id"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
async def test_every_page_is_whole_small_and_as_wide_as_the_window(
    visiting: Visiting, served: Running, width: int, scheme: str
) -> None:
    id = await chat(served, headers={"x-pointsman-explain": "true"})
    async with visiting(width=width, scheme=scheme) as visit:
        for path in (*PAGES, f"logs/{id}"):
            answer = await visit.go(path)
            assert answer.status == 200, path
            assert len(await answer.body()) < LARGEST, path
            wide = await visit.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, path
            back = await visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
            assert (sum(map(int, back[4:-1].split(","))) > 384) == (scheme == "light")


async def test_what_strangers_name_stays_text(visiting: Visiting, served: Running) -> None:
    for _ in range(2):
        await chat(served, user=EVIL, headers={"x-title": EVIL, "http-referer": f"https://{EVIL}"})
    await chat(served, model=EVIL)
    async with visiting() as visit:
        for path in (
            *PAGES,
            "overview?by=app&measure=requests&span=1h",
            "logs?model=<b>x</b>",
            "prices?q=<b>x</b>",
        ):
            await visit.go(path)
        assert visit.questions == []
        await visit.go("overview?by=app&measure=requests&span=1h")
        assert EVIL[:20] in await visit.page.inner_text("main")


async def test_new_requests_appear_by_themselves(visiting: Visiting, served: Running) -> None:
    async with visiting() as visit:
        await visit.go("logs")
        await visit.page.check("#follow")
        id = await chat(served, headers={"x-title": EVIL})
        link = visit.page.locator(f'a[href="/dashboard/logs/{id}"]')
        await link.wait_for(timeout=15_000)
        await link.click()
        await visit.page.wait_for_url(f"**/logs/{id}")
        assert "echo/echo" in await visit.page.inner_text("main")


async def test_tables_are_sorted_by_mouse_and_keyboard(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.go("overview?span=30d")
        card = visit.page.locator("section", has=visit.page.locator("#f-top_model"))
        heading = card.locator("th", has_text="Spend")

        async def order() -> list[float]:
            cells = card.locator("tbody tr td:nth-child(4)")
            found = await cells.evaluate_all("cells => cells.map(cell => Number(cell.dataset.sort))")
            return [float(each) for each in found]

        await heading.click()
        down = await order()
        assert down == sorted(down, reverse=True)
        assert await heading.get_attribute("aria-sort") == "descending"
        await heading.focus()
        await visit.page.keyboard.press("Enter")
        assert await order() == down[::-1]


async def test_the_first_stop_of_the_keyboard_leads_past_the_navigation(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.go("overview")
        await visit.page.keyboard.press("Tab")
        assert await visit.page.evaluate("document.activeElement.textContent") == "Skip to content"
        await visit.page.keyboard.press("Enter")
        assert await visit.page.evaluate("document.activeElement.id") == "content"


async def test_each_chart_has_a_table_and_its_csv(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.go("overview?span=7d")
        charts = await visit.page.locator("svg.chart").count()
        assert charts == await visit.page.locator("section:has(svg.chart) details table").count()
        assert charts == await visit.page.locator("section:has(svg.chart) a.csv").count()
        async with visit.page.expect_download() as downloading:
            await visit.page.locator("a.csv").first.click()
        downloaded = await downloading.value
        assert downloaded.suggested_filename == "overview.csv"


async def test_a_key_is_made_rotated_and_shut(visiting: Visiting, served: Running) -> None:
    async with visiting() as visit:
        await visit.go("keys")
        await visit.page.fill("#k-name", "eve")
        await visit.page.fill("#k-limit", "5")
        await visit.page.select_option("#k-reset", "monthly")
        await visit.page.click("text=Make it")
        first = await visit.page.inner_text("#made")
        assert first.startswith("pm-")
        await visit.page.click("text=Rotate")
        second = await visit.page.inner_text("#made")
        assert second != first
        assert len(visit.questions) == 1
        await visit.page.click("text=Shut")
        answer = await served.client.get("/v1/models", headers={"authorization": f"Bearer {second}"})
        assert answer.status_code == 401


async def test_two_models_answer_side_by_side_and_are_voted_on(visiting: Visiting, served: Running) -> None:
    async with visiting() as visit:
        await visit.go("playground")
        await visit.page.fill("#m-one", "acme/large")
        await visit.page.fill("#m-other", "acme/small")
        await visit.page.fill("#p-prompt", f"say {EVIL} back")
        await visit.page.click("text=Ask both")
        await visit.page.locator("#votes").wait_for(state="visible", timeout=15_000)
        for side in ("one", "other"):
            assert await visit.page.inner_text(f"#{side} .answer") == f"say {EVIL} back"
            assert "tokens in" in await visit.page.inner_text(f"#{side} .facts")
        await visit.page.click("text=The first")
        await visit.page.locator("text=it is counted").wait_for(timeout=15_000)
        rows = [row for row in await served.rows("feedback") if row["source"] == "vote"]
        assert {row["model"]: row["score"] for row in rows} == {
            "acme/large": 1.0,
            "acme/small": 0.0,
        }
        assert visit.questions == []


async def test_an_answer_that_fails_is_told_in_its_place(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.go("playground")
        await visit.page.fill("#m-one", "acme/nothing")
        await visit.page.fill("#m-other", "acme/small")
        await visit.page.fill("#p-prompt", "hello")
        await visit.page.click("text=Ask both")
        await visit.page.locator("#one .wrong").wait_for(timeout=15_000)
        assert "no model" in await visit.page.inner_text("#one .answer")
        assert await visit.page.inner_text("#other .answer") == "hello"
        visit.wrong.clear()  # the refusal is in the browser's console, too


async def test_who_signs_out_is_asked_for_a_key(visiting: Visiting) -> None:
    async with visiting() as visit:
        await visit.page.click("text=Sign out")
        await visit.page.wait_for_url("**/login")
        await visit.go("logs")
        assert visit.page.url.endswith("/login")
