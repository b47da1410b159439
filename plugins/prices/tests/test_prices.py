"""What an answer costs: exact, unpriced rather than free, and never negative."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx
import pytest

from pointsman.catalogue import Endpoint
from pointsman.config import Percent, read_text
from pointsman.errors import ConfigError
from pointsman.exchange import Actor, Level
from pointsman.providers import Provider
from pointsman.setup import assemble
from pointsman.testing import Running
from pointsman.types import Usage
from pointsman_prices import BillingSettings, Prices
from pointsman_prices.book import read_price
from pointsman_routes.dry import dry_run

Serve = Callable[..., AbstractAsyncContextManager[Running]]


async def ask(served: Running, model: str = "acme/lab", **members: Any) -> httpx.Response:
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], **members}
    headers = {"x-pointsman-explain": "true"}
    return await served.client.post("/v1/chat/completions", json=body, headers=headers)


async def row_of(served: Running) -> dict[str, Any]:
    (row,) = await served.rows("generations")
    return row


async def test_an_answer_costs_what_its_provider_asks(serve: Serve) -> None:
    async with serve("{input: 0.59, output: 0.79, source: list, date: 2026-11-01}") as served:
        answer = await ask(served)
        row = await row_of(served)
        assert answer.headers["x-pointsman-cost"] == "0.00000256"
        assert row["cost_nano"] == 3 * 590 + 1 * 790
        assert row["price_source"] == "list, 2026-11-01"


async def test_the_price_of_an_endpoint_comes_before_its_providers(serve: Serve) -> None:
    async with serve("{input: 100, output: 100}", "[{input: 1, output: 2}]") as served:
        assert (await ask(served)).headers["x-pointsman-cost"] == "0.000005"


async def test_parts_of_the_usage_have_prices_of_their_own(serve: Serve) -> None:
    usage = {
        "prompt_tokens": 1000,
        "completion_tokens": 200,
        "total_tokens": 1200,
        "prompt_tokens_details": {"cached_tokens": 600, "audio_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 150},
    }
    price = "{input: 3, output: 15, cache_read: 0.3, reasoning: 20, audio_input: 40, request: 0.001}"
    async with serve(price, usage=usage) as served:
        nano = 300 * 3_000 + 100 * 40_000 + 600 * 300 + 50 * 15_000 + 150 * 20_000 + 1_000_000
        await ask(served)
        assert (await row_of(served))["cost_nano"] == nano


async def test_an_answer_without_a_price_is_unpriced_and_not_free(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}") as served:
        answer = await ask(served, "acme/free")
        row = await row_of(served)
        assert answer.headers["x-pointsman-cost"] == "unpriced"
        assert row["cost_nano"] is None
        assert row["price_source"] is None


async def test_a_price_of_zero_is_a_price(serve: Serve) -> None:
    async with serve("{input: 0, output: 0}", prices="{require_price: true}") as served:
        answer = await ask(served)
        assert answer.headers["x-pointsman-cost"] == "0.00"
        assert (await row_of(served))["cost_nano"] == 0


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


@pytest.mark.parametrize("price", ["null", "[{input: 1, output: 1, from: 2999-01-01}]"])
async def test_where_a_price_is_required_and_none_counts_the_request_is_refused(
    serve: Serve, price: str
) -> None:
    async with serve(price, prices="{require_price: true}") as served:
        answer = await ask(served)
        assert answer.status_code == 404
        assert "its price is not known" in answer.text


async def test_a_wrong_price_is_a_problem_with_its_place(serve: Serve) -> None:
    for prices in (("{input: -1}",), ("null", "[{input: 1, output: 1}, {input: 2, output: 2}]")):
        with pytest.raises(ConfigError, match="price"):
            async with serve(*prices):
                pass


@pytest.mark.parametrize(
    ("asked", "told", "cost"),
    [
        ({}, {}, "0.000004"),
        ({"service_tier": "flex"}, {}, "0.000002"),
        ({"service_tier": "flex"}, {"service_tier": "default"}, "0.000004"),
        ({}, {"service_tier": "priority"}, "unpriced"),
    ],
)
async def test_the_service_tier_that_served_counts_and_else_the_one_asked_for(
    serve: Serve, asked: dict[str, Any], told: dict[str, Any], cost: str
) -> None:
    async with serve("{input: 1, output: 1, service_tiers: {flex: 50%}}", **told) as served:
        assert (await ask(served, **asked)).headers["x-pointsman-cost"] == cost


async def test_images_are_counted_where_each_has_a_price(serve: Serve) -> None:
    image = {"type": "image_url", "image_url": {"url": "https://example.org/1.png"}}
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hello"}, image, image]}]
    async with serve("{input: 0, output: 0, image: 0.5}") as served:
        assert (await ask(served, messages=messages)).headers["x-pointsman-cost"] == "1.00"


BILLED = {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4, "cost": 0.000005}


async def test_a_bill_that_drifts_from_the_price_is_recorded_and_told(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve("{input: 1, output: 1}", usage=BILLED) as served:
        with caplog.at_level(logging.WARNING, logger="pointsman_prices.alarms"):
            assert (await ask(served)).headers["x-pointsman-cost"] == "0.000004"
        row = await row_of(served)
    assert (row["cost_nano"], row["reported_nano"]) == (4_000, 5_000)
    assert [record.getMessage().split(" for ")[0] for record in caplog.records] == [
        "lab/other reports a bill of 0.000005 USD"
    ]


async def test_what_a_provider_reports_is_the_cost_where_no_price_is_known(serve: Serve) -> None:
    async with serve(usage=BILLED, more="billing: {markup: 10%}") as served:
        answer = await ask(served)
        row = await row_of(served)
    assert answer.headers["x-pointsman-cost"] == "0.000005"
    assert (row["cost_nano"], row["billed_nano"], row["reported_nano"]) == (5_000, 5_500, 5_000)
    assert row["price_source"] == "as its provider reports it"


async def test_another_model_that_answered_is_recorded_and_told(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve("{input: 1, output: 1}", model="other-lite") as served:
        with caplog.at_level(logging.WARNING, logger="pointsman_prices.alarms"):
            await ask(served)
        assert (await row_of(served))["served_model"] == "other-lite"
    (record,) = caplog.records
    assert "lab/other answered with model 'other-lite'" in record.getMessage()


async def test_the_model_that_was_asked_for_is_nothing_to_record(serve: Serve) -> None:
    async with serve("{input: 1, output: 1}", model="other-2026-11-01") as served:
        for _ in range(2):
            await ask(served)
        rows = await served.rows("generations")
        assert [row["served_model"] for row in rows] == [None, None]


@pytest.mark.parametrize(("price", "saved"), [("{input: 1, output: 1}", "0.000004"), ("null", None)])
async def test_an_answer_from_a_cache_costs_nothing_and_tells_what_that_saved(
    serve: Serve, price: str, saved: str | None
) -> None:
    async with serve(price, plugins="cache: {always: true},", more="billing: {markup: 50%}") as served:
        await ask(served)
        answer = await ask(served)
        rows = {row["cached"]: row for row in await served.rows("generations")}
    assert answer.headers["x-pointsman-cost"] == "0.00"
    assert answer.headers.get("x-pointsman-saved") == saved
    assert [rows[1][name] for name in ("cost_nano", "billed_nano", "reported_nano")] == [0, 0, None]
    assert rows[1]["saved_nano"] == (4_000 if saved else None)
    assert rows[0]["saved_nano"] is None


def billed(actor: Actor, markup: str = "0%") -> int:
    """What somebody is billed for a million tokens at 100 nano-dollars each."""
    plugin = Prices()
    setup = SimpleNamespace(section={"billing": BillingSettings(markup=Percent.parse(markup))}.__getitem__)
    endpoint = Endpoint(
        Provider("lab", kind="lab"), "m", extra={"price": read_price({"input": "0.1", "output": 0})}
    )
    serving = SimpleNamespace(rehearsing=False)
    exchange = SimpleNamespace(pricing=endpoint, actor=actor, attempts=[], setup=setup, gateway=serving)
    cost = plugin.price_usage(cast(Any, exchange), Usage(1_000_000))
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
        await ask(served)
        row = await row_of(served)
    assert (row["cost_nano"], row["billed_nano"]) == (4000, 6000)


async def test_a_markup_is_a_percentage(serve: Serve) -> None:
    with pytest.raises(ConfigError, match=r"'0\.05' is not a percentage"):
        async with serve(more="billing: {markup: 0.05}"):
            pass


WINDOWED = """
plugins: {openai: {}, routes: {}, balance: {}, prices: {}}
providers: {lab: {base_url: "http://127.0.0.1:1"}, day: {base_url: "http://127.0.0.1:1"}}
models:
  acme/large:
    endpoints:
      - {endpoint: day/large, price: {input: 0.7, output: 0.7}}
      - endpoint: lab/large
        price: {input: 1, output: 1, windows: [{time: "22:00-06:00 Europe/Paris", all: 50%}]}
  acme/lab: {endpoints: [{endpoint: lab/other, price: {input: 1, output: 1}}]}
  acme/free: {endpoints: [lab/free]}
