"""Families of models, and the newest of one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.catalogue import Catalogue, Endpoint, Model
from pointsman.config import ConfigError
from pointsman.errors import NotFound
from pointsman.exchange import Actor, Exchange
from pointsman.facts import Fact
from pointsman.gateway import Gateway
from pointsman.providers import Provider
from pointsman.setup import Setup
from pointsman_routes.families import Families, lacks

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]
LAB = Provider("lab", kind="lab")
RULES = "routes: [{name: newest, use: {models: ['~acme/line-latest', fast]}}]\n"
LINE = ("acme/line-2", "acme/line-3", "acme/line-1.5")


def catalogue(*names: str, **created: int) -> Catalogue:
    """A catalogue of models, each at the lab, with when they came out by their names' last parts."""
    made = Catalogue({"lab": LAB})
    for name in names:
        slug = name.rpartition("/")[2]
        when = created.get(slug.replace("-", "_").replace(".", "_"))
        facts = {"created": Fact(when, "test")} if when is not None else {}
        made.add(Model(name, [Endpoint(LAB, slug, facts=facts)]))
    return made


def body(model: str) -> bytes:
    return b'{"model":"%s","messages":[{"role":"user","content":"Hello"}]}' % model.encode()


def with_line(setup: Setup) -> None:
    for name in LINE:
        slug = name.rpartition("/")[2]
        setup.catalogue.add(Model(name, [Endpoint(setup.providers["lab"], slug)]))


@pytest.mark.parametrize(
    ("names", "family"),
    [
        (["a/claude-3.7-sonnet", "a/claude-sonnet-4.5", "a/claude-sonnet-4-20250514"], "a/claude-sonnet"),
        (["o/gpt-5.2", "o/gpt-4", "o/gpt-4o", "o/gpt-4.1"], "o/gpt"),
        (["g/gemini-2.5-flash", "g/gemini-3-flash"], "g/gemini-flash"),
        (["q/qwen3-coder", "q/qwen2.5-coder"], "q/qwen-coder"),
        (["d/model-v3.1", "d/model-v3", "d/model-0324"], "d/model"),
        (["m/llama-3.3-70b", "m/llama-3.1-70b"], "m/llama-70b"),
        (["k/kimi-k2"], "k/kimi-k2"),
        (["o/o3-mini"], "o/o3-mini"),
    ],
)
def test_names_that_differ_in_version_alone_are_of_one_family(names: list[str], family: str) -> None:
    found = Families(catalogue(*names, "a/claude-opus-4.5", "o/gpt-5-mini", "m/llama-3.3-8b"))()
    assert sorted(each.name for each in found[family]) == sorted(names)


def test_the_date_counts_and_else_the_version() -> None:
    dated = catalogue("a/m-1", "a/m-2", "a/m-3", m_1=300, m_2=200)
    assert [each.name for each in Families(dated)()["a/m"]] == ["a/m-1", "a/m-2", "a/m-3"]
    versions = catalogue("a/m-4.5", "a/m-4-20250514", "a/m-4.10", "a/m-3")
    found = [each.name for each in Families(versions)()["a/m"]]
    assert found == ["a/m-4.10", "a/m-4.5", "a/m-4-20250514", "a/m-3"]


def test_they_are_found_anew_when_the_catalogue_has_changed() -> None:
    made = catalogue("a/m-1")
    families = Families(made)
    assert [each.name for each in families()["a/m"]] == ["a/m-1"]
    assert families() is families()
    made.add(Model("a/m-2", [Endpoint(LAB, "m-2")]))
    made.add(Model("a/m-3", [Endpoint(LAB, "m-3")], listed=False))
    made.add(Model("a/m-4:free", [Endpoint(LAB, "m-4:free")]))
    assert [each.name for each in families()["a/m"]] == ["a/m-2", "a/m-1"]


@pytest.mark.parametrize(
    ("name", "lacking"),
    [
        ("~a/m-latest", False),
        ("~a/m-latest:floor", False),
        ("~a/m-2-latest", False),
        ("~a/n-latest", True),
        ("~a/m", True),
        ("~m-latest", True),
        ("a/m-1:nitro", False),
        ("a/n:nitro", True),
        ("a/m-1:other", True),
    ],
)
def test_names_of_rules_that_mean_nothing_are_known(name: str, lacking: bool) -> None:
    made = catalogue("a/m-1")
    assert lacks(made, name, Families(made)) is lacking


async def test_a_client_gets_the_newest_that_it_may_use(decided: Decided) -> None:
    narrow = Actor("narrow", "k", models=("acme/line-2", "acme/line-1.5"))
    for actor, expected in ((Actor("all", "k"), "lab/line-3"), (narrow, "lab/line-2")):
        async with decided("", body("~acme/line-latest"), actor=actor, prepare=with_line) as exchange:
            assert [each.endpoint.id for each in exchange.candidates] == [expected]
            assert exchange.decision.requested == "~acme/line-latest"
            assert exchange.peek.model == f"acme/{expected.removeprefix('lab/')}"


async def test_one_that_cannot_be_called_is_passed_over(decided: Decided) -> None:
    def prepare(setup: Setup) -> None:
        with_line(setup)
        setup.catalogue.add(Model("acme/line-9", [Endpoint(setup.providers["shut"], "line-9")]))

    async with decided("", body("~acme/line-latest"), prepare=prepare) as exchange:
        assert [each.endpoint.id for each in exchange.candidates] == ["lab/line-3"]


async def test_rules_see_the_model_and_may_use_families(
    decided: Decided, setup: Callable[[str], Setup]
) -> None:
    seen = 'routes: [{name: seen, when: {model: "acme/line-*"}, use: {fallbacks: [fast]}}]\n'
    async with decided(seen, body("~acme/line-latest"), prepare=with_line) as exchange:
        assert exchange.decision.rule == "seen"
    models = RULES.replace("line", "tiny")
    async with decided(models, body("auto")) as exchange:
        assert [*exchange.decision.models] == ["acme/tiny", "fast"]
    with pytest.raises(ConfigError, match="uses model '~acme/line-latest', which no provider has"):
        async with Gateway.dry(setup(RULES)):
            pass


@pytest.mark.parametrize(
    ("model", "actor", "words"),
    [
        ("~acme/lime-latest", Actor("all", "k"), "did you mean ~acme/line-latest"),
        ("~acme", Actor("all", "k"), "such a name is ~author/family-latest"),
        ("~acme/line-latest", Actor("none", "k", models=("acme/small",)), "there is no family"),
    ],
)
async def test_a_family_of_which_there_is_nothing_is_told(
    decided: Decided, model: str, actor: Actor, words: str
) -> None:
    with pytest.raises(NotFound) as caught:
        async with decided("", body(model), actor=actor, prepare=with_line):
            pass
    assert words in caught.value.message
    assert caught.value.code == "model_not_found"
    hidden: Any = actor.models != ("*",)
    assert not hidden or "mean ~acme/line" not in caught.value.message
