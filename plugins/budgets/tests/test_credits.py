"""Prepaid credits: granted by administrators only, spent to the last cent, shown as OpenRouter shows them."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import httpx
import pytest

from pointsman.errors import BadRequest
from pointsman.testing import Running
from pointsman_budgets.credits import amount_of

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

PREPAID = ", prepaid: true"
ALICE = hashlib.sha256(b"alice").hexdigest()


async def credits(served: Running, by: str = "root", **params: str) -> httpx.Response:
    """What somebody is shown."""
    return await served.client.get("/api/v1/credits", params=params, headers={"x-api-key": by})


async def post(served: Running, usd: object, *, by: str = "root", **more: object) -> httpx.Response:
    """Grant alice something."""
    body = {"usd": usd, "key": "alice", **more}
    return await served.client.post("/api/v1/credits", json=body, headers={"x-api-key": by})


async def test_who_is_prepaid_spends_what_was_granted_and_no_more(serve: Serve, ask: Ask) -> None:
    async with serve(extra=PREPAID, usage="{}") as served:
        refused = await ask(served)
        assert refused.status_code == 402
        assert "has of its 0.00 USD of credits does not suffice" in refused.text
        assert refused.json()["error"]["message"].endswith("somebody has to grant more")
        assert (await post(served, "0.25", by="alice")).status_code == 403
        granted = await post(served, "0.25")
        assert granted.status_code == 201
        assert granted.json()["data"] | {"id": "", "at": ""} == {
            "id": "",
            "at": "",
            "key": "alice",
            "usd": "0.25",
            "left_usd": "0.25",
        }
        assert [(await ask(served)).status_code for _ in range(3)] == [200, 200, 402]
        assert (await post(served, 1)).json()["data"]["left_usd"] == "1.05"
        assert (await ask(served)).status_code == 200
        shown = await credits(served, "alice")
        assert shown.json() == {"data": {"total_credits": 1.25, "total_usage": 0.3}}


async def test_credits_buy_nothing_that_has_no_price(serve: Serve, ask: Ask) -> None:
    async with serve(extra=PREPAID) as served:
        await post(served, "5")
        assert (await ask(served, model="acme/unpriced")).status_code == 402
        assert (await ask(served, model="acme/either")).headers["x-pointsman-provider"] == "lab"


async def test_credits_outlast_a_restart(serve: Serve, ask: Ask) -> None:
    async with serve(extra=PREPAID, usage="{}") as served:
        await post(served, "0.25")
        assert (await ask(served)).status_code == 200
    async with serve(extra=PREPAID, usage="{}") as served:
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 402]


async def test_credits_can_be_taken_back(serve: Serve, ask: Ask) -> None:
    async with serve(extra=PREPAID) as served:
        await post(served, "100")
        await post(served, "-99.95", note="a slip of the pen")
        assert (await ask(served)).status_code == 402
        rows = await served.rows("credits")
        audit = await served.rows("audit")
    assert [(row["actor"], row["action"], row["subject"], row["detail"]["nano"]) for row in audit] == [
        ("admin", "credits.grant", "key 'alice'", 100_000_000_000),
        ("admin", "credits.grant", "key 'alice'", -99_950_000_000),
    ]
    assert [(row["nano"], row["granted_by"], row["note"]) for row in rows] == [
        (100_000_000_000, "admin", None),
        (-99_950_000_000, "admin", "a slip of the pen"),
    ]


@pytest.mark.parametrize("key", ["alice", ALICE, f"key-{ALICE[:12]}"], ids=["configured name", "hash", "id"])
async def test_a_key_goes_by_its_name_hash_or_id(serve: Serve, ask: Ask, key: str) -> None:
    async with serve(extra=PREPAID) as served:
        assert (await post(served, "1", key=key)).status_code == 201
        assert (await ask(served)).status_code == 200


async def test_everybody_sees_his_own_credits_and_administrators_all(serve: Serve, ask: Ask) -> None:
    async with serve(extra=PREPAID, usage="{}") as served:
        await post(served, "5")
        await post(served, "7", key="bob")
        await ask(served)
        await ask(served, "bob")
        assert (await credits(served, "bob")).json()["data"] == {"total_credits": 7, "total_usage": 0.1}
        assert (await credits(served)).json()["data"] == {"total_credits": 12, "total_usage": 0.2}
        assert (await credits(served, key="alice")).json()["data"] == {"total_credits": 5, "total_usage": 0.1}
        assert (await served.client.get("/api/v1/credits")).status_code == 401
        assert (await credits(served, "bob", key="alice")).status_code == 403


async def test_a_team_shares_its_credits_and_its_budget(serve: Serve, ask: Ask) -> None:
    teams = "teams: {research: {prepaid: true, budget: {usd: 10, per: month}}}"
    async with serve(extra=", team: research", more=teams, usage="{}") as served:
        assert (await ask(served)).status_code == 402
        body = {"usd": "0.15", "team": "research"}
        answer = await served.client.post("/api/v1/credits", json=body, headers={"x-api-key": "root"})
        assert answer.status_code == 201
        assert [(await ask(served)).status_code for _ in range(2)] == [200, 402]
        shown = (await credits(served, "alice")).json()["data"]
    assert shown == {"total_credits": 0.15, "total_usage": 0.1}


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"usd": "1"}, "say whose"),
        ({"usd": "1", "key": "alice", "team": "x"}, "`key` and `team` are two"),
        ({"key": "alice"}, "`usd` is an amount"),
        ({"usd": "lots", "key": "alice"}, "is not a number"),
        ({"usd": True, "key": "alice"}, "`usd` is an amount"),
        ({"usd": 0, "key": "alice"}, "`usd` is nothing"),
        ({"usd": "0.0000000001", "key": "alice"}, "finer than a nano-dollar"),
        ({"usd": 1, "key": ""}, "`key` is a name"),
        ({"usd": 1, "key": ["alice"]}, "`key` is a name"),
        ({"usd": 1, "key": "alice", "note": 1}, "`note` is a text"),
        ({"usd": 1, "key": "alice", "price": 1}, "unknown member 'price'"),
        ([1], "the body is no JSON object"),
    ],
)
async def test_what_is_no_grant_is_refused(serve: Serve, body: object, said: str) -> None:
    async with serve() as served:
        answer = await served.client.post("/api/v1/credits", json=body, headers={"x-api-key": "root"})
        assert answer.status_code == 400
        assert said in answer.text
        assert await served.rows("credits") == []


def test_amounts_are_exact() -> None:
    assert amount_of("0.1") == 100_000_000
    assert amount_of(25) == 25_000_000_000
    assert amount_of("-1.5") == -1_500_000_000
    with pytest.raises(BadRequest):
        amount_of(0.1)


@pytest.mark.parametrize("whose", [{"key": "alise"}, {"team": "reserch"}, {"organisation": "acme"}])
async def test_credits_are_not_granted_to_somebody_who_is_not_there(
    serve: Serve, whose: dict[str, str]
) -> None:
    async with serve() as served:
        body = {"usd": 5, **whose}
        answer = await served.client.post("/api/v1/credits", json=body, headers={"x-api-key": "root"})
        assert answer.status_code == 404
        assert f"there is no {next(iter(whose))}" in answer.text
        assert await served.rows("credits") == []
