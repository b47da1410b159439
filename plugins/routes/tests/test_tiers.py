"""Service tiers: who has which, and what is asked for in one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import msgspec
import pytest

from pointsman.exchange import Exchange, Plan
from pointsman.pipeline import look
from pointsman.setup import Setup
from pointsman.types import Request
from pointsman_routes.tiers import Tier, asked_tier, offered

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]


def body(**more: Any) -> bytes:
    return msgspec.json.encode(
        {"model": "acme/large", "messages": [{"role": "user", "content": "Hello"}], **more}
    )


def having(**tiers: tuple[Tier, ...] | None) -> Callable[[Setup], None]:
    """What endpoints of acme/large say of their tiers, by their providers."""

    def prepare(setup: Setup) -> None:
        for endpoint in setup.catalogue.models["acme/large"].endpoints:
            endpoint.extra = {**endpoint.extra, "service_tiers": tiers.get(endpoint.provider.name)}

    return prepare


async def tried(
    decided: Decided, prepare: Callable[[Setup], None], sections: str = "", **said: Any
) -> list[str]:
    async with decided(sections, body(**said), prepare=prepare) as exchange:
        return [
            f"{each.endpoint.id} {each.way.params.get('service_tier', '') if each.way else ''}".strip()
            for each in exchange.candidates
        ]


async def test_priority_comes_first_and_others_behind(decided: Decided) -> None:
    prepare = having(spare=("priority",))
    for word in ("priority", "fast", "Priority"):
        assert await tried(decided, prepare, service_tier=word) == ["spare/large", "lab/large"]
    for other in ("auto", "default", "scale", "flex " * 2, None):
        assert await tried(decided, prepare, service_tier=other) == ["lab/large", "spare/large"]


async def test_an_order_or_a_rule_counts_before_it(decided: Decided) -> None:
    prepare = having(spare=("priority",))
    said: dict[str, Any] = {"service_tier": "priority", "provider": {"order": ["lab"]}}
    assert await tried(decided, prepare, **said) == ["lab/large", "spare/large"]
    rule = "routes: [{name: a, use: {preferences: {only: [lab]}}}]\n"
    assert await tried(decided, prepare, rule, service_tier="priority") == ["lab/large"]


async def test_the_record_has_the_word_that_rules_saw(decided: Decided) -> None:
    rule = "routes: [{name: hasty, when: {service_tier: fast}}]\n"
    for sections, word in ((rule, "fast"), ("", "priority")):
        async with decided(sections, body(service_tier="fast"), prepare=having(spare=("priority",))) as found:
            assert found.decision.record([])["values"]["service_tier"] == word
            assert found.plan is not None
            assert found.plan.preferences["service_tier"] == "priority"


async def test_flex_falls_back_to_nobody(decided: Decided) -> None:
    assert await tried(decided, having(spare=("flex",)), service_tier="flex") == ["spare/large"]


async def test_suffixes_ask_for_a_tier_beside_the_usual_one(decided: Decided) -> None:
    flex, priority = having(spare=("flex",), lab=("priority",)), having(spare=("priority",))
    assert await tried(decided, flex, model="acme/large:floor") == [
        "spare/large flex",
        "spare/large",
        "lab/large",
    ]
    assert await tried(decided, priority, model="acme/large:nitro") == [
        "spare/large priority",
        "lab/large",
        "spare/large",
    ]
    said: dict[str, Any] = {"model": "acme/large:floor", "provider": {"allow_fallbacks": False}}
    assert await tried(decided, flex, **said) == ["spare/large flex"]
    said = {"model": "acme/large:floor", "service_tier": "default"}
    assert len(await tried(decided, flex, **said)) == 3
    said = {"model": "acme/large:floor", "service_tier": "flex"}
    assert await tried(decided, flex, **said) == ["spare/large"], "it says so itself"


@pytest.mark.parametrize(
    ("extra", "params", "expected"),
    [
        ({"service_tiers": ("flex",)}, {}, True),
        ({"service_tiers": ("priority",)}, {"service_tier": "flex"}, False),
        ({"service_tiers": ()}, {}, False),
        ({}, {"service_tier": "flex"}, True),
        ({}, {"service_tier": "fast"}, False),
        ({}, {"service_tier": "default"}, False),
        ({}, {}, False),
    ],
    ids=str,
)
async def test_who_has_a_tier(
    decided: Decided, extra: dict[str, Any], params: dict[str, Any], expected: bool
) -> None:
    async with decided("", body()) as exchange:
        endpoint = exchange.candidates[0].endpoint
        endpoint.extra, endpoint.params = extra, params
        assert offered(exchange, endpoint, "flex") is expected
        endpoint.extra = {}
        endpoint.provider.extra, endpoint.params = extra, {}
        assert offered(exchange, endpoint, "flex") is (expected and bool(extra))


async def test_a_preset_may_ask_and_the_request_counts_before_it(decided: Decided) -> None:
    async with decided("", body()) as exchange:
        plan = Plan(None, (), params={"service_tier": "flex"})
        assert asked_tier(exchange, plan) == "flex"
        for own, expected in (("priority", "priority"), ("default", None)):
            exchange.request = Request(body(service_tier=own))
            look(exchange)
            assert asked_tier(exchange, plan) == expected
