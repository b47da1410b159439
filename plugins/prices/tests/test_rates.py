"""Rates: exact, rounded once, never negative, and unknown rather than wrong."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config import Usd
from pointsman.money import Cost
from pointsman.types import Usage, UsageDetails
from pointsman_prices.book import read_price
from pointsman_prices.rates import CONTRADICTS, Rates

SOURCE = "the list"


def cost_of(usage: Usage, markup: int = 0, **prices: Any) -> Cost | None:
    return Rates(read_price(prices)[0].prices()).cost(usage, SOURCE, markup)


def usd_of(usage: Usage, **prices: Any) -> float | None:
    """The cost in US dollars of a usage counted in millions."""
    cost = cost_of(usage, **prices)
    return cost.nano / 1e9 if cost is not None else None


M = 1_000_000
PRICE: dict[str, Any] = {"input": 3, "output": 15}
FULL: dict[str, Any] = {**PRICE, "cache_read": 0.3, "cache_write": 3.75, "reasoning": 20, "request": 0.001}


def test_tokens_of_the_cache_and_of_thought_cost_as_others_where_nothing_else_is_said() -> None:
    usage = Usage(input=1000, output=100, cache_read=600, cache_write=300, reasoning=90)
    cost = cost_of(usage, **PRICE)
    assert cost is not None
    assert cost.nano == 1000 * 3_000 + 100 * 15_000
    assert "reasoning" not in cost.details


def test_a_cost_is_rounded_half_up_once_over_the_whole() -> None:
    tiny = {"input": "0.0005", "output": "0.0005"}
    for usage, nano in ((Usage(1), 1), (Usage(1, 1), 1), (Usage(1, 2), 2)):
        cost = cost_of(usage, **tiny)
        assert cost is not None
        assert cost.nano == nano


def test_a_request_has_a_price_whatever_it_used() -> None:
    assert usd_of(Usage(), **FULL) == 0.001
    assert cost_of(Usage(), **PRICE) == Cost(0, {}, SOURCE)


def test_what_is_billed_has_a_markup() -> None:
    cost = cost_of(Usage(1000, 100), 50_000, **PRICE)
    assert cost is not None
    assert (cost.nano, cost.billed) == (4_500_000, 4_725_000)


DETAILED = UsageDetails(
    cache_write_1h=1 * M,
    cache_read_audio=2 * M,
    audio_input=5 * M,
    audio_output=3 * M,
    image_input=4 * M,
    image_output=2 * M,
    images=7,
    searches=2,
)
DETAILED_USAGE = Usage(
    input=20 * M, output=10 * M, cache_read=4 * M, cache_write=3 * M, reasoning=1 * M, details=DETAILED
)


def test_everything_that_is_priced_apart_is_taken_out_of_what_it_is_among() -> None:
    cost = cost_of(
        DETAILED_USAGE,
        **FULL,
        cache_write_1h=6,
        audio_input=40,
        audio_output=80,
        cache_read_audio=2.5,
        image_input=8,
        image_output=30,
        image=0.004,
        search=0.01,
    )
    assert cost is not None
    usd = {name: nano / 1e15 for name, nano in cost.details.items()}
    assert usd == {
        "input": (20 - 4 - 3 - 3 - 4) * 3,
        "output": (10 - 1 - 3 - 2) * 15,
        "cache_read": 2 * 0.3,
        "cache_write": 2 * 3.75,
        "cache_write_1h": 6,
        "cache_read_audio": 2 * 2.5,
        "reasoning": 20,
        "audio_input": 3 * 40,
        "audio_output": 3 * 80,
        "image_input": 4 * 8,
        "image_output": 2 * 30,
        "image": 7 * 0.004,
        "search": 0.02,
        "request": 0.001,
    }


def test_what_was_written_and_read_at_once_costs_both() -> None:
    details = UsageDetails(cache_write_read=2 * M)
    usage = Usage(input=5 * M, cache_read=2 * M, cache_write=1 * M, details=details)
    cost = cost_of(usage, **FULL)
    assert cost is not None
    usd = {name: nano / 1e15 for name, nano in cost.details.items()}
    assert usd == {"input": 2 * 3, "cache_read": 2 * 0.3, "cache_write": 3 * 3.75, "request": 0.001}
    assert usd_of(usage, **PRICE) == 15


def test_what_is_not_priced_apart_costs_as_text() -> None:
    details = UsageDetails(cache_write_1h=M, audio_input=2 * M, audio_output=M, image_input=M, image_output=M)
    usage = Usage(input=10 * M, output=5 * M, cache_write=M, details=details)
    assert usd_of(usage, **PRICE) == 10 * 3 + 5 * 15


@pytest.mark.parametrize(
    ("details", "known"),
    [
        (UsageDetails(audio_input=1), {"audio_output": 80}),
        (UsageDetails(audio_output=1), {"audio_input": 40}),
        (UsageDetails(cache_read_audio=1, audio_input=1), {"audio_input": 40}),
        (UsageDetails(cache_write_1h=1), {"cache_write": 3.75}),
        (UsageDetails(searches=1), {}),
    ],
)
def test_where_its_kind_is_priced_apart_what_has_no_price_makes_the_cost_unknown(
    details: UsageDetails, known: dict[str, Any]
) -> None:
    usage = Usage(input=10, output=10, cache_read=2, cache_write=2, details=details)
    assert cost_of(usage, **PRICE, **known) is None
    assert cost_of(Usage(input=10, output=10, details=UsageDetails()), **PRICE, **known) is not None


@pytest.mark.parametrize("details", [None, UsageDetails(searches=1)])
@pytest.mark.parametrize(
    ("known", "usage"),
    [
        ({"input": 1}, Usage(input=1, output=1)),
        ({"output": 1}, Usage(input=1, output=1)),
        ({"output": 1}, Usage(input=1, cache_read=1)),
        ({"output": 1}, Usage(input=1, cache_write=1)),
        ({"input": 1, "reasoning": 2}, Usage(output=2, reasoning=1)),
    ],
)
def test_what_was_used_and_has_no_price_makes_the_cost_unknown(
    known: dict[str, Any], usage: Usage, details: UsageDetails | None
) -> None:
    usage.details = details
    assert cost_of(usage, search=1, **known) is None


def test_what_was_not_used_needs_no_price() -> None:
    assert usd_of(Usage(input=M), input=1) == 1
    assert usd_of(Usage(output=M, reasoning=M), reasoning=2) == 2


amounts = st.integers(0, 10**12)
dollars = st.decimals("0", "10000", places=9)
perhaps = st.none() | dollars


@given(
    prices=st.tuples(dollars, dollars, perhaps, perhaps, perhaps, perhaps),
    uncached=amounts,
    cache_read=amounts,
    cache_write=amounts,
    answer=amounts,
    reasoning=amounts,
    detailed=st.booleans(),
)
def test_a_cost_is_the_exact_sum_rounded_half_up(
    prices: tuple[Decimal | None, ...],
    uncached: int,
    cache_read: int,
    cache_write: int,
    answer: int,
    reasoning: int,
    detailed: bool,
) -> None:
    names = ("input", "output", "cache_read", "cache_write", "reasoning", "request")
    written = {
        name: Usd.parse(format(value, "f"))
        for name, value in zip(names, prices, strict=True)
        if value is not None
    }
    usage = Usage(
        input=uncached + cache_read + cache_write,
        output=answer + reasoning,
        cache_read=cache_read,
        cache_write=cache_write,
        reasoning=reasoning,
        details=UsageDetails() if detailed else None,
    )
    input_, output, read, write, thought, request = (
        Fraction(value) if value is not None else None for value in prices
    )
    assert input_ is not None
    assert output is not None
    per_million = (
        uncached * input_
        + cache_read * (input_ if read is None else read)
        + cache_write * (input_ if write is None else write)
        + answer * output
        + reasoning * (output if thought is None else thought)
    )
    nano = (per_million / 10**6 + (request or 0)) * 10**9
    cost = Rates(written).cost(usage, SOURCE)
    assert cost is not None
    assert cost.nano == (nano + Fraction(1, 2)).__floor__()
    assert sum(cost.details.values()) == nano * 10**6
    assert cost.source == SOURCE


counts = st.integers(-1000, 1000)
odd_details = st.none() | st.builds(UsageDetails, **dict.fromkeys(UsageDetails.__struct_fields__, counts))


@given(
    input_=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts, details=odd_details
)
def test_no_usage_costs_less_than_nothing_and_contradictions_are_told(
    input_: int, output: int, cache_read: int, cache_write: int, reasoning: int, details: UsageDetails | None
) -> None:
    usage = Usage(input_, output, cache_read, cache_write, reasoning, details=details)
    apart = {"cache_write_1h": 6, "audio_input": 1, "audio_output": 1, "cache_read_audio": 1}
    cost = cost_of(usage, **FULL, **apart, image_input=1, image_output=1, image=1, search=1)
    assert cost is not None
    assert cost.nano >= 1_000_000
    assert all(part >= 0 for part in cost.details.values())
    sound = (
        0 <= reasoning <= output
        and cache_read >= 0
        and cache_write >= 0
        and cache_read + cache_write <= input_
    )
    assert (CONTRADICTS in cost.source) is not sound


def test_what_adds_up_to_more_than_the_input_is_charged_and_told() -> None:
    cost = cost_of(Usage(input=10, output=1, cache_read=600), **FULL)
    assert cost is not None
    assert cost.nano == 600 * 300 + 15_000 + 1_000_000
    assert cost.source == f"{SOURCE}{CONTRADICTS}"
