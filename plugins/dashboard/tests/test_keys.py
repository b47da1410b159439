"""Keys made, bounded, rotated and shut by the page."""

from __future__ import annotations

from typing import Any

from pointsman.testing import Running

from .conftest import Serve, browser


async def keys_of(served: Running) -> dict[str, dict[str, Any]]:
    headers = {"authorization": "Bearer the-key-of-root"}
    found = await served.client.get("/api/v1/keys?include_disabled=true", headers=headers)
    return {each["name"]: each for each in found.json()["data"]}


async def works(served: Running, text: str, model: str = "acme/large") -> int:
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
    headers = {"authorization": f"Bearer {text}"}
    return (await served.client.post("/v1/chat/completions", json=body, headers=headers)).status_code


def shown(page: str) -> str:
    return page.partition('id="made">')[2].partition("<")[0]


async def test_a_key_is_made_with_bounds_and_shown_once(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        token = await root.token("keys")
        made = await root.post(
            "keys/create",
            token=token,
            name="eve",
            team="red",
            models="acme/large",
            limit="5",
            reset="monthly",
            requests="100/min",
            expires="2099-01-01",
        )
        text = shown(made.text)
        assert text.startswith("pm-")
        key = (await keys_of(served))["eve"]
        assert (key["limit"], key["limit_reset"], key["team"], key["models"]) == (
            5,
            "monthly",
            "red",
            ["acme/large"],
        )
        assert key["expires_at"].startswith("2099-01-01")
        assert (await works(served, text), await works(served, text, "acme/small")) == (200, 403)
        assert text not in (await root.get("keys")).text


async def test_a_key_is_changed_rotated_and_shut(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        token = await root.token("keys")
        first = shown((await root.post("keys/create", token=token, name="eve")).text)
        hash = (await keys_of(served))["eve"]["hash"]
        await root.post(
            "keys/change", token=token, key=hash, do="bound", limit="2", reset="daily", requests=""
        )
        key = (await keys_of(served))["eve"]
        assert (key["limit"], key["limit_reset"]) == (2, "daily")
        await root.post("keys/change", token=token, key=hash, do="bound", limit="", requests="9/min")
        assert (await keys_of(served))["eve"]["limit"] == 2  # what is left empty stays
        assert (await root.post("keys/change", token=token, key=hash, do="bound")).status_code == 400
        await root.post("keys/change", token=token, key=hash, do="bound", limit="none", requests="none")
        key = (await keys_of(served))["eve"]
        assert (key["limit"], key["limit_reset"]) == (None, None)
        second = shown((await root.post("keys/rotate", token=token, key=hash, overlap="1h")).text)
        assert second != first
        assert [await works(served, each) for each in (first, second)] == [200, 200]
        await root.post("keys/change", token=token, key=hash, do="disable")
        assert await works(served, second) == 401
        await root.post("keys/change", token=token, key=hash, do="enable")
        assert await works(served, second) == 200


async def test_what_is_wrong_in_a_form_is_said_and_nothing_made(serve: Serve) -> None:
    async with serve() as served, browser(served, "root") as root:
        token = await root.token("keys")
        for form in (
            {"name": ""},
            {"name": "eve", "limit": "lots"},
            {"name": "eve", "requests": "often"},
            {"name": "eve", "team": "nobody"},
            {"name": "eve", "reset": "hourly"},
            {"name": "root"},
        ):
            answer = await root.post("keys/create", token=token, **form)
            assert answer.status_code in (400, 409), form
            assert shown(answer.text) == "", form
        assert "eve" not in await keys_of(served)


async def test_a_member_sees_its_own_key_and_makes_none(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as member:
        page = (await member.get("keys")).text
        assert "Your key" in page
        assert "New key" not in page
        refused = await member.post("keys/create", token=await member.token("keys"), name="eve")
        assert refused.status_code == 403
        assert "eve" not in await keys_of(served)


async def test_an_administrator_of_a_team_manages_that_team(serve: Serve) -> None:
    async with serve() as served, browser(served, "chief") as chief:
        token = await chief.token("keys")
        assert "member,," not in (await chief.get("keys?csv=keys")).text
        assert shown((await chief.post("keys/create", token=token, name="eve", team="red")).text)
        assert (await keys_of(served))["eve"]["team"] == "red"
        other = (await keys_of(served))["member"]["hash"]
        answer = await chief.post("keys/rotate", token=token, key=other)
        assert shown(answer.text) == ""
