"""How far a key sees."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from pointsman.exchange import Actor
from pointsman.testing import Running, running
from pointsman_keys.reach import Reach, directory_of, reach_of

Serve = Callable[..., AbstractAsyncContextManager[Running]]


async def test_by_role(serve: Serve) -> None:
    async with serve() as served:
        found = {
            known.actor.name: reach_of(served.gateway, known.actor)
            for known in served.gateway.setup.plugins.get("keys").target.directory.known.values()  # type: ignore[union-attr]
        }
        ids = {key.grants.name: key.id for key in directory_of(served.gateway)}
    assert found["root"] == found["admin"] == Reach()
    assert found["chief"] == Reach(team="red")
    assert found["member"] == Reach(key_id=ids["member"])
    assert found["viewer"] == Reach(key_id=ids["viewer"])


async def test_without_the_plugin_keys_it_goes_by_the_actor() -> None:
    async with running("plugins: {keys: false, openrouter: {}}") as served:
        assert len(directory_of(served.gateway)) == 0
        assert reach_of(served.gateway, Actor("a", "key-a")) == Reach(key_id="key-a")
        assert reach_of(served.gateway, Actor("a", "key-a", role="admin")) == Reach()


@pytest.mark.parametrize(
    ("reach", "seen"),
    [
        (Reach(), "abc"),
        (Reach(team="red"), "ab"),
        (Reach(key_id="k"), "a"),
    ],
)
def test_whose_rows_are_seen(reach: Reach, seen: str) -> None:
    rows = {
        "a": {"key_id": "k", "team": "red"},
        "b": {"key_id": "l", "team": "red"},
        "c": {"key_id": None, "team": None},
    }
    assert "".join(name for name, row in rows.items() if reach.sees(row)) == seen
