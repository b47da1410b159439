"""In which order what is left is tried."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from pointsman.credentials import Key
from pointsman.exchange import Actor, Exchange, Plan
from pointsman.secrets import Secret
from pointsman.setup import Picker, Setup
from pointsman_routes.pace import Pace
from pointsman_routes.picking import picked
from pointsman_routes.preferences import Percentiles, Preferences, SortSettings
from pointsman_routes.ranking import ranked
from pointsman_routes.variants import SUFFIXES
from pointsman_routes.wanted import Wanted
from pointsman_routes.wishes import NOTHING, Wishes, wishes_of

Decided = Callable[..., AbstractAsyncContextManager[Exchange]]
Facts = Callable[..., Callable[[Setup], None]]


def body(provider: dict[str, Any] | None = None, **fields: Any) -> bytes:
    messages = [{"role": "user", "content": "Hello"}]
    said = {"provider": provider} if provider is not None else {}
    return json.dumps(
        {"model": "big", "models": ["acme/other"], "messages": messages, **said, **fields}
    ).encode()


def order(exchange: Exchange) -> list[str]:
    return [each.endpoint.id for each in exchange.candidates]


@pytest.mark.parametrize(
    ("provider", "expected"),
    [
        ({}, ["lab/large", "spare/large", "lab/tiny"]),
        ({"order": ["spare"]}, ["spare/large", "lab/large", "lab/tiny"]),
        ({"order": ["nobody", "spare/large", "lab"]}, ["spare/large", "lab/large", "lab/tiny"]),
        ({"order": ["spare"], "allow_fallbacks": False}, ["spare/large"]),
        ({"allow_fallbacks": False}, ["lab/large", "lab/tiny"]),
        ({"sort": "price", "allow_fallbacks": False, "ignore": ["spare"]}, ["lab/large", "lab/tiny"]),
        ({"sort": "price"}, ["spare/large", "lab/large", "lab/tiny"]),
        ({"sort": {"by": "price", "partition": "none"}}, ["lab/tiny", "spare/large", "lab/large"]),
        ({"sort": {"partition": "none"}}, ["lab/large", "spare/large", "lab/tiny"]),
        (
            {"order": ["lab"], "sort": {"by": "price", "partition": "none"}},
            ["lab/large", "lab/tiny", "spare/large"],
        ),
        (
            {"sort": {"by": "price", "partition": "none"}, "allow_fallbacks": False},
            ["lab/tiny"],
        ),
    ],
)
async def test_each_order(decided: Decided, provider: dict[str, Any], expected: list[str]) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    request = {"model": "big", "models": ["lab/tiny"], "messages": messages, "provider": provider}
    async with decided("", json.dumps(request).encode()) as exchange:
        assert order(exchange) == expected


async def test_an_order_says_why(decided: Decided) -> None:
    async with decided("", body({"order": ["spare"]}, models=[])) as exchange:
        assert exchange.candidates[0].reasons[-1] == "number 1 of provider.order"
    async with decided("", body({"sort": "price"}, models=["fast"])) as exchange:
        record = exchange.record()["candidates"]
        assert [each["reasons"][-1].partition(":")[0] for each in record] == ["price"] * 3
        assert record[-1]["reasons"][-1] == "price: not known"
        assert [each["scores"][-1]["unit"] for each in record] == ["nano-USD"] * 3
        values = [each["scores"][-1]["value"] for each in record]
        assert values == [each["price"]["nano"] for each in record]
        assert values[-1] is None
        assert exchange.plan is not None
        assert exchange.plan.lost == ()


async def test_what_stays_alone_says_so(decided: Decided) -> None:
    async with decided("", body({"allow_fallbacks": False}, models=[])) as exchange:
        assert [each.why for each in exchange.decision.excluded] == ["provider.allow_fallbacks: it is false"]


async def test_a_credential_of_ones_own_goes_first(decided: Decided) -> None:
    async with decided("", body({"sort": "price"}, models=[])) as exchange:
        dear = exchange.candidates[1]
        dear.key = Key(Secret("own"))
        kept, _ = ranked(
            exchange, exchange.candidates, Wanted(wishes_of((Preferences(order=("spare",)),))), {}
        )
        assert [each.endpoint.id for each in kept] == ["lab/large", "spare/large"]


SLOW, FAST = Pace([10.0], [3.0]), Pace([90.0], [0.2])


@pytest.mark.parametrize(
    ("said", "paces", "expected", "lost"),
    [
        ({"sort": "throughput"}, {"lab/large": SLOW, "spare/large": FAST}, ["spare/large", "lab/large"], []),
        ({"sort": "latency"}, {"lab/large": SLOW, "spare/large": FAST}, ["spare/large", "lab/large"], []),
        ({"sort": "latency"}, {"spare/large": SLOW}, ["spare/large", "lab/large"], []),
        ({"sort": "latency"}, {}, ["lab/large", "spare/large"], ["provider.sort"]),
        ({"sort": "exacto"}, {"spare/large": FAST}, ["lab/large", "spare/large"], ["provider.sort"]),
        ({"preferred_min_throughput": 50}, {"lab/large": SLOW}, ["spare/large", "lab/large"], []),
        ({"preferred_max_latency": 1}, {"lab/large": SLOW}, ["spare/large", "lab/large"], []),
        ({"preferred_max_latency": 1}, {"spare/large": FAST}, ["spare/large", "lab/large"], []),
        (
            {"preferred_max_latency": 5},
            {"lab/large": SLOW, "spare/large": FAST},
            ["lab/large", "spare/large"],
            [],
        ),
        (
            {"preferred_min_throughput": 50, "preferred_max_latency": {"p90": 1}},
            {},
            ["lab/large", "spare/large"],
            ["provider.preferred_max_latency", "provider.preferred_min_throughput"],
        ),
    ],
)
async def test_how_fast_they_are(
    decided: Decided, said: dict[str, Any], paces: Mapping[str, Pace], expected: list[str], lost: list[str]
) -> None:
    async with decided("", body(models=[])) as exchange:
        wishes: Wishes = exchange.notes.get("routes", NOTHING)
        assert wishes is NOTHING
    async with decided("", body(said, models=[])) as exchange:
        wanted = exchange.notes["routes"]
        assert wanted.timed is (said != {"sort": "exacto"})
        candidates = sorted(exchange.candidates, key=lambda each: each.endpoint.id)
        kept, found = ranked(exchange, candidates, Wanted(wanted.wishes), paces)
        assert [each.endpoint.id for each in kept] == expected
        assert found == lost


async def test_slow_ones_are_tried_all_the_same(decided: Decided) -> None:
    async with decided("", body(models=[])) as exchange:
        wishes = wishes_of((Preferences(preferred_max_latency=Percentiles(p50=1)),))
        paces = dict.fromkeys(("lab/large", "spare/large"), SLOW)
        kept, _ = ranked(exchange, exchange.candidates, Wanted(wishes), paces)
        assert len(kept) == 2
        assert kept[0].reasons[-1] == "preferred_max_latency: not reached"


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("acme/large:floor", ["spare/large", "lab/large"]),
        ("big:floor", ["spare/large", "lab/large"]),
        ("big", ["lab/large", "spare/large"]),
        ("acme/tiny:free", ["lab/tiny"]),
        ("acme/tiny", ["spare/large", "lab/tiny"]),
    ],
)
async def test_suffixes(decided: Decided, model: str, expected: list[str]) -> None:
    async with decided("", body(model=model, models=[])) as exchange:
        assert order(exchange) == expected
        assert exchange.decision.models == (model.partition(":")[0],)
        assert exchange.decision.values == ({"variants": dict([_told(model)])} if ":" in model else {})


def _told(model: str) -> tuple[str, str]:
    base, _, suffix = model.partition(":")
    return {"big": "acme/large"}.get(base, base), suffix


async def test_free_ones_go_first_where_the_others_are_asked_for_too(decided: Decided) -> None:
    async with decided("", body(model="acme/tiny:free", models=["acme/tiny"])) as exchange:
        assert order(exchange) == ["lab/tiny", "spare/large"]


@pytest.mark.parametrize("suffix", ["nitro", "exacto"])
async def test_a_suffix_of_which_nothing_came_is_lost(decided: Decided, suffix: str) -> None:
    async with decided("", body(model=f"big:{suffix}", models=[])) as exchange:
        assert exchange.plan is not None
        assert exchange.plan.lost == (f"model:{suffix}",)
        assert exchange.notes["routes"].timed is (suffix == "nitro")


async def test_an_order_goes_before_a_suffix(decided: Decided) -> None:
    async with decided("", body({"order": ["lab"]}, model="big:floor", models=[])) as exchange:
        assert order(exchange) == ["lab/large", "spare/large"]
        assert SUFFIXES["floor"].by == "price"


async def test_what_a_request_cannot_do_without_goes_to_who_takes_it(decided: Decided, facts: Facts) -> None:
    tools = [{"type": "function", "function": {"name": "f"}}]
    without = facts(lab_large={"parameters": ("seed",)}, spare_large={"parameters": ("tools",)})
    for provider, expected in (
        (None, ["spare/large", "lab/large", "lab/small"]),
        ({"allow_fallbacks": True}, ["spare/large", "lab/large", "lab/small"]),
        ({"order": ["lab"]}, ["lab/large", "spare/large", "lab/small"]),
    ):
        async with decided("", body(provider, models=["fast"], tools=tools), prepare=without) as exchange:
            assert order(exchange) == expected
            behind = next(each for each in exchange.candidates if each.endpoint.id == "lab/large")
            assert "behind others: it is known not to take tools" in behind.reasons
    async with decided("", body(models=["fast"], tools=tools), prepare=facts()) as exchange:
        assert order(exchange) == ["lab/large", "spare/large", "lab/small"], (
            "what is not known changes nothing"
        )


async def test_preferences_of_a_key_are_under_those_of_a_request(decided: Decided) -> None:
    said = Preferences(order=("spare",), ignore=("open",))
    alice = Actor("alice", "key-alice", extra={"preferences": said})
    async with decided("", body(models=["open/x"]), actor=alice) as exchange:
        assert order(exchange) == ["spare/large", "lab/large"]
    async with decided(
        "", body({"order": ["lab"], "only": ["lab", "open"]}, models=["open/x"]), actor=alice
    ) as exchange:
        assert order(exchange) == ["lab/large"]
        assert len(exchange.decision.values["provider"]["levels"]) == 2


async def test_preferences_of_a_rule(decided: Decided) -> None:
    rule = "routes: [{name: r, use: {preferences: {only: [spare, lab], sort: price}}}]\n"
    async with decided(rule, body({"only": ["spare"]}, models=[])) as exchange:
        assert order(exchange) == ["spare/large"]
    async with decided(rule, body(models=[])) as exchange:
        assert order(exchange) == ["spare/large", "lab/large"]


@pytest.mark.parametrize(
    ("across", "expected"),
    [
        (False, ["spare/large own", "lab/large", "lab/small own"]),
        (True, ["lab/small own", "spare/large own", "lab/large"]),
    ],
)
async def test_whoever_picks_ones_own_credentials_go_first(
    decided: Decided, across: bool, expected: list[str]
) -> None:
    async with decided("", body(models=["fast"])) as exchange:
        candidates = sorted(exchange.candidates, key=lambda each: each.endpoint.id != "spare/large")
        for place in (0, 2):
            candidates[place].key = Key(Secret("own"))
        backwards: Any = Picker("x", lambda _, found: found[::-1], "Backwards.", "lab", default=True)
        exchange.plan = Plan(None, ("big", "fast"), across=across)
        found = picked(exchange, candidates, backwards)
        assert [f"{each.endpoint.id}{' own' if each.key else ''}" for each in found] == expected


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"ignore": ["nobody"]}, ["lab/tiny", "lab/large", "spare/large"]),
        ({"sort": "price"}, ["lab/tiny", "spare/large", "lab/large"]),
        ({"order": ["spare"]}, ["lab/tiny", "spare/large", "lab/large"]),
        ({"allow_fallbacks": False}, ["lab/tiny"]),
    ],
)
async def test_a_rule_that_goes_across_models_keeps_its_order(
    decided: Decided, said: dict[str, Any], expected: list[str]
) -> None:
    rule = "routes: [{name: all, use: {across: true}}]\n"
    async with decided(rule, body(models=["lab/tiny"])) as exchange:
        assert exchange.plan is not None
        assert exchange.plan.across
        candidates = [exchange.candidates[place] for place in (2, 0, 1)]
        kept, _ = ranked(exchange, candidates, Wanted(wishes_of((Preferences(**preferences(said)),))), {})
        assert [each.endpoint.id for each in kept] == expected


def preferences(said: dict[str, Any]) -> dict[str, Any]:
    made = {name: tuple(value) if isinstance(value, list) else value for name, value in said.items()}
    return made if "sort" not in made else {"sort": SortSettings(by=made["sort"])}
