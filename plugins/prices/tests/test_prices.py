"""What an answer costs: exact, unpriced rather than free, and never negative."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.config import Percent, Usd
from pointsman.errors import ConfigError
from pointsman.exchange import Actor, Level
from pointsman.testing import FakeProvider, Running, Script, running
from pointsman.types import Usage
from pointsman_prices import BillingSettings, Day, Prices, PriceSettings, cost_of

Serve = Callable[..., AbstractAsyncContextManager[Running]]

FLAG = "the provider's usage contradicts itself"


@pytest.fixture
def serve() -> Serve:
    """Serves two providers: `lab` with a price, `free` without; the usage they report is `usage`."""

    @asynccontextmanager
    async def run(
        price: str = "null",
        endpoint_price: str = "null",
        *,
        usage: object = None,
        prices: str = "{}",
        more: str = "",
    ) -> AsyncIterator[Running]:
        choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}
        answer = {"id": "1", "object": "chat.completion", "created": 1, "model": "x", "choices": [choice]}
        answer["usage"] = usage or {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4}
        async with FakeProvider(Script.json(answer)) as fake:
            config = f"""
plugins: {{openai: {{}}, routes: {{}}, usage: {{}}, prices: {prices}}}
providers:
  lab: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret, price: {price}}}
  free: {{vendor: openai, base_url: "{fake.url}", api_key: provider-secret}}