routes:
  - {name: night, when: {price.window: true}, use: {pick: cheapest}}
  - {name: day, use: {pick: cheapest}}
"""


@pytest.mark.parametrize(
    ("at", "model", "rule", "choice"),
    [
        ("2026-11-27T23:00+00:00", "acme/large", "night", "lab/large"),
        ("2026-11-27T12:00+00:00", "acme/large", "day", "day/large"),
        ("2026-11-27T23:00+00:00", "acme/lab", "day", "lab/other"),
        ("2026-11-27T23:00+00:00", "acme/free", "day", "lab/free"),
    ],
)
async def test_rules_may_ask_for_windows_and_a_dry_run_is_priced_as_of_its_moment(
    tmp_path: Path, at: str, model: str, rule: str, choice: str
) -> None:
    setup = assemble(read_text(WINDOWED, name="proxy.yaml", env={}, base=tmp_path), env={})
    raw = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}]}).encode()
    codec = setup.dialects.get("openai-chat", "chat")
    record, error = await dry_run(setup, codec, raw, at=datetime.fromisoformat(at))
    assert error is None
    assert (record["rule"], record["choice"]) == (rule, choice)


BY_DAY = """
plugins: {balance: false, openai: {}, routes: {}, usage: false, prices: {}}
providers:
  lab:
    vendor: openai
    base_url: "http://127.0.0.1:1"
    api_key: secret
    price: {input: 1, output: 2, windows: [{time: "01:00-04:00 UTC", input: 2, output: 4}]}
  free: {vendor: openai, base_url: "http://127.0.0.1:1", api_key: secret}
models: {acme/lab: {endpoints: [lab/other, free/other]}}
"""


@pytest.mark.parametrize(
    ("at", "times", "then", "times_then"),
    [
        ("2026-11-23T00:30+00:00", 1, "2026-11-23T01:00:00+00:00", 2),
        ("2026-11-23T01:30+00:00", 2, "2026-11-23T04:00:00+00:00", 1),
    ],
)
async def test_a_record_tells_the_price_of_its_moment_and_the_next(
    tmp_path: Path, at: str, times: int, then: str, times_then: int
) -> None:
    setup = assemble(read_text(BY_DAY, name="proxy.yaml", env={}, base=tmp_path), env={})
    raw = json.dumps({"model": "acme/lab", "messages": [{"role": "user", "content": "Hello"}]}).encode()
    codec = setup.dialects.get("openai-chat", "chat")
    record, error = await dry_run(setup, codec, raw, at=datetime.fromisoformat(at))
    assert error is None
    priced, unknown = record["candidates"]
    each = 1000 * record["request"]["input"] + 2000 * record["request"]["output"]
    assert priced["price"] == {"nano": times * each, "next": {"at": then, "nano": times_then * each}}
    assert unknown["price"] == {"nano": None}
