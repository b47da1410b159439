"""`pointsman keys` and `pointsman teams`, beside a running server and without one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.ledger import reader
from pointsman.testing import Running
from pointsman_openrouter.command import keys, teams

Serve = Callable[..., AbstractAsyncContextManager[Running]]


@pytest.fixture
def file(config: Callable[[str, str], str], tmp_path: Path) -> Path:
    path = tmp_path / "proxy.yaml"
    path.write_text(config("http://127.0.0.1:9", ""))
    return path


@pytest.fixture(autouse=True)
def no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POINTSMAN_ADMIN_KEY", raising=False)


def run(file: Path, *arguments: str, command: Any = keys) -> Result:
    return CliRunner().invoke(command, [*arguments, "--config", str(file)])


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, (result.output, result.exception)
    found: list[dict[str, Any]] = json.loads(result.stdout)
    return found


def test_without_a_server_the_ledger_is_changed(file: Path, tmp_path: Path) -> None:
    given = (
        "--team",
        "blue",
        "--model",
        "acme/*",
        "--model",
        "x",
        "--tag",
        "batch",
        "--expires",
        "2099-01-01",
    )
    (made,) = rows(run(file, "create", "alice", *given, "--set", 'limits={"requests":"60/min"}', "--json"))
    assert made["key"].startswith("pm-")
    assert (made["team"], made["models"], made["tags"]) == ("blue", ["acme/*", "x"], ["batch"])
    assert made["settings"] == {"limits": {"requests": "60/min"}}
    assert "alice" in {row["name"] for row in rows(run(file, "list", "--json"))}
    (shown,) = rows(run(file, "show", "alice", "--json"))
    assert shown["hash"] == made["hash"]
    assert "key" not in shown
    (rotated,) = rows(run(file, "rotate", made["id"], "--overlap", "1h", "--json"))
    assert rotated["key"] != made["key"]
    (revoked,) = rows(run(file, "revoke", made["hash"], "--json"))
    assert revoked["refused"] == "revoked"
    assert "alice" not in {row["name"] for row in rows(run(file, "list", "--all", "--json"))}
    with reader(f"sqlite:///{tmp_path}/pointsman.db", tmp_path) as ledger:
        actions = ledger.select_sync("select actor, action from audit order by at")
    assert [(row["actor"], row["action"]) for row in actions] == [
        ("command line", "key.create"),
        ("command line", "key.rotate"),
        ("command line", "key.revoke"),
    ]


def test_tables_for_people(file: Path) -> None:
    result = run(file, "create", "alice")
    assert result.exit_code == 0
    assert result.output.splitlines()[0].split()[:3] == ["key", "name", "id"]
    listed = run(file, "list").output
    assert [line.split()[0] for line in listed.splitlines()] == [
        "name",
        "alice",
        "chief",
        "member",
        "root",
        "viewer",
    ]
    assert "hash" in run(file, "show", "alice").output
    assert [row["name"] for row in rows(run(file, "list", "--json", command=teams))] == ["blue", "red"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "nobody"), "there is no key 'nobody'"),
        (("create", "root"), "there is a key 'root' already"),
        (("create", "a", "--team", "green"), "there is no team 'green'"),
        (("create", "a", "--set", "limits"), "write NAME=JSON"),
        (("create", "a", "--set", "colour=red"), "unknown key `colour`"),
        (("rotate", "root"), "stands in the configuration"),
    ],
)
def test_what_is_refused_is_said(file: Path, arguments: tuple[str, ...], said: str) -> None:
    result = run(file, *arguments)
    assert result.exit_code == 1
    assert said in str(result.exception)


async def test_beside_a_server_it_is_asked_and_says_the_same(
    serve: Serve, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serve() as served:
        (made,) = rows(await asyncio.to_thread(run, file, "create", "alice", "--json"))
        answer = await served.client.get("/api/v1/key", headers={"x-api-key": made["key"]})
        assert answer.json()["data"]["label"] == "alice", "effective at once"
        listed = rows(await asyncio.to_thread(run, file, "list", "--all", "--json"))
        answer = await served.client.get(
            "/api/v1/keys?include_disabled=true", headers={"x-api-key": "the-admin-key"}
        )
        assert listed == answer.json()["data"]
        (audited,) = await served.rows("audit")
        assert (audited["actor"], audited["address"]) == ("admin", "127.0.0.1")
        result = await asyncio.to_thread(run, file, "list", "--key", "member")
        assert "is no administrator" in str(result.exception)
        monkeypatch.setenv("POINTSMAN_ADMIN_KEY", "root")
        assert (await asyncio.to_thread(run, file, "revoke", "alice", "--json")).exit_code == 0
        assert (await served.rows("audit"))[-1]["actor"] == "root"
        file.write_text(file.read_text().replace("admin_key: the-admin-key\n", ""))
        monkeypatch.delenv("POINTSMAN_ADMIN_KEY")
        result = await asyncio.to_thread(run, file, "list")
        assert "give its admin key with --key" in str(result.exception)


def test_settings_are_changed_by_name(file: Path) -> None:
    policy, prefer = 'data_policy={"zdr": true}', 'preferences={"sort": "price"}'
    (made,) = rows(run(file, "create", "green", "--set", policy, "--json", command=teams))
    assert made["data_policy"] == {"collection": None, "zdr": True}
    (key,) = rows(run(file, "create", "alice", "--team", "green", "--set", prefer, "--json"))
    assert key["settings"] == {"preferences": {"sort": "price"}}
    looser = run(file, "change", "alice", "--set", 'data_policy={"zdr": false}')
    assert "lets data be kept, and team 'green' does not" in str(looser.exception)
    (changed,) = rows(
        run(file, "change", "alice", "--set", "preferences=null", "--set", 'tags=["a"]', "--json")
    )
    assert (changed["settings"], changed["tags"]) == ({}, ["a"])
    (open_again,) = rows(run(file, "change", "green", "--set", "data_policy=null", "--json", command=teams))
    assert open_again["data_policy"]["zdr"] is None
    assert "there is no team 'a b'" in str(
        run(file, "change", "a b", "--set", "tags=[]", command=teams).exception
    )
