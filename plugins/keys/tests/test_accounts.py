"""Keys and teams that are made, changed and ended while the server runs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.errors import BadRequest, Conflict, Forbidden, NotFound, Unavailable
from pointsman.exchange import Actor
from pointsman.testing import Running, running
from pointsman_keys import Accounts, Caller

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

ROOT = Caller(Actor("root", "key-root", role="admin"), "10.0.0.9")


def accounts(served: Running) -> Accounts:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    found: Accounts = plugin.target.accounts
    return found


def caller(served: Running, name: str) -> Caller:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    key = plugin.target.directory.named(name)
    made: Caller = plugin.target.caller(plugin.target.directory.known[key.digest].actor, "10.0.0.1")
    return made


async def answer(served: Running, ask: Ask, key: Any, **more: Any) -> int:
    return (await ask(served, {"x-api-key": key.reveal()}, **more)).status_code


async def test_a_key_works_as_soon_as_it_is_made_and_after_a_restart(
    serve: Serve, ask: Ask, tmp_path: Path
) -> None:
    async with serve(folder=tmp_path) as served:
        key, text = await accounts(served).create_key(ROOT, {"name": "alice", "tags": ["batch"]})
        assert text.reveal().startswith("pm-")
        assert len(text.reveal()) == 46, "256 bits"
        assert await answer(served, ask, text) == 200
        assert (await served.rows("generations"))[0]["key_id"] == key.id
    async with serve(folder=tmp_path) as served:
        assert await answer(served, ask, text) == 200
        again = accounts(served).key(ROOT, key.hash)
        assert replace(again, given=key.given) == key


async def test_only_digests_are_kept(serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    async with serve(folder=tmp_path) as served:
        key, text = await accounts(served).create_key(ROOT, {"name": "alice"})
        _, other = await accounts(served).rotate_key(ROOT, key.hash, 60)
        shown = f"{await served.rows('keys')} {await served.rows('audit')} {caplog.text} {key!r}"
        assert key.hash in shown
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("pointsman.db*"))
    for secret in (text, other):
        assert secret.reveal() not in shown
        assert secret.reveal().encode() not in kept


async def test_a_change_is_effective_at_once(serve: Serve, ask: Ask) -> None:
    async with serve() as served:
        book = accounts(served)
        key, text = await book.create_key(ROOT, {"name": "alice"})
        await book.change_key(ROOT, key.hash, {"models": ["acme/small"]})
        assert await answer(served, ask, text) == 403
        await book.change_key(ROOT, key.id, {"models": None, "disabled": True})
        assert await answer(served, ask, text) == 401
        await book.change_key(ROOT, key.hash, {"disabled": False})
        assert await answer(served, ask, text) == 200
        await book.change_key(ROOT, key.hash, {"expires": "2020-01-01"})
        assert await answer(served, ask, text) == 401


async def test_rotation_leaves_the_old_text_for_a_while(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(folder=tmp_path) as served:
        book = accounts(served)
        key, first = await book.create_key(ROOT, {"name": "alice"})
        rotated, second = await book.rotate_key(ROOT, key.hash, 3600)
        assert (rotated.hash, rotated.id) == (key.hash, key.id), "its limits and records stay its own"
        assert [await answer(served, ask, text) for text in (first, second)] == [200, 200]
    async with serve(folder=tmp_path) as served:
        assert [await answer(served, ask, text) for text in (first, second)] == [200, 200]
        book = accounts(served)
        _, third = await book.rotate_key(ROOT, key.hash, 0)
        assert [await answer(served, ask, text) for text in (first, second, third)] == [401, 401, 200]
        with pytest.raises(BadRequest, match="overlap"):
            await book.rotate_key(ROOT, key.hash, -1)


async def test_a_text_before_a_rotation_ends_when_its_time_is_up(serve: Serve, ask: Ask) -> None:
    async with serve() as served:
        book = accounts(served)
        key, first = await book.create_key(ROOT, {"name": "alice"})
        await book.rotate_key(ROOT, key.hash, 0.001)
        found = book.key(ROOT, key.hash)
        assert found.old is not None
        directory = book.directory
        directory.put(replace(found, old=(found.old[0], found.old[1].replace(year=2020))))
        assert await answer(served, ask, first) == 401


async def test_a_revoked_key_is_gone_and_its_name_free(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    async with serve(folder=tmp_path) as served:
        book = accounts(served)
        key, text = await book.create_key(ROOT, {"name": "alice"})
        await book.revoke_key(ROOT, key.hash)
        assert await answer(served, ask, text) == 401
        with pytest.raises(NotFound):
            await book.change_key(ROOT, key.hash, {"disabled": False})
        await book.create_key(ROOT, {"name": "alice"})
    async with serve(folder=tmp_path) as served:
        assert await answer(served, ask, text) == 401
        assert [key.grants.name for key in accounts(served).keys(ROOT)] == ["alice"]


async def test_a_team_bounds_its_keys_at_once(serve: Serve, ask: Ask) -> None:
    async with serve() as served:
        book = accounts(served)
        await book.create_team(ROOT, "red", {"models": ["acme/*"]})
        key, text = await book.create_key(ROOT, {"name": "alice", "team": "red"})
        assert await answer(served, ask, text) == 200
        await book.change_team(ROOT, "red", {"models": ["acme/small"]})
        assert await answer(served, ask, text) == 403
        await book.change_team(ROOT, "red", {"models": None, "disabled": True})
        assert await answer(served, ask, text) == 401
        with pytest.raises(Conflict, match="has 1 keys"):
            await book.delete_team(ROOT, "red")
        await book.revoke_key(ROOT, key.hash)
        await book.delete_team(ROOT, "red")
        assert book.teams(ROOT) == []


@pytest.mark.parametrize(
    ("given", "error", "said"),
    [
        ({}, BadRequest, "`name` is missing"),
        ({"name": ""}, BadRequest, "cannot be a name"),
        ({"name": "bob"}, Conflict, "there is a key 'bob' already"),
        ({"name": "a", "team": "blue"}, BadRequest, "there is no team 'blue'"),
        ({"name": "a", "colour": "red"}, BadRequest, "unknown key `colour`"),
        ({"name": "a", "x-colour": "red"}, BadRequest, "unknown key `x-colour`"),
        ({"name": "a", "key_hash": "ab" * 32}, BadRequest, "unknown key `key_hash`"),
        ({"name": "a", "role": "root"}, BadRequest, "`role`"),
        ({"name": "a", "models": "acme/*"}, BadRequest, "`models`"),
        ({"name": "a", "expires": "soon"}, BadRequest, "`expires`"),
    ],
)
async def test_what_is_wrong_with_a_key_is_told_and_nothing_kept(
    serve: Serve, digest: Callable[[str], str], given: dict[str, Any], error: type[Exception], said: str
) -> None:
    async with serve(f"keys: [{{name: bob, key_hash: {digest('bob')}}}]") as served:
        with pytest.raises(error, match=said):
            await accounts(served).create_key(ROOT, given)
        assert await served.rows("keys") == await served.rows("audit") == []


async def test_what_stands_in_the_configuration_is_changed_there(
    serve: Serve, digest: Callable[[str], str]
) -> None:
    async with serve(f"teams: {{red: {{}}}}\nkeys: [{{name: bob, key_hash: {digest('bob')}}}]") as served:
        book = accounts(served)
        (key,) = book.keys(ROOT)
        for work in (
            book.change_key(ROOT, key.hash, {"disabled": True}),
            book.rotate_key(ROOT, key.hash, 0),
            book.revoke_key(ROOT, key.hash),
            book.change_team(ROOT, "red", {}),
            book.delete_team(ROOT, "red"),
        ):
            with pytest.raises(Conflict, match="stands in the configuration"):
                await work
        with pytest.raises(Conflict, match="a team 'red' already"):
            await book.create_team(ROOT, "red", {})


async def test_a_team_s_administrator_manages_its_keys_and_no_others(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        await book.create_team(ROOT, "red", {"role": "admin"})
        await book.create_team(ROOT, "blue", {})
        other, _ = await book.create_key(ROOT, {"name": "other", "team": "blue"})
        await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin", "models": ["acme/*"]})
        chief = caller(served, "chief")
        made, _ = await book.create_key(chief, {"name": "mine", "models": ["acme/small"]})
        assert made.grants.team == "red"
        assert {key.grants.name for key in book.keys(chief)} == {"chief", "mine"}
        assert [team.name for team in book.teams(chief)] == ["red"]
        with pytest.raises(NotFound):
            book.key(chief, other.hash)
        for work, said in (
            (book.create_key(chief, {"name": "x", "team": "blue"}), "administers team 'red' only"),
            (book.create_key(chief, {"name": "x"}), r"may not grant '\*' of `models`"),
            (
                book.create_key(chief, {"name": "x", "models": ["acme/*"], "markup": "0%"}),
                "may not set `markup`",
            ),
            (book.change_key(chief, made.hash, {"team": None}), "administers team 'red' only"),
            (book.change_key(chief, made.hash, {"models": ["*"]}), "may not grant"),
            (book.create_team(chief, "green", {}), "administers team 'red' only"),
            (book.change_team(chief, "red", {"models": None}), "administers team 'red' only"),
            (book.audit(chief, before="9", limit=1), "administers team 'red' only"),
        ):
            with pytest.raises(Forbidden, match=said):
                await work


async def test_nobody_gets_hold_of_a_key_that_may_do_more(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        strong, _ = await book.create_key(ROOT, {"name": "strong", "disabled": True})
        await book.create_key(
            ROOT, {"name": "weak", "role": "admin", "models": ["acme/small"], "expires": "2099-01-01"}
        )
        weak = caller(served, "weak")
        for work in (
            book.rotate_key(weak, strong.hash, 0),
            book.change_key(weak, strong.hash, {"disabled": False}),
            book.create_key(weak, {"name": "x", "models": ["acme/small"]}),
        ):
            with pytest.raises(Forbidden):
                await work
        await book.change_key(weak, strong.hash, {"disabled": True})
        await book.create_key(weak, {"name": "x", "models": ["acme/small"], "expires": "2098-01-01"})


async def test_a_key_does_not_change_its_own_settings(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        key, _ = await book.create_key(ROOT, {"name": "chief", "role": "admin", "tags": ["a"]})
        chief = caller(served, "chief")
        with pytest.raises(Forbidden, match="may not change its own settings"):
            await book.change_key(chief, key.hash, {"tags": None})
        await book.rotate_key(chief, key.hash, 60)
        await book.change_key(chief, key.hash, {"disabled": True})


async def test_without_a_configuration_there_is_a_session_key_beside_those_of_the_ledger(
    tmp_path: Path,
) -> None:
    for expected in ([], ["alice"]):
        async with running("auth: keys", folder=tmp_path) as served:
            assert served.gateway.session_key is not None
            book = accounts(served)
            assert [key.grants.name for key in book.keys(ROOT)] == expected
            if not expected:
                await book.create_key(ROOT, {"name": "alice"})


@pytest.mark.parametrize("role", ["member", "viewer"])
async def test_others_than_administrators_manage_nothing(serve: Serve, role: Any) -> None:
    async with serve() as served:
        book, somebody = accounts(served), Caller(Actor("x", "key-x", role=role))
        for look in (book.keys, book.teams):
            with pytest.raises(Forbidden):
                look(somebody)
        for work in (
            book.create_key(somebody, {"name": "y"}),
            book.create_team(somebody, "y", {}),
            book.audit(somebody, before="9", limit=1),
        ):
            with pytest.raises(Forbidden, match="no administrator"):
                await work


async def test_every_action_leaves_a_row(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        await book.create_team(ROOT, "red", {"tags": ["a"]})
        key, _ = await book.create_key(ROOT, {"name": "alice", "team": "red"})
        await book.change_key(ROOT, key.hash, {"disabled": True})
        await book.rotate_key(ROOT, key.hash, 60)
        await book.revoke_key(ROOT, key.hash)
        await book.change_team(ROOT, "red", {"tags": None})
        await book.delete_team(ROOT, "red")
        rows = await served.rows("audit")
        assert [(row["action"], row["subject"]) for row in rows] == [
            ("team.create", "red"),
            ("key.create", key.id),
            ("key.change", key.id),
            ("key.rotate", key.id),
            ("key.revoke", key.id),
            ("team.change", "red"),
            ("team.delete", "red"),
        ]
        assert {(row["actor"], row["actor_id"], row["address"]) for row in rows} == {
            ("root", "key-root", "10.0.0.9")
        }
        assert all(row["at"].endswith("+00:00") for row in rows)
        assert rows[2]["detail"] == {"disabled": True}
        newest = await book.audit(ROOT, before="9", limit=2)
        assert [row["action"] for row in newest] == ["team.delete", "team.change"]


async def test_what_the_ledger_refuses_is_not_done(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    async with serve() as served:

        async def refuse(statements: object) -> list[int]:
            raise Unavailable("the disk is full")

        monkeypatch.setattr(served.gateway.ledger, "execute", refuse)
        with pytest.raises(Unavailable):
            await accounts(served).create_key(ROOT, {"name": "alice"})
        assert accounts(served).keys(ROOT) == []


async def test_a_change_whose_caller_leaves_is_made_whole(serve: Serve) -> None:
    async with serve() as served:
        book, ledger = accounts(served), served.gateway.ledger
        begun, go_on = asyncio.Event(), asyncio.Event()
        execute = ledger.execute

        async def slowly(statements: Any) -> list[int]:
            begun.set()
            await go_on.wait()
            return await execute(statements)

        ledger.execute = slowly  # type: ignore[method-assign]
        task = asyncio.ensure_future(book.create_key(ROOT, {"name": "alice"}))
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go_on.set()
        while served.gateway._tasks:
            await asyncio.gather(*served.gateway._tasks)
        assert [key.grants.name for key in book.keys(ROOT)] == ["alice"]
        assert len(await served.rows("keys")) == 1


async def test_one_name_even_at_the_same_time(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        made = await asyncio.gather(
            *(book.create_key(ROOT, {"name": "alice"}) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(each, Conflict) for each in made) == 4
        assert len(book.keys(ROOT)) == 1


@pytest.mark.parametrize(
    "end",
    [
        lambda book, key: book.revoke_key(ROOT, key.hash),
        lambda book, key: book.change_key(ROOT, key.hash, {"role": None}),
        lambda book, key: book.change_key(ROOT, key.hash, {"models": ["acme/small"]}),
        lambda book, key: book.change_key(ROOT, key.hash, {"disabled": True}),
        lambda book, key: book.change_team(ROOT, "red", {"role": None}),
    ],
)
async def test_who_loses_his_rights_while_he_waits_does_nothing_more(serve: Serve, end: Any) -> None:
    async with serve() as served:
        book = accounts(served)
        await book.create_team(ROOT, "red", {"role": "admin"})
        key, _ = await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin"})
        chief = caller(served, "chief")
        await book.create_key(chief, {"name": "before"})
        done = await asyncio.gather(
            end(book, key), book.create_key(chief, {"name": "x"}), return_exceptions=True
        )
        assert isinstance(done[1], Conflict | Forbidden), done
        assert book.directory.named("x") is None
        assert not any(row["subject"] == "x" for row in await served.rows("audit"))


async def test_two_changes_of_one_administrator_at_the_same_time_are_both_made(serve: Serve) -> None:
    async with serve() as served:
        book = accounts(served)
        await book.create_team(ROOT, "red", {"role": "admin"})
        await book.create_key(ROOT, {"name": "chief", "team": "red", "role": "admin"})
        chief = caller(served, "chief")
        made = await asyncio.gather(*(book.create_key(chief, {"name": name}) for name in "abc"))
        await asyncio.gather(*(book.rotate_key(chief, key.hash, 60) for key, _ in made))
        assert {key.grants.name for key in book.keys(chief)} == {"a", "b", "c", "chief"}


@pytest.mark.parametrize("name", ["a/b", ".", "..", ""])
async def test_a_team_can_be_called_by_its_address(serve: Serve, name: str) -> None:
    async with serve() as served:
        with pytest.raises(BadRequest, match="cannot be a"):
            await accounts(served).create_team(ROOT, name, {})


async def test_the_audit_log_is_read_page_by_page_within_one_moment(serve: Serve, monkeypatch: Any) -> None:
    monkeypatch.setattr("pointsman_keys.accounts.now", lambda: "2026-11-27T00:00:00.000+00:00")
    async with serve() as served:
        book, names = accounts(served), [f"t{number}" for number in range(5)]
        for name in names:
            await book.create_team(ROOT, name, {})
        seen: list[str] = []
        before, id = "9", ""
        while rows := await book.audit(ROOT, before=before, id=id, limit=2):
            seen += [row["subject"] for row in rows]
            before, id = rows[-1]["at"], rows[-1]["id"]
        assert seen == names[::-1]
