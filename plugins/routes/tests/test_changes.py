"""What two configurations say differently, without any request."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.changes import _moved, changes

Make = Callable[[str], Setup]


async def told(old: Setup, new: Setup) -> list[str]:
    async with Gateway.dry(old) as before, Gateway.dry(new) as after:
        return [str(each) for each in changes(before, after)]


def rules(*lines: str) -> str:
    return "".join(["routes:\n", *(f"  - {line}\n" for line in lines)]) if lines else ""


A = "{name: a, when: {stream: true}, use: {models: [big]}}"
B = "{name: b, when: {surface: chat}, use: {models: [fast]}}"
C = "{name: c, when: {surface: embeddings}}"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([A, B], [A, B], []),
        ([A], [A, B], ["+ rule b (proxy.yaml:3)"]),
        ([A, B], [B], ["- rule a (proxy.yaml:2)"]),
        ([A], [A.replace("true", "false")], ["~ rule a (proxy.yaml:2): when"]),
        (
            [A],
            [A.replace("[big]", "[fast], deadline: 5s, colour: red")],
            ["~ rule a (proxy.yaml:2): models [big] → [fast], deadline none → 5.0, colour"],
        ),
        ([C], [C[:-1] + ", use: {fallbacks: [fast]}}"], ["~ rule c (proxy.yaml:2): fallbacks [] → [fast]"]),
        ([A, B, C], [C, A, B], ["~ rule c (proxy.yaml:2): order"]),
        ([A, B, C], [B, C, A], ["~ rule a (proxy.yaml:4): order"]),
        (
            [A],
            ["{name: all, use: {models: [fast]}}", A],
            [
                "+ rule all (proxy.yaml:2)",
                "! rule a (proxy.yaml:3): never reached: all at proxy.yaml:2 takes all its requests",
            ],
        ),
    ],
)
async def test_rules_that_differ(setup: Make, old: list[str], new: list[str], expected: list[str]) -> None:
    assert await told(setup(rules(*old)), setup(rules(*new))) == expected


async def test_keys_that_come_and_go(setup: Make) -> None:
    old = f"keys: [{{name: alice, key_hash: {'ab' * 32}}}]\n"
    assert await told(setup(old), setup(old.replace("alice", "bob"))) == ["- key alice", "+ key bob"]


async def test_keys_and_presets_that_may_do_something_else(setup: Make) -> None:
    old = (
        f"keys: [{{name: alice, key_hash: {'ab' * 32}, models: [acme/large]}}]\n"
        "presets: {brief: {models: [acme/large], preferences: {zdr: true}}, long: {system: More.}}\n"
    )
    new = old.replace("acme/large", "acme/small").replace("zdr: true", "zdr: false").replace("long", "short")
    new = new.replace("abab", "cdcd", 1)
    assert await told(setup(old), setup(new)) == [
        "- preset long",
        "+ preset short",
        "~ preset brief: models, preferences",
        "~ key alice: key_hash, models",
    ]


def test_rules_in_another_order_are_as_few_as_explain_it() -> None:
    names = [str(number) for number in range(5000)]
    assert _moved(names, names) == set()
    assert _moved(names, names[1:] + names[:1]) == {"0"}
    assert len(_moved(names, names[::-1])) == len(names) - 1
    assert _moved([], []) == set()


@given(st.permutations("abcdefg"))
def test_what_has_not_moved_stands_as_before(after: list[str]) -> None:
    before = sorted(after)
    stay = [name for name in after if name not in _moved(before, after)]
    assert stay == sorted(stay)
    longest = max(
        size for size in range(1, 8) if any(sorted(part) == [*part] for part in combinations(after, size))
    )
    assert len(stay) == longest


async def test_models_endpoints_and_providers_that_differ(setup: Make) -> None:
    old, new = setup(""), setup("")
    small, tiny = new.catalogue.models["acme/small"], new.catalogue.models["acme/tiny"]
    small.endpoints, small.aliases = [*tiny.endpoints], ("quick",)
    del new.catalogue.models["acme/broken"]
    del new.providers["open"]  # type: ignore[attr-defined]
    tiny.endpoints[0].extra = {"weight": 2}
    tiny.endpoints[1].timeout = 5.0
    assert await told(old, new) == [
        "- model acme/broken",
        "~ model acme/small: endpoints [lab/small] → [spare/large, lab/tiny]",
        "~ model acme/small: aliases [fast] → [quick]",
        "~ endpoint spare/large: weight",
        "~ endpoint lab/tiny: timeout",
        "- provider open",
    ]


async def test_prices_that_differ(setup: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = setup(""), setup("")
    lab = next(each.target for each in new.plugins.plugins if each.name == "lab")
    dearer = {**lab.PRICES, "lab/large": {**lab.PRICES["lab/large"], "input": 3}}
    dearer["lab/small"] = lab.PRICES["lab/tiny"]
    monkeypatch.setattr(lab, "PRICES", dearer)
    assert await told(old, new) == [
        "~ endpoint lab/large: prompt $2.00 → $3.00",
        "~ endpoint lab/small: prompt unknown → $0.00, completion unknown → $0.00, request unknown → $0.00, "
        "image unknown → $0.00",
    ]
