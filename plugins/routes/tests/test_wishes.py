"""Choices of the nearest, filters of all."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.config import Usd
from pointsman.exchange import Actor, Level
from pointsman_routes.preferences import MaxPrice, Percentiles, Preferences, SortSettings
from pointsman_routes.wishes import NOTHING, Above, Wishes, wishes_of

PRICE = SortSettings(by="price")


def wishes(*said: Preferences) -> Wishes:
    return wishes_of(said)


def test_who_says_nothing_wishes_nothing() -> None:
    assert wishes() is NOTHING
    assert not wishes(Preferences()).filters


@pytest.mark.parametrize(
    ("name", "near", "far", "attribute", "expected"),
    [
        ("allow_fallbacks", True, False, "alone", False),
        ("allow_fallbacks", None, False, "alone", True),
        ("require_parameters", False, True, "whole", False),
        ("require_parameters", None, True, "whole", True),
        ("quantizations", ("fp8",), ("fp16",), "quantizations", ("fp8",)),
        ("sort", SortSettings(by="latency"), PRICE, "by", "latency"),
        ("sort", None, PRICE, "by", "price"),
        ("order", ("A",), ("b",), "order", ("a",)),
        (
            "preferred_min_throughput",
            Percentiles(p50=1),
            Percentiles(p50=2),
            "throughput",
            Percentiles(p50=1),
        ),
        ("preferred_max_latency", None, Percentiles(p50=2), "latency", Percentiles(p50=2)),
    ],
)
def test_of_choices_the_nearest_counts(name: str, near: Any, far: Any, attribute: str, expected: Any) -> None:
    found = wishes(Preferences(**{name: near}), Preferences(**{name: far}))
    assert getattr(found, attribute) == expected


@pytest.mark.parametrize(
    ("name", "near", "far", "attribute", "expected"),
    [
        ("zdr", False, True, "zdr", True),
        ("zdr", True, False, "zdr", True),
        ("data_collection", "allow", "deny", "deny", True),
        ("enforce_distillable_text", False, True, "distillable", True),
        ("only", ("a", "B"), ("b", "c"), "only", (frozenset("ab"), frozenset("bc"))),
        ("ignore", ("A",), ("b", "a"), "ignore", frozenset("ab")),
    ],
)
def test_of_filters_all_count(name: str, near: Any, far: Any, attribute: str, expected: Any) -> None:
    found = wishes(Preferences(**{name: near}), Preferences(**{name: far}))
    assert getattr(found, attribute) == expected
    assert found.filters


def test_of_prices_the_lowest_of_each_kind_counts() -> None:
    near, far = MaxPrice(prompt=Usd(5), completion=Usd(1)), MaxPrice(prompt=Usd(3), request=Usd(9))
    found = wishes(Preferences(max_price=near), Preferences(max_price=far))
    assert found.most == {"prompt": 3, "completion": 1, "request": 9}


def test_order_and_sort_are_one_choice() -> None:
    own, key = Preferences(sort=PRICE), Preferences(order=("a",), sort=SortSettings(by="latency"))
    assert (wishes(own, key).order, wishes(own, key).by) == ((), "price"), (
        "the key's order is not the request's"
    )
    assert (wishes(key, own).order, wishes(key, own).by) == (("a",), None), "an order goes before a sort"


def test_all_is_told() -> None:
    own = Preferences(max_price=MaxPrice(prompt=Usd(10**9)), only=("a",))
    assert wishes(own).said == {"only": ["a"], "max_price": {"prompt": "1.00"}}
    assert wishes(own, Preferences(zdr=True)).said["levels"][1] == {"zdr": True}


def test_those_above_are_key_team_organisation_and_rule() -> None:
    said = [Preferences(order=(name,)) for name in "abcd"]
    levels = tuple(
        Level(kind, kind, kind, {"preferences": each})  # type: ignore[arg-type]
        for kind, each in zip(("key", "team", "organisation"), said, strict=False)
    )
    above = Above()
    actor = Actor("x", "key-x", levels=levels)
    for _ in range(2):
        assert above.of(actor, {"preferences": said[3]}) == tuple(said)
        assert above.of(actor, {}) == tuple(said[:3])
    assert above.of(Actor("y", "key-y", extra={"preferences": said[0]}), {}) == (said[0],)
    assert above.of(None, {}) == ()
