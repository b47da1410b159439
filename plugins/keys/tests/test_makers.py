"""What an administrator of a team makes counts for him, too: nobody gets more by making keys."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.errors import BadRequest, Forbidden
from pointsman.exchange import Actor
from pointsman.testing import Running
from pointsman_keys import Accounts, Caller
from pointsman_keys.settings import DataPolicy, OrganisationSettings

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

ROOT = Caller(Actor("root", "key-root", role="admin"))
TEAMS = "teams: {red: {role: admin}}\n"


def plugin(served: Running) -> Any:
    found: Any = served.gateway.setup.plugins.get("keys")
    return found.target


def caller(served: Running, name: str) -> Caller:
    directory = plugin(served).directory
    made: Caller = plugin(served).caller(directory.known[directory.named(name).digest].actor, "10.0.0.1")
    return made


async def family(served: Running, **grants: Any) -> tuple[Any, Any]:
    """The texts of an administrator with these grants and of a key that he made."""
    book: Accounts = plugin(served).accounts
    _, chief = await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin", **grants})
    made, child = await book.create_key(caller(served, "chief"), {"name": "child"})
    assert made.maker == made.creator == caller(served, "chief").actor.key_id
    return chief, child


async def status(served: Running, ask: Ask, text: Any) -> int:
    return (await ask(served, {"x-api-key": text.reveal()})).status_code


async def test_limits_are_shared_and_are_after_a_restart(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(TEAMS, folder=tmp_path) as served:
        chief, child = await family(served, limits={"requests": "3/day"})
        assert [await status(served, ask, each) for each in (child, chief)] == [200, 200]
    async with serve(TEAMS, folder=tmp_path) as served:
        assert [await status(served, ask, each) for each in (child, child, chief)] == [200, 429, 429]


async def test_a_limit_of_its_own_comes_on_top(serve: Serve, ask: Ask) -> None:
    async with serve(TEAMS) as served:
        chief, child = await family(served, limits={"requests": "9/day"})
        key = plugin(served).directory.named("child")
        await plugin(served).accounts.change_key(
            caller(served, "chief"), key.hash, {"limits": {"requests": "1/day"}}
        )
        assert [await status(served, ask, each) for each in (child, child, chief)] == [200, 429, 200]


async def test_a_budget_is_shared_and_is_after_a_restart(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    price = "{input: 1000, output: 1000}"
    async with serve(TEAMS, folder=tmp_path, price=price) as served:
        chief, child = await family(served, budget={"usd": 0.02, "per": "day"})
        answers = [
            await ask(served, {"x-api-key": text.reveal()}, max_tokens=1) for text in (chief, child) * 3
        ]
        assert [each.status_code for each in answers][:2] == [200, 200]
        assert answers[-1].status_code == 402, "each costs a fifth of it"
        assert "key 'chief'" in answers[-1].json()["error"]["message"]
    async with serve(TEAMS, folder=tmp_path, price=price) as served:
        for text in (chief, child):
            assert (await ask(served, {"x-api-key": text.reveal()}, max_tokens=1)).status_code == 402


async def test_bounds_outlive_who_had_them(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(TEAMS, folder=tmp_path) as served:
        _, child = await family_of_small(served)
        assert await status(served, ask, child) == 403
        chief = plugin(served).directory.named("chief")
        await plugin(served).accounts.revoke_key(ROOT, chief.hash)
        assert await status(served, ask, child) == 403
    async with serve(TEAMS, folder=tmp_path) as served:
        assert await status(served, ask, child) == 403
        assert (await ask(served, {"x-api-key": child.reveal()}, model="acme/small")).status_code == 200


async def family_of_small(served: Running) -> tuple[Any, Any]:
    """An administrator who is bounded once he has made a key."""
    chief, child = await family(served)
    key = plugin(served).directory.named("chief")
    await plugin(served).accounts.change_key(ROOT, key.hash, {"models": ["acme/small"]})
    return chief, child


async def test_what_others_make_is_under_nobody_but_its_team(serve: Serve, ask: Ask) -> None:
    async with serve(TEAMS) as served:
        book: Accounts = plugin(served).accounts
        await book.create_key(ROOT, {"name": "boss", "role": "admin", "limits": {"requests": "1/day"}})
        made, text = await book.create_key(caller(served, "boss"), {"name": "free"})
        assert (made.maker, made.creator) == (None, caller(served, "boss").actor.key_id)
        assert [await status(served, ask, text) for _ in range(2)] == [200, 200]


@pytest.mark.parametrize(
    ("above", "own", "param"),
    [
        ({"data_policy": {"zdr": True}}, {"data_policy": {"zdr": False}}, "data_policy.zdr"),
        (
            {"data_policy": {"collection": "deny"}},
            {"data_policy": {"collection": "allow"}},
            "data_policy.collection",
        ),
        ({"providers": ["spare"]}, {"providers": ["lab"]}, "providers"),
        ({"role": "member"}, {"role": "admin"}, "role"),
    ],
)
async def test_nobody_is_said_to_have_more_than_his_team(
    serve: Serve, above: dict[str, Any], own: dict[str, Any], param: str
) -> None:
    async with serve() as served:
        book: Accounts = plugin(served).accounts
        await book.create_team(ROOT, "blue", {"role": "admin", **above})
        with pytest.raises(BadRequest, match="team 'blue'") as caught:
            await book.create_key(ROOT, {"name": "x", "team": "blue", **own})
        assert caught.value.param == param
        key, _ = await book.create_key(ROOT, {"name": "x", **own})
        with pytest.raises(BadRequest, match="team 'blue'"):
            await book.change_key(ROOT, key.hash, {"team": "blue"})
        plugin(served).directory.organisation = organisation(above)
        if param != "role":  # the highest role of a team is no claim
            with pytest.raises(BadRequest, match="organisation 'us'"):
                await book.create_team(ROOT, "green", own)


def organisation(above: dict[str, Any]) -> Any:
    policy = DataPolicy(**above.get("data_policy", {}))
    providers = tuple(above.get("providers", ("spare",)))
    return OrganisationSettings(name="us", data_policy=policy, providers=providers)


@pytest.mark.parametrize("own", [{"limits": {"requests": "9/day"}}, {"budget": {"usd": 1, "per": "day"}}])
async def test_who_has_limits_of_his_own_gets_no_key_that_is_not_under_them(
    serve: Serve, own: dict[str, Any]
) -> None:
    async with serve(TEAMS) as served:
        await family(served, **own)
        book, chief = plugin(served).accounts, caller(served, "chief")
        big, _ = await book.create_key(ROOT, {"name": "big", "team": "red"})
        for work in (
            book.rotate_key(chief, big.hash, 0),
            book.change_key(chief, big.hash, {"limits": {"requests": "1000/day"}}),
        ):
            with pytest.raises(Forbidden, match="which do not hold for key 'big'"):
                await work
        child = plugin(served).directory.named("child")
        await book.rotate_key(chief, child.hash, 60)
        await book.change_key(chief, child.hash, {"tags": ["x"]})
        await book.rotate_key(chief, chief_key(served).hash, 60)
        await book.change_key(chief, big.hash, {"disabled": True})
        await book.revoke_key(chief, big.hash)


async def test_who_has_none_manages_all_keys_of_his_team(serve: Serve) -> None:
    async with serve(TEAMS) as served:
        await family(served)
        book, chief = plugin(served).accounts, caller(served, "chief")
        big, _ = await book.create_key(ROOT, {"name": "big", "team": "red"})
        await book.rotate_key(chief, big.hash, 0)
        await book.change_key(chief, big.hash, {"limits": {"requests": "1000/day"}})


def chief_key(served: Running) -> Any:
    return plugin(served).directory.named("chief")
