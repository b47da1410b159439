"""The routes, over a real socket: who may do what, and in which shapes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from pointsman.testing import Running, Script, shared_path
from pointsman_openrouter.pages import ADMIN

Serve = Callable[..., AbstractAsyncContextManager[Running]]

RANK = {"public": 0, "viewer": 1, "member": 2, "admin": 3}
CALLERS = {"nobody": 0, "wrong": 0, "viewer": 1, "member": 2, "chief": 2, "root": 3, "the-admin-key": 3}
ROOT = {"authorization": "Bearer root"}


def headers(name: str) -> dict[str, str]:
    return {} if name == "nobody" else {"authorization": f"Bearer {name}"}


async def ask(
    served: Running, method: str, path: str, body: Any = None, *, key: str = "root", status: int = 200
) -> Any:
    answer = await served.client.request(method, f"/api/v1{path}", json=body, headers=headers(key))
    assert answer.status_code == status, answer.text
    return answer.json()


async def chat(served: Running, key: str, model: str = "acme/large") -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    return await served.client.post("/v1/chat/completions", json=body, headers=headers(key))


@pytest.mark.parametrize("caller", CALLERS)
async def test_every_route_of_every_plugin_by_every_role(serve: Serve, caller: str) -> None:
    """Taken from the router: a route that is added is in here by itself."""
    async with serve("plugins: {keys: {wrong_keys: 0}}") as served:
        routes = served.gateway.setup.routes
        assert {route.path for route in routes} >= {"/api/v1/keys", "/api/v1/key", "/api/v1/audit"}
        for route in routes:
            path = re.sub(r"\{[^}]*\}", "nothing-of-this-name", route.path)
            for method in route.methods:
                answer = await served.client.request(method, path, headers=headers(caller), content=b"{}")
                where = f"{method} {route.path} as {caller}: {answer.status_code}"
                if route.role == "public" or CALLERS[caller] >= RANK[route.role]:
                    assert answer.status_code != 401, where
                    further = caller in ("root", "the-admin-key")  # others a page may refuse by itself
                    assert not further or answer.status_code != 403, where
                    assert answer.status_code < 500, where
                else:
                    assert answer.status_code == (403 if CALLERS[caller] else 401), where
            refused = await served.client.request("TRACE", path, headers=headers(caller))
            assert refused.status_code == 405
        for codec in served.gateway.setup.dialects:
            for prefix in ("/v1", "/api/v1"):
                answer = await served.client.post(prefix + codec.path, headers=headers(caller), content=b"{")
                wanted = 401 if CALLERS[caller] == 0 else 400
                assert answer.status_code in ({wanted} if CALLERS[caller] != 1 else {400, 403, 404}), (
                    codec.path
                )


@pytest.mark.parametrize("caller", ["viewer", "member"])
async def test_what_is_managed_is_managed_by_administrators(serve: Serve, caller: str) -> None:
    async with serve() as served:
        for path, methods in ADMIN.items():
            for method in methods:
                where = "/api/v1" + re.sub(r"\{[^}]*\}", "red", path)
                answer = await served.client.request(method, where, headers=headers(caller), content=b"{}")
                assert answer.status_code == 403, f"{method} {path}"
        assert await served.rows("audit") == []


async def test_an_administrator_of_a_team_is_a_member_to_all_other_plugins(serve: Serve) -> None:
    async with serve() as served:
        for route in served.gateway.setup.routes:
            if route.role == "admin":
                path = re.sub(r"\{[^}]*\}", "nothing", route.path)
                for method in route.methods:
                    answer = await served.client.request(method, path, headers=headers("chief"))
                    assert answer.status_code == 403, route.path
        grant = {"key": "chief", "usd": 5}
        answer = await served.client.post("/api/v1/credits", json=grant, headers=headers("chief"))
        assert answer.status_code in (403, 404, 405)


async def test_a_key_from_its_making_to_its_end(serve: Serve) -> None:
    async with serve() as served:
        body = {
            "name": "alice",
            "models": ["acme/*"],
            "tags": ["batch"],
            "expires_at": "2099-01-01T00:00:00Z",
        }
        made = await ask(served, "POST", "/keys", body, status=201)
        text, hash = made["key"], made["data"]["hash"]
        assert made["data"]["expires_at"] == "2099-01-01T00:00:00+00:00"
        assert (await chat(served, text)).status_code == 200
        await served.gateway.ledger.flush()
        shown = (await ask(served, "GET", f"/keys/{hash}"))["data"]
        assert (shown["name"], shown["usage"], shown["usage_daily"]) == ("alice", 0.004, 0.004)
        listed = (await ask(served, "GET", "/keys"))["data"]
        assert {each["name"]: each["usage"] for each in listed}["alice"] == 0.004
        assert (await ask(served, "PATCH", f"/keys/{hash}", {"disabled": True}))["data"]["disabled"]
        assert (await chat(served, text)).status_code == 401
        assert "alice" not in {each["name"] for each in (await ask(served, "GET", "/keys"))["data"]}
        everything = await ask(served, "GET", "/keys?include_disabled=true")
        assert "alice" in {each["name"] for each in everything["data"]}
        await ask(served, "PATCH", f"/keys/{hash}", {"disabled": False})
        rotated = await ask(served, "POST", f"/keys/{hash}/rotate", {"overlap": "1h"})
        assert rotated["data"]["hash"] == hash
        assert [(await chat(served, each)).status_code for each in (text, rotated["key"])] == [200, 200]
        assert await ask(served, "DELETE", f"/keys/{hash}") == {"deleted": True}
        assert [(await chat(served, each)).status_code for each in (text, rotated["key"])] == [401, 401]
        await ask(served, "GET", f"/keys/{hash}", status=404)


async def test_the_key_that_asks(serve: Serve) -> None:
    async with serve() as served:
        mine = (await ask(served, "GET", "/key", key="viewer"))["data"]
        assert (mine["label"], mine["role"], mine["is_management_key"]) == ("viewer", "viewer", False)
        assert (await ask(served, "GET", "/key", key="root"))["data"]["is_management_key"]
        assert (await ask(served, "GET", "/key", key="the-admin-key"))["data"]["hash"] is None


async def test_teams(serve: Serve) -> None:
    async with serve() as served:
        made = await ask(served, "POST", "/teams", {"name": "green", "models": ["acme/large"]}, status=201)
        assert made["data"]["models"] == ["acme/large"]
        key = (await ask(served, "POST", "/keys", {"name": "g", "team": "green"}, status=201))["key"]
        assert (await chat(served, key)).status_code == 200
        await ask(served, "PATCH", "/teams/green", {"models": ["acme/own"]})
        assert (await chat(served, key)).status_code == 403
        await ask(served, "DELETE", "/teams/green", status=409)
        names = [team["name"] for team in (await ask(served, "GET", "/teams"))["data"]]
        assert names == ["blue", "green", "red"]
        assert [team["name"] for team in (await ask(served, "GET", "/teams", key="chief"))["data"]] == ["red"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({}, 400, "`name` is missing"),
        ({"name": "a", "admin": True}, 400, "unknown key `admin`"),
        ({"name": "a", "workspace_id": "w"}, 400, "`workspace_id` has no meaning here"),
        ({"name": "a", "include_byok_in_limit": 7}, 400, "`include_byok_in_limit` must be true or false"),
        ({"name": "a", "data_policy": {"zdr": "yes"}}, 400, "`data_policy.zdr`"),
        ({"name": "a", "preferences": {"srot": "price"}}, 400, "did you mean `sort`?"),
        ({"name": "a", "limit_reset": "monthly"}, 400, "`limit_reset` needs a `limit`"),
        ({"name": "a", "limit": 1, "limit_reset": "hourly"}, 400, "`limit_reset` must be"),
        ({"name": "a", "expires": "2099-01-01", "expires_at": "2099-01-01"}, 400, "are the same"),
        ({"name": "root"}, 409, "there is a key 'root' already"),
        ([1], 400, "must be a JSON object"),
    ],
)
async def test_what_is_wrong_is_refused_by_name(serve: Serve, body: Any, status: int, said: str) -> None:
    async with serve() as served:
        answer = await ask(served, "POST", "/keys", body, status=status)
        assert said in answer["error"]["message"]


@pytest.mark.parametrize("raw", [b"{", b"\xff", b"[" * 100, b'{"name":"' + b"a" * 70_000 + b'"}'])
async def test_a_body_that_is_none(serve: Serve, raw: bytes) -> None:
    async with serve() as served:
        answer = await served.client.post("/api/v1/keys", content=raw, headers=ROOT)
        assert answer.status_code in (400, 413)


async def test_a_limit_is_a_budget(serve: Serve) -> None:
    async with serve() as served:
        body = {"name": "alice", "limit": 50, "limit_reset": "monthly", "include_byok_in_limit": False}
        made = (await ask(served, "POST", "/keys", body, status=201))["data"]
        assert (made["limit"], made["limit_remaining"], made["limit_reset"]) == (50, 50, "monthly")
        more = (await ask(served, "PATCH", f"/keys/{made['hash']}", {"limit": 60}))["data"]
        assert (more["limit"], more["limit_reset"]) == (60, "monthly"), "the other half stays"
        daily = (await ask(served, "PATCH", f"/keys/{made['hash']}", {"limit_reset": "daily"}))["data"]
        assert (daily["limit"], daily["limit_reset"]) == (60, "daily")
        await ask(served, "PATCH", f"/keys/{made['hash']}", {"limit": None})
        shown = (await ask(served, "GET", f"/keys/{made['hash']}"))["data"]
        assert (shown["limit"], shown["limit_reset"]) == (None, None)
        mine = (await ask(served, "POST", "/keys", {"name": "b", "limit": 0.01}, status=201))["key"]
        assert (await ask(served, "GET", "/key", key=mine))["data"]["limit"] == 0.01


async def test_an_administrator_of_a_team_gets_no_further(serve: Serve) -> None:
    async with serve() as served:
        keys = (await ask(served, "GET", "/keys"))["data"]
        root = next(each["hash"] for each in keys if each["name"] == "root")
        await ask(served, "GET", f"/keys/{root}", key="chief", status=404)
        await ask(served, "POST", "/keys", {"name": "x", "team": "blue"}, key="chief", status=403)
        await ask(served, "POST", "/keys", {"name": "x", "markup": "0%"}, key="chief", status=403)
        await ask(served, "POST", "/teams", {"name": "x"}, key="chief", status=403)
        await ask(served, "GET", "/audit", key="chief", status=403)
        made = await ask(served, "POST", "/keys", {"name": "x", "role": "admin"}, key="chief", status=201)
        assert made["data"]["team"] == "red"
        await ask(served, "PATCH", f"/keys/{made['data']['hash']}", {"team": None}, key="chief", status=403)


async def test_a_team_s_own_credential_is_used_first_and_shown_nowhere(
    serve: Serve, calls: list[Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(0)
    own = "sk-of-the-team-red-0123456789"
    said: list[str] = []
    async with serve() as served:
        key = (await ask(served, "POST", "/keys", {"name": "r", "team": "red"}, status=201))["key"]
        assert (await chat(served, key, "acme/own")).status_code == 404, "that provider has no credential"
        for provider in ("lab", "bare"):
            path = f"/teams/red/credentials/{provider}"
            said.append(json.dumps(await ask(served, "PUT", path, {"key": own}, key="chief")))
        calls.clear()
        for model in ("acme/large", "acme/own"):
            answer = await chat(served, key, model)
            assert answer.status_code == 200
            assert calls[-1].headers["authorization"] == f"Bearer {own}"
        await chat(served, "member")
        assert calls[-1].headers["authorization"] == "Bearer provider-secret", "others have the shared one"
        rows = await served.rows("generations")
        assert [row["byok"] for row in rows[-3:]] == [1, 1, 0]
        used = (await ask(served, "GET", "/key", key=key))["data"]
        assert (used["usage"], used["byok_usage"]) == (0, 0.004)
        for path in ("/teams", "/teams/red", "/teams/red/credentials", "/audit", "/keys"):
            said.append(json.dumps(await ask(served, "GET", path)))
        said += [str(await served.rows(table)) for table in ("credentials", "audit", "keys")]
    async with serve() as served:
        assert (await chat(served, key, "acme/own")).status_code == 200
        assert calls[-1].headers["authorization"] == f"Bearer {own}", "it is there after a restart"
        await ask(served, "DELETE", "/teams/red/credentials/bare", key="chief")
        assert (await chat(served, key, "acme/own")).status_code == 404
        await ask(served, "PUT", "/teams/blue/credentials/lab", {"key": own}, key="chief", status=403)
        await ask(served, "PUT", "/teams/red/credentials/none", {"key": own}, status=404)
        await ask(served, "PUT", "/teams/red/credentials/lab", {"key": "a b"}, status=400)
        await ask(served, "PUT", "/teams/red/credentials/lab", {"key": own, "url": "x"}, status=400)
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("pointsman.db*"))
    assert own not in caplog.text + "".join(said)
    assert own.encode() not in kept


async def test_the_shared_credential_answers_where_the_team_s_own_is_refused(
    serve: Serve, calls: list[Any]
) -> None:
    refusal = {"error": {"message": "Incorrect API key provided: sk-of-the-team-red"}}
    async with serve(answer=Script.json(refusal, status=401)) as served:
        key = (await ask(served, "POST", "/keys", {"name": "r", "team": "red"}, status=201))["key"]
        await ask(served, "PUT", "/teams/red/credentials/lab", {"key": "sk-of-the-team-red"})
        answer = await chat(served, key)
        sent = [call.headers["authorization"] for call in calls]
        assert sent[:2] == ["Bearer sk-of-the-team-red", "Bearer provider-secret"]
        assert "sk-of-the-team-red" not in answer.text


async def test_the_audit_log_says_who_did_what_from_where(serve: Serve) -> None:
    async with serve() as served:
        made = await ask(served, "POST", "/keys", {"name": "alice"}, status=201)
        rows = (await ask(served, "GET", "/audit?limit=1"))["data"]
        assert len(rows) == 1
        row = rows[0]
        assert (row["action"], row["actor"], row["address"]) == ("key.create", "root", "127.0.0.1")
        assert made["key"] not in json.dumps(rows)
        assert (await ask(served, "GET", f"/audit?before={row['at'].replace('+', '%2B')}"))["data"] == []
        await ask(served, "GET", "/audit?limit=many", status=400)


@pytest.mark.parametrize(
    ("path", "shape"),
    [("/key", "get /key 200"), ("/keys", "get /keys 200"), ("/keys", "post /keys 201")],
)
async def test_answers_have_what_openrouter_s_specification_requires(
    serve: Serve, path: str, shape: str
) -> None:
    shared = shared_path()
    if shared is None:
        pytest.skip("the specification is not here")
    spec = yaml.safe_load((shared / "specs" / "openrouter-openapi.yaml").read_text())
    method, route, status = shape.split()
    schema = spec["paths"][route][method]["responses"][status]["content"]["application/json"]["schema"]
    async with serve() as served:
        body = {"name": "alice"} if method == "post" else None
        answer = await ask(served, method.upper(), path, body, status=int(status))
    assert set(schema["required"]) <= set(answer)
    data = schema["properties"]["data"]
    rows = answer["data"] if isinstance(answer["data"], list) else [answer["data"]]
    required = data.get("items", data)["required"]
    for row in rows:
        assert set(required) <= set(row)
