"""The exchange, its actor and its record."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from pointsman.catalogue import Endpoint
from pointsman.config import read_text
from pointsman.errors import UpstreamStatus
from pointsman.exchange import Actor, Candidate, Exchange, Level, Plan
from pointsman.facts import About
from pointsman.gateway import Gateway
from pointsman.providers import Provider
from pointsman.proxies import Proxy
from pointsman.setup import assemble


@pytest.fixture
def gateway(tmp_path: Path) -> Gateway:
    text = "plugins: {openai: {}, routes: {}}"
    return Gateway(assemble(read_text(text, name="proxy.yaml", env={}, base=tmp_path), env={}))


def exchange(gateway: Gateway, **headers: str) -> Exchange:
    return Exchange(gateway, gateway.setup.dialects.get("openai-chat", "chat"), headers)


@pytest.mark.parametrize(
    ("patterns", "names", "may"),
    [
        (("*",), ("a/b",), True),
        (("a/*",), ("a/b",), True),
        (("a/*",), ("alias", "a/b"), True),
        (("b/*", "fast"), ("fast", "a/b"), True),
        (("A/*",), ("a/b",), False),
        ((), ("a/b",), False),
    ],
)
def test_what_an_actor_may_use(patterns: tuple[str, ...], names: tuple[str, ...], may: bool) -> None:
    assert Actor("x", "key-x", models=patterns).may_use(*names) is may


def test_every_level_must_allow_what_an_actor_does() -> None:
    levels = (
        Level("key", "key-x", "x", models=("*",)),
        Level("team", "red", "red", models=("a/*", "fast"), providers=("lab", "spare")),
        Level("organisation", "acme", "acme", models=("*/b", "b/*"), providers=("lab*",)),
    )
    actor = Actor("x", "key-x", levels=levels)
    assert actor.bounded
    assert actor.may_use("a/b")
    assert actor.may_use("fast", "b/c"), "each level may know a model by another of its names"
    assert not actor.may_use("b/c")
    assert not actor.may_use("a/c")
    assert [actor.may_reach(name) for name in ("lab", "spare", "lab2")] == [True, False, False]


def test_an_actor_that_may_use_everything_is_not_bounded() -> None:
    assert not Actor("x", "key-x").bounded
    assert not Actor("x", "key-x", levels=(Level("key", "key-x", "x", models=("a", "*")),)).bounded
    assert Actor("x", "key-x", models=()).bounded
    assert Actor("x", "key-x", levels=(Level("team", "t", "t", surfaces=("chat",)),)).bounded


@pytest.mark.parametrize(
    ("about", "uncollected", "forgotten"),
    [
        (About(), False, False),
        (About(trains=False), False, False),
        (About(retains=False), False, True),
        (About(trains=True, retains=False), False, True),
        (About(trains=False, retains=True), False, False),
        (About(trains=False, retains=False), True, True),
    ],
)
def test_what_is_not_known_of_a_provider_is_not_so(about: About, uncollected: bool, forgotten: bool) -> None:
    assert (about.collects_nothing, about.forgets) == (uncollected, forgotten)
    key = Level("key", "key-x", "x")
    for bounds, may in (({"uncollected": True}, uncollected), ({"forgotten": True}, forgotten), ({}, True)):
        actor = Actor("x", "key-x", levels=(key, Level("team", "t", "t", **bounds)))
        assert actor.may_tell(about) is may
        assert actor.bounded is bool(bounds)


def test_what_a_plan_asked_in_vain_is_lost_at_each_attempt(gateway: Gateway) -> None:
    made, provider = exchange(gateway), Provider("lab", kind="x")
    candidate = Candidate(Endpoint(provider, "m"), "m")
    assert made.begin_attempt(candidate).lost == []
    made.plan = Plan(None, ("m",), lost=("provider.sort",))
    for _ in range(2):
        attempt = made.begin_attempt(candidate)
        attempt.lost.append("n")
        assert attempt.lost == ["provider.sort", "n"]


def test_a_client_is_who_a_trusted_proxy_says(gateway: Gateway) -> None:
    forwarded = {"x-forwarded-for": "198.51.100.1"}
    assert Exchange(gateway, None, forwarded, client="10.0.0.2").client == "10.0.0.2"
    core = gateway.setup.core
    server = replace(core.server, trusted_proxies=(Proxy("10.0.0.0/8"),))
    gateway.setup = replace(gateway.setup, core=replace(core, server=server))
    assert Exchange(gateway, None, forwarded, client="10.0.0.2").client == "198.51.100.1"


def test_ids_are_of_their_kind_and_unlike(gateway: Gateway) -> None:
    made = [exchange(gateway) for _ in range(100)]
    assert len({each.generation_id for each in made}) == 100
    assert all(each.generation_id.startswith("gen-") and each.request_id.startswith("req-") for each in made)


def test_the_record_tells_attempts_as_outcomes_and_is_json(gateway: Gateway) -> None:
    made = exchange(gateway)
    candidate = Candidate(Endpoint(Provider("lab", kind="k"), "x"), "a/b", ["first"])
    made.candidates = [candidate]
    attempt = made.begin_attempt(candidate)
    attempt.error = UpstreamStatus.of(529)
    attempt.ended = attempt.started + 0.25
    record = json.loads(json.dumps(made.record()))
    assert record["choice"] == "lab/x"
    assert record["outcomes"]["attempts"] == [
        {
            "endpoint": "lab/x",
            "provider": "lab",
            "lane": None,
            "continues": False,
            "status": 529,
            "error_type": "provider_overloaded",
            "message": "the provider answered with status 529",
            "lost": [],
            "answer_lost": [],
        }
    ]
    assert record["timings"]["attempts_ms"] == [250.0]
    assert record["timings"]["first_content_ms"] is None
    assert made.public.provider == "lab"


@pytest.mark.parametrize(
    ("header", "explains", "told"),
    [
        ("true", True, True),
        ("1", True, True),
        ("false", True, False),
        ("true", False, False),
        (None, True, False),
    ],
)
def test_who_is_told_the_decision(gateway: Gateway, header: str | None, explains: bool, told: bool) -> None:
    headers: dict[str, Any] = {"x-pointsman-explain": header} if header else {}
    made = exchange(gateway, **headers)
    assert not made.wants_explanation(), "nobody asks yet"
    made.actor = Actor("x", "key-x", explains=explains)
    assert made.wants_explanation() is told


def test_a_page_has_no_dialect(gateway: Gateway) -> None:
    with pytest.raises(RuntimeError, match="has no dialect"):
        Exchange(gateway, None, {}).codec.dialect  # noqa: B018 - reading it raises


def test_what_is_said_of_a_field_by_the_nearest_first(gateway: Gateway) -> None:
    asking = exchange(gateway)
    assert asking.said("x") == []
    asking.actor = Actor("a", "key-a", extra={"x": 1})
    assert asking.said("x") == [1]
    asking.plan = Plan(None, ("m",), {"x": 0})
    levels = (
        Level("key", "key-a", "a", {"x": 1}),
        Level("team", "t", "t"),
        Level("organisation", "o", "o", {"x": 3}),
    )
    asking.actor = Actor("a", "key-a", extra={"x": 1}, levels=levels)
    assert asking.said("x") == [0, 1, None, 3]
