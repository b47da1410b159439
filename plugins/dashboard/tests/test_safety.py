"""What somebody may try who means no good, or types nonsense: nothing breaks, and nothing is told that is not
his to know."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Literal

import pytest

from pointsman.secrets import Secret
from pointsman.testing import running
from pointsman_dashboard.sessions import COOKIE, Sessions

from .conftest import Serve, browser, hashed

NONSENSE = (
    *("", "x", "0", "-1", "nan", "inf", "1e999", "9" * 40, "\x00", "\ud7ff", "a" * 5000, "' or 1=1 --"),
    *("<script>alert(1)</script>", "%s%n{0}{{7*7}}", "\r\nset-cookie: a=b", "../../etc/passwd"),
)
PLACES = {
    "overview": ("span", "by", "measure", "csv"),
    "leaderboard": ("window", "by", "task", "csv"),
    "providers": ("window", "provider", "csv"),
    "prices": ("q", "csv"),
    "logs": ("outcome", "cost_over", "key", "team", "model", "provider", "before", "csv"),
    "logs/tail": ("after", "outcome", "cost_over", "model"),
    "keys": ("csv",),
}


async def chat(served: object, name: str, model: str = "acme/large", **more: str) -> str:
    client = served.client  # type: ignore[attr-defined]
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer the-key-of-{name}", **more}
    answer = await client.post("/v1/chat/completions", json=body, headers=headers)
    assert answer.status_code == 200
    await served.gateway.ledger.flush()  # type: ignore[attr-defined]
    return str(answer.headers["x-generation-id"])


@pytest.mark.parametrize("page", PLACES)
async def test_no_address_makes_a_page_fail_or_say_more_than_text(serve: Serve, page: str) -> None:
    async with serve() as served, browser(served, "root") as root:
        await chat(served, "root")
        for name in PLACES[page]:
            for value in NONSENSE:
                answer = await root.client.get(
                    f"/dashboard/{page}", params={name: value}, headers={"accept": "text/html"}
                )
                assert answer.status_code in (200, 400, 404), (name, value)
                assert "<script>alert" not in answer.text
                assert "set-cookie" not in answer.headers
                assert 'filename="' in answer.headers.get("content-disposition", 'filename="')


@pytest.mark.parametrize("door", ["auto", "asgi"])
async def test_every_page_says_what_may_run_in_it_by_either_door(
    serve: Serve, door: Literal["auto", "asgi"], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman.testing.server.DOOR", door)
    async with serve() as served, browser(served, "root") as root:
        for page in ("login", "overview", "logs", "logs/gen-none", "keys", "overview?csv=times"):
            answer = await root.get(page)
            policy = answer.headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "frame-ancestors 'none'" in policy
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert answer.headers["cache-control"] == "no-store"
            head = await root.client.head(f"/dashboard/{page}", headers={"accept": "text/html"})
            assert (head.status_code, head.content) == (answer.status_code, b"")
        put = await root.client.put("/dashboard/overview", headers={"accept": "text/html"})
        assert put.status_code == 405
        assert "<h1>405</h1>" in put.text


async def test_a_form_that_is_too_large_or_none_is_refused(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        html = {"accept": "text/html"}
        for path in ("login", "logout", "keys/create", "playground/vote"):
            large = await root.client.post(f"/dashboard/{path}", content=b"a=" + b"x" * 70_000, headers=html)
            assert large.status_code == 413, path
            bad = await root.client.post(f"/dashboard/{path}", content=b"\xff\xfe", headers=html)
            assert bad.status_code == 400, path


@pytest.mark.parametrize("name", ["viewer", "member", "chief"])
async def test_nobody_sees_what_others_asked(serve: Serve, name: str) -> None:
    """Neither on a page nor as CSV nor by its id nor in the live tail."""
    async with serve() as served, browser(served, name) as somebody:
        theirs = await chat(served, "root", "acme/small", **{"x-title": "secret-app"})
        assert (await somebody.get(f"logs/{theirs}")).status_code == 404
        for page in (
            *("overview", "overview?csv=top_key", "overview?csv=top_model", "overview?csv=over_time"),
            *("logs", "logs?csv=requests", "logs?key=root", "logs?team=red&key=root", "logs/tail?after=0"),
            *("leaderboard", "leaderboard?by=app&csv=usage"),
        ):
            told = (await somebody.get(page)).text
            assert theirs not in told, page
            assert "secret-app" not in told, page
            assert "acme/small" not in told, page
        assert (await somebody.get("overview?csv=top_model")).text.strip().count("\n") == 0


async def test_the_tail_reads_only_what_was_written_last(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pointsman_dashboard.pages.logs.MOST_READ", 3)
    async with serve() as served, browser(served, "root") as root:
        for _ in range(5):
            await chat(served, "root")
        told = (await root.get("logs/tail?after=0")).json()
        assert (len(told["rows"]), told["place"]) == (3, "5")


async def test_a_vote_says_which_is_better(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as member:
        token = await member.token("playground")
        id = await chat(served, "member")
        answer = await member.post("playground/vote", token=token, generation=id, **{"is": "nice"})
        assert answer.status_code == 400
        assert await served.rows("feedback") == []


async def test_behind_a_proxy_with_tls_the_cookie_is_for_tls_alone(serve: Serve) -> None:
    async with serve() as served, browser(served) as ann:
        for origin, secure in ((f"https://{served.url[7:]}", True), (served.url, False)):
            answer = await ann.client.post(
                "/dashboard/login", data={"key": "the-key-of-root"}, headers={"origin": origin}
            )
            assert ("Secure" in answer.headers["set-cookie"]) is secure


def test_sessions_end_by_the_length_that_counts_then() -> None:
    now = 0.0
    sessions = Sessions(100, clock=lambda: now)
    headers = {"cookie": f"{COOKIE}={sessions.begin(Secret('k'))}"}
    now = 99
    assert sessions.of(headers) is not None
    sessions.seconds = 50
    assert sessions.of(headers) is None
    sessions.seconds = 100
    assert sessions.of(headers) is None
    for cookie in ("", "x", f"{COOKIE}=", f"{COOKIE}=x"):
        assert sessions.of({"cookie": cookie}) is None


async def test_another_length_of_sessions_counts_from_the_reload_on() -> None:
    config = f"auth: keys\nkeys: [{{name: root, key_hash: {hashed('the-key-of-root')}, role: admin}}]\n"
    first = f"{config}plugins: {{dashboard: {{session: 8h}}}}\n"
    async with running(first) as served, browser(served, "root") as root:
        await served.reload(f"{config}plugins: {{dashboard: {{session: 1h}}}}\n")
        assert (await root.get("overview")).status_code == 200
        plugin = served.gateway.setup.plugins.get("dashboard")
        assert plugin is not None
        assert plugin.target._sessions.seconds == 3600  # type: ignore[attr-defined]


def test_texts_can_be_read_in_light_and_in_the_dark() -> None:
    """Contrast as WCAG counts it: at least 4.5 of every text on what is behind it."""
    sheet = (files("pointsman_dashboard") / "static" / "style.css").read_text()
    colours = {
        name: pair for name, *pair in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", sheet)
    }
    for place in (0, 1):
        for text, back in (
            *((text, back) for text in ("text", "soft", "accent", "wrong") for back in ("back", "card")),
            ("on-accent", "accent"),
        ):
            found = _contrast(colours[text][place], colours[back][place])
            assert found >= 4.5, (text, back, place, found)


def _contrast(one: str, other: str) -> float:
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
