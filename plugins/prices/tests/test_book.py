"""The book: what an endpoint's price comes to at a time, and whose price counts."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from pointsman.catalogue import Endpoint
from pointsman.facts import Fact
from pointsman.providers import Provider
from pointsman.types import Usage, UsageDetails
from pointsman_prices.book import Book, price_at, price_of, read_price, said_price, service_tier

M = 1_000_000
DEEPSEEK = {
    "input": 0.27,
    "output": 1.10,
    "cache_read": 0.07,
    "windows": [
        {"time": hours, "days": ["mon", "tue", "wed", "thu", "fri"], "all": "200%"}
        for hours in ("01:00-04:00 UTC", "06:00-10:00 UTC")
    ],
}
"""Peak hours as DeepSeek has them since August 2026."""


def book(*several: Mapping[str, Any], **written: Any) -> Book:
    return Book(read_price([*several] if several else written), "endpoint")


def at(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


NOW = at("2026-11-27")


def usd(book: Book, usage: Usage, time: float = NOW, **more: Any) -> float | None:
    cost = book.cost(usage, time, **more)
    return cost.nano / 1e9 if cost is not None else None


def endpoint(*, own: Any = None, provider: Any = None, fact: Any = None) -> Endpoint:
    lab = Provider("lab", kind="lab", dialects=frozenset(), extra={"price": provider})
    facts = {"price": Fact(fact, "a list", "2026-11-01")} if fact is not None else {}
    return Endpoint(lab, "large", extra={"price": own}, facts=facts)


@pytest.mark.parametrize(
    ("when", "share"),
    [
        ("2026-11-23 02:00", 2),  # a Monday
        ("2026-11-23 12:00", 1),
        ("2026-11-22 02:00", 1),  # a Sunday
        ("2026-11-23 00:59", 1),
        ("2026-11-23 01:00", 2),
        ("2026-11-23 04:00", 1),
        ("2026-11-23 06:00", 2),
        ("2026-11-23 10:00", 1),
        ("2026-11-27 09:59", 2),  # a Friday
        ("2026-11-28 09:59", 1),
    ],
)
def test_deepseek_costs_twice_as_much_in_its_peak_hours(when: str, share: int) -> None:
    usage = Usage(input=3 * M, output=M, cache_read=M)
    assert usd(book(DEEPSEEK), usage, at(when)) == pytest.approx((2 * 0.27 + 0.07 + 1.10) * share)


@pytest.mark.parametrize(
    ("tokens", "price"), [(200_000, 1), (200_001, 2), (1_000_000, 2), (1_000_001, 3), (0, 1)]
)
def test_past_a_limit_the_whole_request_is_repriced(tokens: int, price: int) -> None:
    tiers = [{"above": 200_000, "input": 2, "output": 20}, {"above": 1_000_000, "input": 3}]
    written = book(input=1, output=10, tiers=tiers)
    cost = written.cost(Usage(tokens, 1000, cache_read=tokens // 2), NOW)
    assert cost is not None
    assert cost.nano == tokens * price * 1000 + 1000 * (10 if price == 1 else 20) * 1000


def test_what_is_cached_makes_a_request_long_though_its_whole_leaves_it_out() -> None:
    long = book(input=1, output=0, tiers=[{"above": 200_000, "input": 2}])
    assert usd(long, Usage(1000, cache_read=M)) == 2


TIERED: dict[str, Any] = {"input": 1, "output": 0, "service_tiers": {"flex": "50%", "priority": {"input": 3}}}


@pytest.mark.parametrize(
    ("served", "asked", "price"),
    [
        (None, None, 1),
        ("default", None, 1),
        ("default", "flex", 1),
        ("flex", None, 0.5),
        ("FLEX", None, 0.5),
        ("priority", "flex", 3),
        ("fast", None, 3),
        (None, "fast", 3),
        (None, "flex", 0.5),
        (None, "batch", 1),
        ("batch", None, None),
        ("on_demand", None, 1),
    ],
)
def test_the_tier_that_served_counts_and_else_the_one_asked_for(
    served: str | None, asked: str | None, price: float | None
) -> None:
    usage = Usage(input=M, service_tier=served)
    assert usd(book(**TIERED), usage, asked=service_tier(asked)) == price


def test_a_tier_that_served_and_has_no_price_makes_the_cost_unknown() -> None:
    assert usd(book(input=1, output=1), Usage(M, service_tier="priority")) is None
    assert usd(book(input=1, output=1), Usage(M), asked="priority") == 1


def test_of_a_history_the_newest_that_has_begun_counts() -> None:
    history = book(
        {"input": 2, "output": 0, "from": "2026-03-01"},
        {"input": 1, "output": 0, "from": "2026-02-01", "source": "then", "date": "2026-01-31"},
        {"input": 3, "output": 0, "from": "2027-01-01"},
    )
    assert usd(history, Usage(M), at("2026-01-31 23:59")) is None
    assert usd(history, Usage(M), at("2026-02-01")) == 1
    assert usd(history, Usage(M), at("2026-02-28 23:59")) == 1
    assert usd(history, Usage(M), at("2026-03-01")) == 2
    assert usd(history, Usage(M), at("2028-01-01")) == 3
    cost = history.cost(Usage(M), at("2026-02-01"))
    assert cost is not None
    assert cost.source == "then, 2026-01-31"


def test_a_price_without_a_day_is_the_oldest() -> None:
    history = book({"input": 2, "output": 0, "from": "2026-03-01"}, {"input": 1, "output": 0})
    assert usd(history, Usage(M), at("1990-01-01")) == 1
    assert usd(history, Usage(M), at("2026-03-01")) == 2


def test_the_next_change_is_that_of_a_window_or_of_the_history() -> None:
    assert book(input=1, output=1).next_change(NOW) is None
    monday = at("2026-11-23")
    assert book(DEEPSEEK).next_change(monday) == at("2026-11-23 01:00")
    history = book(DEEPSEEK, {"input": 1, "output": 1, "from": "2026-11-24"})
    assert history.next_change(at("2026-11-23 11:00")) == at("2026-11-24")
    future = book({"input": 1, "output": 1, "from": "2026-11-24"})
    assert future.page(monday) is None
    assert future.next_change(monday) == at("2026-11-24")


def test_prices_come_with_the_layer_that_gave_them() -> None:
    page = book(DEEPSEEK).page(NOW)
    assert page is not None
    given = page.prices(at("2026-11-23 02:00"))
    assert given["input"].layer == "window 01:00-04:00 UTC"
    assert page.prices(at("2026-11-23 05:00"))["input"].layer == "base"


def test_an_endpoints_own_price_counts_before_its_providers_and_that_before_a_fact() -> None:
    own, provider, fact = ({"input": price, "output": 0} for price in (1, 2, 3))
    read = read_price
    for given, price, layer in (
        ({"own": read(own), "provider": read(provider), "fact": fact}, 1, "endpoint"),
        ({"provider": read(provider), "fact": fact}, 2, "provider"),
        ({"fact": fact}, 3, "catalogue"),
    ):
        place = endpoint(**given)
        found = price_of(place)
        assert found is not None
        assert found.layer == layer
        cost = price_at(place, Usage(M), NOW)
        assert cost is not None
        assert cost.nano == price * 10**9
    assert price_of(endpoint()) is None
    assert price_at(endpoint(), Usage(M), NOW) is None


def test_what_a_configuration_says_of_a_price_is_a_fact_as_it_was_written() -> None:
    written = {
        "input": "2.50",
        "windows": [{"all": "200%", "time": "01:00-04:00 UTC", "days": ["mon", "tue"]}],
        "tiers": [{"input": "5.00", "above": 200000}],
        "service_tiers": {"batch": {"all": "50%"}},
        "from": "2026-12-01",
        "source": "the lab's page",
    }
    lab = Provider("lab", kind="lab", extra={"price": read_price(written)})
    fact = said_price(Endpoint(lab, "m"))
    assert fact == Fact([written], "configuration")
    assert read_price(fact.value) == lab.extra["price"]
    assert said_price(Endpoint(Provider("bare", kind="lab"), "m")) is None


def test_a_fact_says_where_its_price_comes_from() -> None:
    cost = price_at(endpoint(fact={"input": "0.15", "output": 1}), Usage(M), NOW)
    assert cost is not None
    assert (cost.source, cost.nano) == ("a list, 2026-11-01", 150_000_000)
    own = {"input": 1, "output": 1, "source": "its page"}
    cost = price_at(endpoint(fact=[own]), Usage(M), NOW)
    assert cost is not None
    assert cost.source == "its page"


def test_a_fact_that_is_replaced_counts_at_once() -> None:
    place = endpoint(fact={"input": 1, "output": 1})
    assert price_at(place, Usage(M), NOW) != price_at(endpoint(fact={"input": 2, "output": 1}), Usage(M), NOW)
    place.facts = {"price": Fact({"input": 2, "output": 1}, "another list")}
    cost = price_at(place, Usage(M), NOW)
    assert cost is not None
    assert (cost.nano, cost.source) == (2 * 10**9, "another list")


@pytest.mark.parametrize(
    "bad",
    [
        {"input": "cheap"},
        {"input": "9" * 100_000},
        {"input": -1},
        {"inptu": 1},
        {},
        [],
        "free",
        [{"input": 1, "output": 1}, {"input": 2, "output": 1}],
        [{"input": 1}, 3],
        {"input": 1, "windows": [{"time": "1-2", "input": 1}]},
    ],
)
def test_a_bad_fact_is_told_once_and_no_price(bad: Any, caplog: pytest.LogCaptureFixture) -> None:
    place = endpoint(fact=bad)
    with caplog.at_level(logging.WARNING):
        assert price_of(place) is None
        assert price_of(place) is None
    (record,) = caplog.records
    message = record.getMessage()
    assert message.startswith(f"{place.id}: a price from a list cannot be read")
    assert "\n" not in message
    assert len(message) < 500


def test_what_a_price_asks_about_a_request_is_known_beforehand() -> None:
    assert not book(input=1, output=1).counts_images
    assert book(input=1, output=1, tiers=[{"above": 5, "image": 1}]).counts_images
    assert book(**TIERED).has_service_tiers
    assert usd(book(input=0, output=0, image=0.5), Usage(1, details=UsageDetails(images=3))) == 1.5
