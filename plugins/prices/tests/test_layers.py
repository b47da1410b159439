"""Layers: what counts at some hour, for a long request, for a service tier."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_prices.book import read_price
from pointsman_prices.layers import layered, tier_of
from pointsman_prices.settings import PriceSettings, ServiceTier

WINDOW = "01:00-04:00 UTC"


def price(**written: Any) -> PriceSettings:
    (made,) = read_price(written)
    return made


def usd(prices: Any) -> dict[str, float]:
    return {key: given.nano / 1e9 for key, given in prices.items()}


def test_a_later_layer_counts_key_by_key_and_says_so() -> None:
    written = price(
        input=1,
        output=2,
        cache_read=0.1,
        windows=[{"time": WINDOW, "input": 3}],
        tiers=[{"above": 100, "input": 4, "output": 5}, {"above": 200, "input": 6}],
        service_tiers={"flex": {"output": 7}},
    )
    assert usd(layered(written)) == {"input": 1, "output": 2, "cache_read": 0.1}
    assert usd(layered(written, window=0)) == {"input": 3, "output": 2, "cache_read": 0.1}
    assert usd(layered(written, window=0, tier=1)) == {"input": 4, "output": 5, "cache_read": 0.1}
    assert usd(layered(written, tier=2)) == {"input": 6, "output": 5, "cache_read": 0.1}
    found = layered(written, window=0, tier=2, service="flex")
    assert usd(found) == {"input": 6, "output": 7, "cache_read": 0.1}
    assert {key: given.layer for key, given in found.items()} == {
        "input": "above 200",
        "output": "flex",
        "cache_read": "base",
    }


def test_a_percentage_is_of_every_price_below() -> None:
    written = price(
        input=1,
        output=2,
        request=0.01,
        windows=[{"time": WINDOW, "all": "200%"}],
        service_tiers={"batch": "50%", "priority": {"all": "150%"}},
    )
    assert usd(layered(written, window=0)) == {"input": 2, "output": 4, "request": 0.02}
    assert usd(layered(written, window=0, service="batch")) == {"input": 1, "output": 2, "request": 0.01}
    assert usd(layered(written, service="priority")) == {"input": 1.5, "output": 3, "request": 0.015}
    assert layered(written, window=0)["input"].layer == f"window {WINDOW}"


def test_long_requests_of_a_service_tier_have_prices_of_their_own() -> None:
    written = price(
        input=1,
        output=2,
        tiers=[{"above": 100, "input": 4}, {"above": 200, "input": 8}],
        service_tiers={"flex": {"input": 0.5, "tiers": [{"above": 100, "input": 2}]}, "batch": {"input": 9}},
    )
    assert [usd(layered(written, tier=tier, service="flex"))["input"] for tier in range(3)] == [0.5, 2, 2]
    assert [usd(layered(written, tier=tier, service="batch"))["input"] for tier in range(3)] == [9, 9, 9]
    assert layered(written, tier=1, service="flex")["input"].layer == "flex above 100"


def test_a_percentage_of_a_tier_is_of_the_prices_without_tiers() -> None:
    written = price(input=1, output=2, tiers=[{"above": 1, "all": "200%"}, {"above": 2, "all": "400%"}])
    assert usd(layered(written, tier=1)) == {"input": 2, "output": 4}
    assert usd(layered(written, tier=2)) == {"input": 4, "output": 8}


def test_a_percentage_of_a_price_is_rounded_half_up() -> None:
    written = price(input="0.000000001", output="0.000000003", service_tiers={"flex": "50%"})
    found = layered(written, service="flex")
    assert (found["input"].nano, found["output"].nano) == (1, 2)


@pytest.mark.parametrize("service", ["flex", "priority"])
def test_a_service_tier_without_prices_changes_nothing_and_is_none(service: ServiceTier) -> None:
    for written in (price(input=1, output=2), price(input=1, output=2, service_tiers={"batch": "50%"})):
        assert tier_of(written, service) is None
        assert layered(written, service=service) == layered(written)


rises = st.lists(st.integers(0, 1000), min_size=1, max_size=5)


@given(rises)
def test_tiers_that_rise_never_lower_a_price(rising: list[int]) -> None:
    prices = [sum(rising[: number + 1]) for number in range(len(rising))]
    tiers = [{"above": 10 * (number + 1), "input": each} for number, each in enumerate(prices)]
    written = price(input=0, output=0, tiers=tiers)
    found = [layered(written, tier=tier)["input"].nano for tier in range(len(tiers) + 1)]
    assert found == sorted(found)
