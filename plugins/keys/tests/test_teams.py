"""Teams and the organisation of the configuration: every level must allow."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import httpx
import pytest

from pointsman.errors import ConfigError
from pointsman.exchange import Actor
from pointsman.facts import About
from pointsman.testing import Running

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]

KEY = {"x-api-key": "pm-alice-0123456789", "x-pointsman-explain": "true"}


@pytest.fixture
def sections(digest: Callable[[str], str]) -> Callable[..., str]:
    """A key of a team, a team and the organisation, each with these settings."""

    def write(key: str = "", team: str = "", organisation: str | None = None) -> str:
        more = f", {key}" if key else ""
        own = f"organisation: {{{organisation}}}\n" if organisation is not None else ""
        hashed = digest(KEY["x-api-key"])
        return (
            f"keys: [{{name: alice, key_hash: {hashed}, team: research{more}}}]\n"
            f"teams: {{research: {{{team}}}}}\n{own}"
        )

    return write


def actor_of(served: Running) -> Actor:
    plugin: Any = served.gateway.setup.plugins.get("keys")
    (known,) = plugin.target.directory.known.values()
    actor: Actor = known.actor
    return actor


def message(answer: httpx.Response) -> str:
    return str(answer.json()["error"]["message"])


async def test_the_levels_of_a_key_from_the_key_outward(serve: Serve, sections: Callable[..., str]) -> None:
    written = sections("tags: [batch], role: admin", "tags: [legal, batch]", "name: acme, tags: [eu]")
    async with serve(written.replace("research: {", "research: {role: admin, ")) as served:
        actor = actor_of(served)
        assert [(level.kind, level.id, level.name) for level in actor.levels] == [
            ("key", actor.key_id, "alice"),
            ("team", "research", "research"),
            ("organisation", "acme", "acme"),
        ]
        assert (actor.role, actor.tags) == ("member", ("batch", "legal", "eu")), "an admin of its team alone"


async def test_what_plugins_declare_for_a_level_is_in_its_extra(
    serve: Serve, sections: Callable[..., str], tmp_path: Any
) -> None:
    (tmp_path / "colours.py").write_text(
        "from pointsman import hookimpl\n"
        "POINTSMAN_API = 1\n"
        "@hookimpl\n"
        "def plugin_settings(register):\n"
        "    for record in ('key', 'team', 'organisation'):\n"
        "        register.field(record, 'colour', str | None, default=None, help='A colour.')\n"
    )
    written = sections("colour: red", "colour: green", "colour: blue")
    async with serve(written, plugin=str(tmp_path / "colours.py")) as served:
        assert [level.extra["colour"] for level in actor_of(served).levels] == ["red", "green", "blue"]


@pytest.mark.parametrize(
    ("key", "team", "organisation", "said"),
    [
        ("models: [acme/large]", "", None, "key 'alice' may not use model 'acme/small'"),
        ("", "models: [acme/large]", None, "team 'research' of key 'alice' may not use model 'acme/small'"),
        (
            "",
            "",
            "name: us, models: [acme/large]",
            "organisation 'us' of key 'alice' may not use model 'acme/small'",
        ),
        ("", "surfaces: [embeddings]", None, "team 'research' may not use the surface 'chat'"),
        ("surfaces: [emb*]", "", None, "key 'alice' may not use the surface 'chat'"),
    ],
)
async def test_each_level_can_refuse(
    serve: Serve,
    ask: Ask,
    sections: Callable[..., str],
    key: str,
    team: str,
    organisation: str | None,
    said: str,
) -> None:
    async with serve(sections(key, team, organisation)) as served:
        answer = await ask(served, KEY, model="acme/small")
        assert (answer.status_code, message(answer)) == (403, said)


async def test_globs_of_several_levels_are_one_behind_the_other(
    serve: Serve, ask: Ask, sections: Callable[..., str]
) -> None:
    async with serve(sections('models: ["acme/*"]', 'models: ["*/small", "spare/*"]')) as served:
        assert (await ask(served, KEY, model="acme/small")).status_code == 200
        answer = await ask(served, KEY, model="acme/large")
        assert answer.status_code == 403


@pytest.mark.parametrize("level", ["key", "team", "organisation"])
async def test_providers_are_left_out_at_each_level(
    serve: Serve, ask: Ask, sections: Callable[..., str], level: str
) -> None:
    async with serve(sections(**{level: "providers: [spare]"})) as served:
        answer = await ask(served, KEY)
        assert answer.headers["x-pointsman-provider"] == "spare"
        record = json.loads(answer.headers["x-pointsman-decision"])
        assert record["excluded"][0]["endpoint"] == "lab/large-v1"
        assert "not allowed to key 'alice'" in record["excluded"][0]["why"]
        assert (await ask(served, KEY, model="acme/small")).status_code == 404
        listed = (await served.client.get("/v1/models", headers=KEY)).json()["data"]
        assert {each["id"] for each in listed} == {"acme/large", "big"}


@pytest.mark.parametrize(
    ("team", "organisation", "said"),
    [
        ("disabled: true", None, "key 'alice' belongs to team 'research', which is disabled"),
        ("", "name: us, disabled: true", "key 'alice' belongs to organisation 'us', which is disabled"),
        ("expires: 2020-01-01", None, "key 'alice' expired at 2020-01-01T00:00:00+00:00"),
        (
            "expires: 2021-01-01",
            "expires: 2020-01-01",
            "key 'alice' expired at 2020-01-01T00:00:00+00:00",
        ),
    ],
)
async def test_a_level_out_of_use_takes_its_keys_with_it(
    serve: Serve, ask: Ask, sections: Callable[..., str], team: str, organisation: str | None, said: str
) -> None:
    async with serve(sections("", team, organisation)) as served:
        answer = await ask(served, KEY)
        assert (answer.status_code, message(answer)) == (401, said)


@pytest.mark.parametrize(
    ("key", "team", "organisation", "place", "said"),
    [
        ("role: admin", "", None, "proxy.yaml:10", "has the role admin, and team 'research' allows member"),
        ("models: [fast]", "models: [acme/large]", None, "proxy.yaml:10", "may use 'fast', and team"),
        ("", "models: [acme/small]", "models: [acme/large]", "proxy.yaml:11", "team 'research' may use"),
        ("providers: [lab]", "providers: [spare]", None, "proxy.yaml:10", "may use 'lab', and team"),
        ("surfaces: [chat]", "", "surfaces: [embeddings]", "proxy.yaml:10", "may use 'chat', and organ"),
    ],
)
async def test_a_child_that_says_it_has_more_than_its_parent_is_an_error_at_its_place(
    serve: Serve,
    sections: Callable[..., str],
    key: str,
    team: str,
    organisation: str | None,
    place: str,
    said: str,
) -> None:
    with pytest.raises(ConfigError) as raised:
        async with serve(sections(key, team, organisation)):
            pass
    (problem,) = raised.value.problems
    assert place in problem.place
    assert said in problem.message


async def test_an_alias_of_what_the_parent_allows_is_no_more_than_that(
    serve: Serve, ask: Ask, sections: Callable[..., str]
) -> None:
    async with serve(sections("models: [fast]", "models: [acme/small]")) as served:
        assert (await ask(served, KEY, model="fast")).status_code == 200


async def test_a_key_of_no_team_that_is_there_is_an_error_at_its_place(
    serve: Serve, sections: Callable[..., str]
) -> None:
    with pytest.raises(ConfigError, match="belongs to team 'research', which is not there") as raised:
        async with serve(sections().replace("teams: {research", "teams: {legal")):
            pass
    (problem,) = raised.value.problems
    assert (problem.line, problem.expected) == (10, "one of the teams: legal")


@pytest.mark.parametrize("name", ['""', '" a"', '"a|b"', '"a\\nb"'])
async def test_a_team_has_a_name_that_can_be_used(serve: Serve, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot be a name"):
        async with serve(f"teams: {{{name}: {{}}}}\n"):
            pass


async def test_wrong_keys_are_refused_alike_and_then_told_to_wait(
    serve: Serve, ask: Ask, sections: Callable[..., str]
) -> None:
    async with serve(sections(), keys="{wrong_keys: 3}") as served:
        answers = [await ask(served, {"x-api-key": f"pm-wrong-{number}"}) for number in range(3)]
        assert {(answer.status_code, message(answer)) for answer in answers} == {
            (401, "this API key is not known")
        }
        fourth = await ask(served, {"x-api-key": "pm-wrong-4"})
        assert fourth.status_code == 429
        assert 1 <= int(fourth.headers["retry-after"]) <= 61
        page = await served.client.get("/v1/models", headers={"x-api-key": "pm-wrong-5"})
        assert page.status_code == 429
        assert (await ask(served, KEY)).status_code == 200, "a key that is known is let in"


@pytest.mark.parametrize("level", ["key", "team", "organisation"])
@pytest.mark.parametrize(
    ("policy", "known", "status"),
    [
        ("zdr: true", "", 404),
        ("zdr: true", "trains: false, retains: true", 404),
        ("zdr: true", "retains: false", 200),
        ("collection: deny", "retains: false", 404),
        ("collection: deny", "trains: false, retains: false", 200),
        ("collection: allow, zdr: false", "", 200),
    ],
)
async def test_data_goes_nowhere_that_a_level_does_not_allow(
    serve: Serve, ask: Ask, sections: Callable[..., str], level: str, policy: str, known: str, status: int
) -> None:
    levels = {level: f"data_policy: {{{policy}}}"}
    written = sections(levels.get("key", ""), levels.get("team", ""), levels.get("organisation", ""))
    async with serve(written) as served:
        for provider in ("lab", "spare"):
            served.gateway.setup.providers[provider].about = About(**_said(known))
        answer = await ask(served, KEY, models=["fast"])
        assert answer.status_code == status
        listed = (await served.client.get("/v1/models", headers=KEY)).json()["data"]
        assert ("acme/large" in {row["id"] for row in listed}) is (status == 200)
        if status == 404:
            excluded = answer.json()["error"]["metadata"]["excluded_by"]
            assert {each["by"] for each in excluded} == {"keys"}


def _said(known: str) -> dict[str, Any]:
    pairs = (each.split(": ") for each in known.split(", ") if each)
    return {name: value == "true" for name, value in pairs}