models:
  acme/large:
    endpoints: [free/large, {{endpoint: lab/large, price: {endpoint_price}}}]
  acme/lab: {{endpoints: [{{endpoint: lab/other, price: {endpoint_price}}}]}}
  acme/free: {{endpoints: [free/other]}}
{more}
"""
            async with running(config) as served:
                yield served

    return run


async def ask(served: Running, model: str = "acme/lab") -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}]}
    headers = {"x-pointsman-explain": "true"}
    return await served.client.post("/v1/chat/completions", json=body, headers=headers)


def usd(text: str) -> Usd:
    return Usd.parse(text)


PRICE = PriceSettings(input=usd("3"), output=usd("15"))
FULL = PriceSettings(
    input=usd("3"),
    output=usd("15"),
    cache_read=usd("0.3"),
    cache_write=usd("3.75"),
    reasoning=usd("20"),
    request=usd("0.001"),
)


async def test_an_answer_costs_what_its_provider_asks(serve: Serve) -> None:
    async with serve("{input: 0.59, output: 0.79, source: list, date: 2026-11-01}") as served:
        answer = await ask(served)
        (row,) = await served.rows("generations")
        assert answer.headers["x-pointsman-cost"] == "0.00000256"
        assert row["cost_nano"] == 3 * 590 + 1 * 790
        assert row["price_source"] == "list, 2026-11-01"


async def test_the_price_of_an_endpoint_comes_before_its_providers(serve: Serve) -> None:
    async with serve("{input: 100, output: 100}", "{input: 1, output: 2}") as served:
        assert (await ask(served)).headers["x-pointsman-cost"] == "0.000005"


async def test_parts_of_the_usage_have_prices_of_their_own(serve: Serve) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "prompt_tokens_details": {"cached_tokens": 600},
        "completion_tokens_details": {"reasoning_tokens": 150},
    }
    price = "{input: 3, output: 15, cache_read: 0.3, reasoning: 20, request: 0.001}"
    async with serve(price, usage=usage) as served:
        nano = 400 * 3_000 + 600 * 300 + 50 * 15_000 + 150 * 20_000 + 1_000_000
        await ask(served)
        assert (await served.rows("generations"))[0]["cost_nano"] == nano


async def test_an_answer_without_a_price_is_unpriced_and_not_free(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}") as served:
        answer = await ask(served, "acme/free")
        (row,) = await served.rows("generations")
        assert answer.headers["x-pointsman-cost"] == "unpriced"
        assert row["cost_nano"] is None
        assert row["price_source"] is None


async def test_a_price_of_zero_is_a_price(serve: Serve) -> None:
    async with serve("{input: 0, output: 0}", prices="{require_price: true}") as served:
        answer = await ask(served)
        assert answer.headers["x-pointsman-cost"] == "0.00"
        assert (await served.rows("generations"))[0]["cost_nano"] == 0


async def test_an_endpoint_without_a_price_is_used_unless_one_is_required(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}") as served:
        assert (await ask(served, "acme/large")).headers["x-pointsman-provider"] == "free"


async def test_where_a_price_is_required_endpoints_without_one_are_left_out(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}", prices="{require_price: true}") as served:
        answer = await ask(served, "acme/large")
        assert answer.headers["x-pointsman-provider"] == "lab"
        (excluded,) = json.loads(answer.headers["x-pointsman-decision"])["excluded"]
        assert excluded["endpoint"] == "free/large"
        assert excluded["by"] == "prices"
        assert "prices.require_price" in excluded["why"]


async def test_where_a_price_is_required_and_none_is_known_the_request_is_refused(serve: Serve) -> None:
    async with serve(prices="{require_price: true}") as served:
        answer = await ask(served, "acme/free")
        assert answer.status_code == 404
        assert "its price is not known" in answer.text


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("{input: -1, output: 1}", "cannot be negative"),
        ("{input: 0.0000000001, output: 1}", "finer than a nano-dollar"),
        ("{input: cheap, output: 1}", "is not a number of US dollars"),
        ("{input: 1}", "`output` is missing"),
        ("{input: 1, output: 1, date: yesterday}", "'yesterday' is not a date"),
        ("{input: 1, output: 1, cached: 1}", "unknown key `cached`"),
    ],
)
async def test_a_wrong_price_is_a_problem_with_its_place(serve: Serve, price: str, said: str) -> None:
    for prices in ((price,), ("null", price)):
        with pytest.raises(ConfigError, match=said):
            async with serve(*prices):
                pass


@pytest.mark.parametrize(("text", "kept"), [("2026-11-01", "2026-11-01"), ("20261101", "2026-11-01")])
def test_a_day_is_kept_as_a_date(text: str, kept: str) -> None:
    assert Day.parse(text) == kept


def test_tokens_of_the_cache_and_of_thought_cost_as_others_where_nothing_else_is_said() -> None:
    usage = Usage(input=1000, output=100, cache_read=600, cache_write=300, reasoning=90)
    assert cost_of(usage, PRICE).nano == 1000 * 3_000 + 100 * 15_000
    assert "reasoning" not in cost_of(usage, PRICE).details


def test_a_cost_is_rounded_half_up_once_over_the_whole() -> None:
    price = PriceSettings(input=usd("0.0005"), output=usd("0.0005"))
    assert cost_of(Usage(input=1), price).nano == 1  # half a nano-dollar
    assert cost_of(Usage(input=1, output=1), price).nano == 1  # and not one for each
    assert cost_of(Usage(input=1, output=2), price).nano == 2


def test_a_request_has_a_price_whatever_it_used() -> None:
    assert cost_of(Usage(), FULL).nano == 1_000_000
    assert cost_of(Usage(), PRICE).nano == 0
    assert cost_of(Usage(), PRICE).details == {}


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
)
def test_a_cost_is_the_exact_sum_rounded_half_up(
    prices: tuple[Decimal | None, ...],
    uncached: int,
    cache_read: int,
    cache_write: int,
    answer: int,
    reasoning: int,
) -> None:
    names = ("input", "output", "cache_read", "cache_write", "reasoning", "request")
    written: dict[str, Any] = {
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
    cost = cost_of(usage, PriceSettings(**written))
    assert cost.nano == (nano + Fraction(1, 2)).__floor__()
    assert sum(cost.details.values()) == nano * 10**6
    assert cost.source == "configuration"


counts = st.integers(-1000, 1000)


@given(input_=counts, output=counts, cache_read=counts, cache_write=counts, reasoning=counts)
def test_no_usage_costs_less_than_nothing_and_contradictions_are_told(
    input_: int, output: int, cache_read: int, cache_write: int, reasoning: int
) -> None:
    usage = Usage(input_, output, cache_read, cache_write, reasoning)
    cost = cost_of(usage, FULL)
    assert cost.nano >= 1_000_000
    assert all(part >= 0 for part in cost.details.values())
    sound = (
        0 <= reasoning <= output
        and cache_read >= 0
        and cache_write >= 0
        and cache_read + cache_write <= input_
    )
    assert (FLAG in cost.source) is not sound


def test_what_adds_up_to_more_than_the_input_is_charged_and_told() -> None:
    cost = cost_of(Usage(input=10, output=1, cache_read=600), FULL)
    assert cost.nano == 600 * 300 + 15_000 + 1_000_000
    assert cost.source == f"configuration; {FLAG}"


def billed(actor: Actor, markup: str = "0%") -> int:
    """What somebody is billed for a million tokens at 100 nano-dollars each."""
    plugin = Prices()
    setup = SimpleNamespace(section={"billing": BillingSettings(markup=Percent.parse(markup))}.__getitem__)
    plugin.startup(cast(Any, SimpleNamespace(setup=setup)))
    endpoint = SimpleNamespace(extra={"price": PriceSettings(input=Usd(100_000_000), output=Usd(0))})
    cost = plugin.price_usage(cast(Any, SimpleNamespace(pricing=endpoint, actor=actor)), Usage(1_000_000))
    assert cost is not None
    assert cost.nano == 100_000_000
    return cost.billed


@pytest.mark.parametrize(
    ("markups", "expected"),
    [
        ((None, None, None), 105_000_000),
        ((None, None, "10%"), 110_000_000),
        ((None, "0%", "10%"), 100_000_000),
        (("2.5%", "0%", "10%"), 102_500_000),
    ],
)
def test_the_nearest_markup_is_billed(markups: tuple[str | None, ...], expected: int) -> None:
    kinds = ("key", "team", "organisation")
    levels = tuple(
        Level(kind, kind, kind, {"markup": Percent.parse(each) if each is not None else None})
        for kind, each in zip(kinds, markups, strict=True)
    )
    assert billed(Actor("alice", "key-1", levels=levels), "5%") == expected


def test_without_a_markup_what_is_billed_is_the_cost() -> None:
    assert billed(Actor("alice", "key-1")) == 100_000_000


async def test_cost_and_billed_are_told_apart(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}", more="billing: {markup: 50%}") as served:
        answer = await ask(served)
        assert answer.headers["x-pointsman-cost"] == "0.000004"
        row = (await served.rows("generations"))[0]
    assert (row["cost_nano"], row["billed_nano"]) == (4000, 6000)


async def test_a_markup_is_a_percentage(serve: Serve) -> None:
    with pytest.raises(ConfigError, match=r"'0\.05' is not a percentage"):
        async with serve(more="billing: {markup: 0.05}"):
            pass
