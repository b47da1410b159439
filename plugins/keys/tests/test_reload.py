"""Keys when the configuration changes: its own go and come, those of the ledger stay."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import httpx
import pytest

from pointsman.credentials import Key
from pointsman.errors import ConfigError
from pointsman.exchange import Actor
from pointsman.secrets import Secret
from pointsman.testing import Running, running
from pointsman_keys import Directory, KeyGrants, Keys, TeamRecord, TeamSettings, VirtualKey

MASTER = {"authorization": "Bearer master"}


def config(**changes: Any) -> dict[str, Any]:
    return {"auth": "keys", "admin_key": "master", "secret_key": "s" * 32, **changes}


def configured(name: str, **settings: Any) -> dict[str, Any]:
    return {"name": name, "key_hash": sha256(name.encode()).hexdigest(), **settings}


async def chat(server: Running, key: str) -> int:
    body = {"model": "echo/echo", "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"authorization": f"Bearer {key}"}
    return (await server.client.post("/v1/chat/completions", json=body, headers=headers)).status_code


async def admin(server: Running, method: str, path: str, body: Any = None) -> Any:
    answer: httpx.Response = await server.client.request(method, f"/api/v1{path}", json=body, headers=MASTER)
    assert answer.status_code < 300, answer.text
    return answer.json()


def keys_of(server: Running) -> Keys:
    plugin = server.gateway.setup.plugins.get("keys")
    assert plugin is not None
    assert isinstance(plugin.target, Keys)
    return plugin.target


async def test_keys_of_the_ledger_stay_and_can_be_managed_as_before() -> None:
    async with running(config(), key="x") as server:
        made = await admin(server, "POST", "/keys", {"name": "made"})
        assert await chat(server, made["key"]) == 200
        await server.reload(config(keys=[configured("ann")]))
        assert await chat(server, made["key"]) == 200
        assert await chat(server, "ann") == 200
        await admin(server, "PATCH", f"/keys/{made['data']['hash']}", {"disabled": True})
        assert await chat(server, made["key"]) == 401
        await server.reload(config())
        assert await chat(server, "ann") == 401
        assert await chat(server, made["key"]) == 401
        names = {row["name"] for row in (await admin(server, "GET", "/keys?include_disabled=true"))["data"]}
        assert names == {"made"}


async def test_another_admin_key_counts() -> None:
    async with running(config(), key="x") as server:
        await server.reload(config(admin_key="other"))
        assert await chat(server, "master") == 401
        assert await chat(server, "other") == 200
        with pytest.raises(ConfigError, match="admin_key is the same as key 'ann'"):
            await server.reload(config(admin_key="ann", keys=[configured("ann")]))
        assert await chat(server, "other") == 200


async def test_a_team_of_the_ledger_gives_way_and_comes_back() -> None:
    async with running(config(), key="x") as server:
        await admin(server, "POST", "/teams", {"name": "lab", "models": ["nothing"]})
        made = await admin(server, "POST", "/keys", {"name": "made", "team": "lab"})
        assert await chat(server, made["key"]) == 403
        await server.reload(config(teams={"lab": {}}))
        assert await chat(server, made["key"]) == 200
        await server.reload(config())
        assert await chat(server, made["key"]) == 403
        assert keys_of(server).directory.teams["lab"].origin == "ledger"


async def test_wrong_keys_that_were_counted_stay_counted() -> None:
    wrong = {"plugins": {"keys": {"wrong_keys": 2}}}
    async with running(config(**wrong), key="x") as server:
        assert [await chat(server, "wrong") for _ in range(2)][-1] in (401, 429)
        await server.reload(config(attempts=2, **wrong))
        assert await chat(server, "wrong") == 429
        await server.reload(config(plugins={"keys": {"wrong_keys": 100}}))
        assert await chat(server, "wrong") == 401


async def test_a_server_without_any_key_warns(caplog: pytest.LogCaptureFixture) -> None:
    async with running(config(), key="x") as server:
        await server.reload({"auth": "keys"})
    assert "nobody can call this gateway" in caplog.text


def directory(*teams: TeamRecord) -> Directory:
    made = Directory()
    for team in teams:
        made.put_team(team)
    return made


def key(text: str, name: str, origin: Any = "ledger", **grants: Any) -> VirtualKey:
    digest = sha256(text.encode()).digest()
    return VirtualKey(digest.hex(), digest, KeyGrants(name=name, **grants), origin)


def test_credentials_of_a_team_outlive_it() -> None:
    own = Key(Secret("sk-own"))
    before = directory(TeamRecord("lab", TeamSettings(), keys={"acme": own}))
    without = directory()
    without.take_over(before)
    assert without.unowned == {"lab": {"acme": own}}
    again = directory(TeamRecord("lab", TeamSettings()))
    again.put(key("k", "ann", "configuration", team="lab"))
    again.take_over(without)
    assert again.teams["lab"].keys == {"acme": own}
    assert again.known[sha256(b"k").digest()].actor.keys == {"acme": own}
    assert not again.unowned


def test_a_key_of_the_ledger_that_the_configuration_has_too_comes_back_when_that_goes() -> None:
    before, between, after = directory(), directory(), directory()
    before.put(key("k", "stored"))
    between.put(key("k", "written", "configuration"))
    between.take_over(before)
    assert [each.grants.name for each in between] == ["written"]
    after.take_over(between)
    assert [each.grants.name for each in after] == ["stored"]


def test_what_bounds_the_keys_that_an_ended_key_made_goes_on_bounding_them() -> None:
    before, after = directory(), directory()
    maker = key("m", "maker", models=("one",))
    before.put(maker)
    made = VirtualKey(**{**_fields(key("k", "made")), "maker": maker.id})
    before.put(made)
    before.retire(maker)
    after.take_over(before)
    actor: Actor = after.known[made.digest].actor
    assert not actor.may_use("two")
    assert actor.may_use("one")
    assert maker.digest not in after.known
    revived = directory()
    revived.put(key("m", "maker", "configuration"))
    revived.take_over(before)
    assert maker.digest in revived.known


def _fields(one: VirtualKey) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__dataclass_fields__}
