"""Whose limits a request is under, and what it takes from each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from pointsman.config import Percent
from pointsman.exchange import Actor, Level
from pointsman.state import Demand, Quota
from pointsman_limits import LimitSettings, RuleSettings, Settings
from pointsman_limits.claims import claims_of, costs_of

Make = Callable[..., Any]
PLAIN = Settings()


def test_each_level_is_counted_for_itself(key: Make, team: Make) -> None:
    claims = claims_of(PLAIN, key(team=team(requests="9/h", tokens="1k/min"), requests=["1/s", "5/h"]), {})
    assert [(claim.whose, *claim.counter) for claim in claims.all] == [
        ("key 'alice'", "requests:key:key-alice", "second"),
        ("key 'alice'", "requests:key:key-alice", "hour"),
        ("team 'research'", "requests:team:team-research", "hour"),
        ("team 'research'", "tokens:team:team-research", "minute"),
    ]
    assert [places for places, *_ in claims.told] == [claims.requests, (3,)] == [(0, 1, 2), (3,)]
    assert (claims.held, claims.varies, claims.money) == (True, True, False)


def test_what_varies_is_held_and_what_does_not_is_the_same_for_all(key: Make) -> None:
    limits = {"requests": "9/s", "concurrency": 2, "tokens": "1k/h", "input_tokens": "900/h"}
    claims = claims_of(PLAIN, key(**limits, output_tokens="800/h", usd="1/h"), {})
    demands = claims.demands(costs_of(100, 20, 3))
    assert [(demand.cost, demand.hold) for demand in demands] == [
        (1, True),
        (1, False),
        (120, True),
        (100, True),
        (20, True),
        (3, True),
    ]
    used = claims.used(costs_of(7, 0, 1))
    assert [(demand.key.partition(":")[0], demand.cost, demand.hold) for demand in used] == [
        ("tokens", 7, False),
        ("input_tokens", 7, False),
        ("output_tokens", 0, False),
        ("usd", 1, False),
    ]
    assert claims.taken() == [Demand("requests:key:key-alice", Quota(9, "second"))]
    assert claims.demands(costs_of(0, 0))[:2] == claims.fixed


def test_the_default_is_for_keys_without_limits_and_not_for_administrators(key: Make) -> None:
    settings = Settings(default=key(requests="1/s").extra["limits"])
    assert [claim.demand.quota.amount for claim in claims_of(settings, key(), {}).all] == [1]
    assert [claim.demand.quota.amount for claim in claims_of(settings, key(requests="7/s"), {}).all] == [7]
    assert claims_of(settings, Actor("root", "key-root", "admin"), {}).all == ()


def test_rules_count_each_that_matches_or_each_combination() -> None:
    rules = (
        RuleSettings(per="model", match="acme/*", concurrency=3),
        RuleSettings(per=("key", "tag"), match="r*", concurrency=4),
        RuleSettings(per="app", concurrency=5),
    )
    names: Any = {
        "key": (("key-1", "alice"),),
        "model": (("acme/x", "acme/x"),),
        "tag": (("red", "red"), ("rose", "rose"), ("blue", "blue")),
    }
    claims = claims_of(Settings(rules=rules), Actor("root", "key-root", "admin"), names)
    assert [(claim.whose, claim.demand.key, claim.moves) for claim in claims.all] == [
        ("model 'acme/x'", "concurrency:model~acme/*:acme/x", True),
        ("key 'alice', tag 'red'", "concurrency:key+tag~r*:key-1|red", False),
        ("key 'alice', tag 'rose'", "concurrency:key+tag~r*:key-1|rose", False),
    ]


def test_batch_leaves_others_a_part_of_what_is_shared_but_never_nothing_for_itself(
    key: Make, team: Make
) -> None:
    def seats(settings: Settings, shared: int) -> list[int]:
        who = key(team=team(concurrency=shared), concurrency=4, priority="batch")
        return [claim.demand.quota.amount for claim in claims_of(settings, who, {}).all]

    assert [seats(PLAIN, shared) for shared in (10, 11, 2, 1)] == [[4, 8], [4, 8], [4, 1], [4, 1]]
    assert seats(Settings(interactive_share=Percent(0)), 10) == [4, 10]


def made_by(maker: Level, who: Actor) -> Actor:
    """The same key, made by somebody whose level this is."""
    return replace(who, levels=(*who.levels[:1], maker, *who.levels[1:]))


def test_who_made_a_key_is_counted_too_but_has_no_default_limits(key: Make) -> None:
    settings = Settings(default=LimitSettings(requests=key(requests="7/h").extra["limits"].requests))
    chief = Level("key", "key-chief", "chief")
    assert [claim.whose for claim in claims_of(settings, made_by(chief, key()), {}).all] == ["key 'alice'"]
    bounded = replace(chief, extra=key(requests="3/h").extra)
    claims = claims_of(settings, made_by(bounded, key(requests="5/h")), {})
    assert [(claim.whose, *claim.counter) for claim in claims.all] == [
        ("key 'alice'", "requests:key:key-alice", "hour"),
        ("key 'chief'", "requests:key:key-chief", "hour"),
    ]
