"""Asking: labels go where they decide something."""

from __future__ import annotations

from collections import Counter
from random import Random

from pointsman_thrift.policy import Ask, Controller, Limits, Offer, Policy, choose, rival
from pointsman_thrift.quality import Quality

NOW = 1_800_000_000.0
OFFERS = [Offer("strong", 1000.0), Offer("fair", 100.0), Offer("hopeless", 90.0), Offer("new", 120.0)]


def taught() -> Quality:
    quality, chance = Quality(), Random(1)
    for _ in range(300):
        for model, worse in (("fair", 0.05), ("hopeless", 0.6)):
            both = 1.0, float(chance.random() >= worse)
            quality.observe_pair("maths", "strong", model, both, weight=1.0, at=NOW)
    return quality


def asked(loss: float, times: int = 400) -> Counter[str | None]:
    policy, chance = Policy(limits=Limits(loss, loss), explore=0.0), Random(2)
    quality, found = taught(), Counter[str | None]()
    for _ in range(times):
        choice = choose(
            Ask("maths", NOW),
            OFFERS,
            quality=quality,
            controller=Controller(policy.limits),
            policy=policy,
            chance=chance,
        )
        found[rival(choice, chance)] += 1
    return found


def test_where_another_was_served_it_is_the_reference() -> None:
    assert asked(0.2) == {"strong": 400}


def test_bargains_and_unknown_models_are_asked_and_hopeless_ones_are_not() -> None:
    found = asked(0.0)
    assert found["strong"] == 0
    assert found["fair"] > 100
    assert found["new"] > 80
    assert found["hopeless"] < 20


def test_one_model_has_no_rival() -> None:
    policy = Policy()
    choice = choose(
        Ask("maths", NOW),
        OFFERS[:1],
        quality=Quality(),
        controller=Controller(policy.limits),
        policy=policy,
        chance=Random(1),
    )
    assert rival(choice, Random(1)) is None
