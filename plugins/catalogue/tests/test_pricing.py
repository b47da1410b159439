"""Prices: from the shape of genai-prices to that of a configuration, and what has no place in it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, time, timedelta, timezone
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest
from genai_prices.types import (
    ConditionalPrice,
    ModelPrice,
    PriceVariant,
    StartDateConstraint,
    Tier,
    TieredPrices,
    TimeOfDateConstraint,
)

from pointsman_catalogue.pricing import as_price
from pointsman_prices.book import read_price


def model(prices: Any, *variants: PriceVariant) -> Any:
    return SimpleNamespace(prices=prices, price_variants=list(variants) or None)


def plain(**prices: str | TieredPrices) -> ModelPrice:
    return ModelPrice(
        **{key: Decimal(value) if isinstance(value, str) else value for key, value in prices.items()}
    )


def tiered(base: str, **above: str) -> TieredPrices:
    return TieredPrices(
        Decimal(base), [Tier(int(start[1:]), Decimal(price)) for start, price in above.items()]
    )


def variant(prices: ModelPrice, begin: date | None = None, **when: str) -> PriceVariant:
    return PriceVariant(when, prices, StartDateConstraint(begin) if begin else None)


def converted(prices: Any, *variants: PriceVariant) -> tuple[Any, dict[str, int]]:
    """A price and what was lost; the price is one that can be read."""
    lost: Counter[str] = Counter()
    price = as_price(model(prices, *variants), lost)
    if price is not None:
        read_price(price)
    return price, dict(lost)


BASE = plain(input_mtok="2", output_mtok="8")
CHEAP = plain(input_mtok="1", output_mtok="4")


def test_prices_by_the_million_tokens_and_each() -> None:
    price, lost = converted(
        plain(
            input_mtok="0.150",
            output_mtok="0.6",
            cache_read_mtok="0.075",
            cache_write_mtok="1",
            cache_write_1h_mtok="2",
            output_reasoning_mtok="3",
            input_audio_mtok="10",
            output_audio_mtok="20",
            cache_audio_read_mtok="0.3",
            input_image_mtok="4",
            output_image_mtok="5",
            web_searches_kcount="10",
            requests_kcount="5",
        )
    )
    assert price == {
        "input": "0.15",
        "output": "0.6",
        "cache_read": "0.075",
        "cache_write": "1",
        "cache_write_1h": "2",
        "reasoning": "3",
        "audio_input": "10",
        "audio_output": "20",
        "cache_read_audio": "0.3",
        "image_input": "4",
        "image_output": "5",
        "search": "0.01",
        "request": "0.005",
    }
    assert lost == {}


def test_a_price_finer_than_a_nano_dollar_is_a_sum_gone_astray() -> None:
    assert converted(plain(input_mtok="0.18000000000000002", output_mtok="0"))[0] == {
        "input": "0.18",
        "output": "0",
    }


def test_tiers_reprice_the_whole_request() -> None:
    price, _ = converted(
        plain(input_mtok=tiered("1", _200000="2"), output_mtok=tiered("5", _200000="7", _500000="9"))
    )
    assert price == {
        "input": "1",
        "output": "5",
        "tiers": [{"above": 200000, "input": "2", "output": "7"}, {"above": 500000, "output": "9"}],
    }


def test_a_history_begins_with_what_always_was() -> None:
    history = [
        ConditionalPrice(None, prices=BASE),
        ConditionalPrice(
            StartDateConstraint(date(2026, 8, 17)), prices=plain(input_mtok="1", output_mtok="4")
        ),
    ]
    assert converted(history)[0] == [
        {"input": "2", "output": "8"},
        {"input": "1", "output": "4", "from": "2026-08-17"},
    ]


def test_hours_are_of_the_price_that_stands_before_them() -> None:
    dear = plain(input_mtok="4", output_mtok="16")
    east = timezone(timedelta(hours=8))
    history = [
        ConditionalPrice(None, prices=plain(input_mtok="3", output_mtok="9")),
        ConditionalPrice(StartDateConstraint(date(2026, 9, 10)), prices=BASE),
        ConditionalPrice(TimeOfDateConstraint(time(1, tzinfo=UTC), time(4, tzinfo=UTC)), prices=dear),
        ConditionalPrice(TimeOfDateConstraint(time(14, tzinfo=east), time(18, tzinfo=east)), prices=dear),
    ]
    assert converted(history)[0] == [
        {"input": "3", "output": "9"},
        {
            "input": "2",
            "output": "8",
            "windows": [
                {"time": "01:00-04:00 UTC", "input": "4", "output": "16"},
                {"time": "06:00-10:00 UTC", "input": "4", "output": "16"},
            ],
            "from": "2026-09-10",
        },
    ]


def test_variants_are_service_tiers_from_the_day_they_began() -> None:
    half, twice = plain(input_mtok="1", output_mtok="4"), plain(input_mtok="4")
    price, lost = converted(
        BASE,
        variant(ModelPrice(), service_tier="default"),
        variant(half, date(2026, 10, 14), processing="batch"),
        variant(twice, service_tier="fast"),
        variant(half, service_tier="flex"),
    )
    served = {"priority": {"input": "4"}, "flex": {"input": "1", "output": "4"}}
    assert price == [
        {"input": "2", "output": "8", "service_tiers": served},
        {
            "input": "2",
            "output": "8",
            "service_tiers": {**served, "batch": {"input": "1", "output": "4"}},
            "from": "2026-10-14",
        },
    ]
    assert lost == {}


def test_service_tiers_of_prices_with_tiers_have_tiers_too() -> None:
    usual = plain(input_mtok=tiered("2", _200000="4"), output_mtok=tiered("8", _200000="12"))
    half = plain(input_mtok=tiered("1", _200000="2"), output_mtok=tiered("4", _200000="6"))
    flat = plain(input_mtok="1", output_mtok="4")
    price, lost = converted(usual, variant(half, processing="batch"), variant(flat, service_tier="flex"))
    assert price["service_tiers"] == {
        "batch": {"input": "1", "output": "4", "tiers": [{"above": 200000, "input": "2", "output": "6"}]},
        "flex": {"input": "1", "output": "4"},
    }
    assert lost == {}
    other = plain(input_mtok=tiered("1", _100000="2"), output_mtok="4")
    price, lost = converted(usual, variant(other, processing="batch"))
    assert "service_tiers" not in price
    assert lost == {"service tier with tiers of its own": 1}


@pytest.mark.parametrize(
    ("prices", "lost"),
    [
        (ModelPrice(), "no price"),
        (plain(audio_hours="1"), "audio_hours"),
        (plain(input_mtok="1", output_mtok="2", output_citation_mtok="3"), "output_citation_mtok"),
        ([ConditionalPrice(StartDateConstraint(date(2026, 1, 1)), prices=BASE)], "constraint"),
        (
            [
                ConditionalPrice(None, prices=BASE),
                ConditionalPrice(TimeOfDateConstraint(time(1), time(2)), prices=plain(input_mtok="1")),
            ],
            "hours",
        ),
        (
            [
                ConditionalPrice(None, prices=BASE),
                ConditionalPrice(TimeOfDateConstraint(time(1, 0, 30), time(2)), prices=BASE),
            ],
            "constraint",
        ),
    ],
)
def test_what_would_be_wrong_without_a_part_is_unknown_and_counted(prices: Any, lost: str) -> None:
    assert converted(prices) == (None, {lost: 1})


def test_what_nobody_counts_is_left_out_and_counted() -> None:
    price, lost = converted(
        plain(input_mtok="1", output_mtok="2", storage_searches_kcount="3"),
        variant(plain(input_mtok="9"), speed="fast"),
    )
    assert price == {"input": "1", "output": "2"}
    assert lost == {"storage_searches_kcount": 1, "variant speed": 1}
