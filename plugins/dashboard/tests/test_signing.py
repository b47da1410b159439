"""Signing in and out, and what a session is good for."""

from __future__ import annotations

import httpx
import pytest

from .conftest import Serve, browser


async def test_without_a_session_every_page_leads_to_where_one_signs_in(serve: Serve) -> None:
    async with serve() as served, browser(served) as guest:
        for page in ("", "overview", "logs", "keys", "playground", "logs/gen-1"):
            answer = await guest.get(page)
            assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/login"), page
        plain = await guest.client.get("/dashboard/overview", headers={"accept": "application/json"})
        assert plain.status_code == 401


async def test_a_key_opens_a_session_whose_cookie_says_nothing_of_it(serve: Serve) -> None:
    async with serve() as served, browser(served) as ann:
        answer = await ann.sign_in("member")
        assert (answer.status_code, answer.headers["location"]) == (303, "/dashboard/overview")
        cookie = answer.headers["set-cookie"]
        for said in ("HttpOnly", "SameSite=lax", "Path=/dashboard"):
            assert said in cookie
        assert "the-key-of-member" not in cookie
        page = await ann.get("overview")
        assert page.status_code == 200
        assert "member" in page.text
        assert "the-key-of-member" not in page.text


async def test_a_wrong_key_is_told_so_and_counts_as_a_guess(serve: Serve) -> None:
    async with serve("plugins: {keys: {wrong_keys: 3}}") as served, browser(served) as guest:
        answers = [await guest.post("login", key=f"guess-{number}") for number in range(6)]
        assert answers[0].status_code == 401
        assert 'role="alert"' in answers[0].text
        assert answers[-1].status_code == 429
        assert "set-cookie" not in answers[0].headers


async def test_who_signs_out_is_out_also_with_the_old_cookie(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as ann:
        cookie = ann.client.cookies["pointsman_session"]
        assert (await ann.post("logout", token=await ann.token())).status_code == 303
        async with httpx.AsyncClient(base_url=served.url, cookies={"pointsman_session": cookie}) as thief:
            answer = await thief.get("/dashboard/overview", headers={"accept": "text/html"})
            assert answer.status_code == 303


async def test_a_key_that_is_shut_ends_its_sessions(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root, browser(served) as other:
        made = await root.post("keys/create", token=await root.token("keys"), name="eve")
        text = made.text.partition('id="made">')[2].partition("<")[0]
        assert (await other.post("login", key=text)).status_code == 303
        assert (await other.get("overview")).status_code == 200
        key = (await served.client.get("/api/v1/keys", headers=bearer("root"))).json()["data"]
        hash = next(each["hash"] for each in key if each["name"] == "eve")
        await root.post("keys/change", token=await root.token("keys"), key=hash, do="disable")
        assert (await other.get("overview")).status_code == 303


async def test_a_form_of_another_site_is_refused(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        token = await root.token("keys")
        for headers in (
            {"origin": "https://evil.example"},
            {"sec-fetch-site": "cross-site"},
            {"sec-fetch-site": "same-site"},
        ):
            data = {"token": token, "name": "eve"}
            answer = await root.client.post("/dashboard/keys/create", data=data, headers=headers)
            assert answer.status_code == 403, headers
        assert (await root.post("keys/create", name="eve")).status_code == 403
        assert (await root.post("keys/create", name="eve", token="another")).status_code == 403
        foreign = await root.client.post(
            "/dashboard/login", data={"key": "the-key-of-root"}, headers={"origin": "https://evil.example"}
        )
        assert foreign.status_code == 403
        keys = (await served.client.get("/api/v1/keys", headers=bearer("root"))).json()["data"]
        assert "eve" not in {each["name"] for each in keys}


async def test_the_cookie_opens_nothing_but_the_pages(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        assert (await root.client.get("/api/v1/keys")).status_code == 401
        body = {"model": "acme/large", "messages": [{"role": "user", "content": "hi"}]}
        assert (await root.client.post("/v1/chat/completions", json=body)).status_code == 401
        by_hand = {"cookie": f"pointsman_session={root.client.cookies['pointsman_session']}"}
        for path in ("/api/v1/keys", "/v1/leaderboard", "/v1/models"):
            assert (await served.client.get(path, headers=by_hand)).status_code == 401


@pytest.mark.parametrize(
    ("name", "seen", "unseen"),
    [
        ("viewer", {"Overview", "Leaderboard", "Prices", "Logs"}, {"Keys", "Playground", "Providers"}),
        ("member", {"Overview", "Leaderboard", "Prices", "Logs", "Keys", "Playground"}, {"Providers"}),
        ("root", {"Overview", "Leaderboard", "Providers", "Prices", "Logs", "Keys", "Playground"}, set()),
    ],
)
async def test_pages_go_by_the_role_of_the_key(
    serve: Serve, name: str, seen: set[str], unseen: set[str]
) -> None:
    async with serve() as served, browser(served, name) as somebody:
        page = (await somebody.get("overview")).text
        for title in seen:
            assert f">{title}</a>" in page
            assert (await somebody.get(title.lower())).status_code == 200
        for title in unseen:
            assert f">{title}</a>" not in page
            refused = await somebody.get(title.lower())
            assert refused.status_code == 403
            assert "this needs a key of role" in refused.text


async def test_where_nobody_needs_a_key_nobody_signs_in(serve: Serve) -> None:
    from pointsman.testing import running

    async with running("auth: none") as served, browser(served) as guest:
        assert (await guest.get("")).headers["location"] == "/dashboard/overview"
        assert (await guest.get("keys")).status_code == 200
        foreign = await guest.client.get("/dashboard/overview", headers={"origin": "https://evil.example"})
        assert foreign.status_code == 403


def bearer(name: str) -> dict[str, str]:
    return {"authorization": f"Bearer the-key-of-{name}"}
