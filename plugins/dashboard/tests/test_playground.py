"""The playground asks by the way of every request, as the key of the session."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Browser, Serve, browser


async def ask(somebody: Browser, token: str, model: str = "acme/large") -> Any:
    body = {
        "model": model,
        "stream": True,
        "messages": [{"role": "user", "content": "say this back"}],
        "usage": {"include": True},
    }
    return await somebody.client.post(
        "/dashboard/playground/chat", json=body, headers={"x-csrf-token": token}
    )


async def test_an_answer_streams_with_its_cost_and_is_recorded_as_the_keys(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as member:
        answer = await ask(member, await member.token("playground"))
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        said = "".join(choice["delta"].get("content") or "" for each in events for choice in each["choices"])
        assert said == "say this back"
        assert next(each["usage"]["cost"] for each in events if each.get("usage")) > 0
        assert answer.text.rstrip().endswith("data: [DONE]")
        await served.gateway.ledger.flush()
        (row,) = await served.rows("generations")
        assert (row["key_name"], row["model"]) == ("member", "acme/large")


async def test_no_other_site_asks_in_somebodys_name(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as member:
        assert (await ask(member, "guessed")).status_code == 403
        assert (await ask(member, "")).status_code == 403
        assert await served.rows("generations") == []


async def test_what_a_key_may_not_do_it_may_not_do_here(serve: Serve) -> None:
    more = "\nplugins: {}\n"
    async with serve(more) as served, browser(served, "root") as root:
        token = await root.token("keys")
        made = await root.post("keys/create", token=token, name="eve", models="acme/small")
        text = made.text.partition('id="made">')[2].partition("<")[0]
        async with browser(served) as eve:
            await eve.post("login", key=text)
            token = await eve.token("playground")
            assert (await ask(eve, token)).status_code == 403
            assert (await ask(eve, token, "acme/small")).status_code == 200
            page = (await eve.get("playground")).text
            assert 'value="acme/small"' in page
            assert "acme/large" not in page


async def test_a_vote_compares_two_answers(serve: Serve) -> None:
    async with serve() as served, browser(served, "member") as member:
        token = await member.token("playground")
        one, other = [
            (await ask(member, token, model)).headers["x-generation-id"]
            for model in ("acme/large", "acme/small")
        ]
        voted = await member.post(
            "playground/vote", token=token, generation=one, rival=other, **{"is": "better"}
        )
        assert voted.status_code == 200, voted.text
        rows = {row["model"]: row for row in await served.rows("feedback")}
        assert (rows["acme/large"]["score"], rows["acme/small"]["score"]) == (1.0, 0.0)
        unknown = await member.post("playground/vote", token=token, generation="gen-x", **{"is": "better"})
        assert unknown.status_code == 404
        assert "error" in unknown.json()
