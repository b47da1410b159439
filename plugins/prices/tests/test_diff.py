"""Differences: what other sources say of a price, and a newer genai-prices than the ledger has."""

from __future__ import annotations

import logging
import time
from pathlib import Path

import pytest

from pointsman.catalogue import Endpoint
from pointsman.config import read_text
from pointsman.facts import Fact
from pointsman.gateway import Gateway
from pointsman.setup import Setup, assemble
from pointsman_catalogue import child, plugin_of
from pointsman_catalogue.store import MemoryStore
from pointsman_prices.diff import Difference, differences

CONFIG = """
auth: none
ledger: sqlite:///prices.db
plugins: {{vendors: false, echo: false, openai: {{}}, routes: {{}}, prices: {{}}, catalogue: {catalogue}}}
providers:
  openai: {{api_key: x, discover: false, price: {{input: 7, output: 15, cache_read: 1, source: the page}}}}
models: {{openai/gpt-5.4: {{endpoints: [openai/gpt-5.4]}}}}
"""


def setup(base: Path, *, catalogue: str) -> Setup:
    text = CONFIG.format(catalogue=catalogue)
    return assemble(read_text(text, name="proxy.yaml", env={}, base=base), env={})


def endpoint_of(gateway: Gateway) -> Endpoint:
    (endpoint,) = gateway.setup.catalogue.models["openai/gpt-5.4"].endpoints[:1]
    return endpoint


async def compared(gateway: Gateway, *facts: Fact) -> list[Difference]:
    endpoint = endpoint_of(gateway)
    if facts:
        endpoint.facts = {"price": facts[0]}
    return await differences(gateway, [endpoint], time.time())


async def test_a_newer_genai_prices_is_compared_with_what_counts(tmp_path: Path) -> None:
    async with Gateway.dry(setup(tmp_path, catalogue="{}")) as gateway:
        plugin_of(gateway).store = MemoryStore([], "0.0.1")
        found = await compared(gateway)
    newer = f"genai-prices {child.installed_version()}, "
    newest = [each for each in found if each.other_source.startswith(newer)]
    (of_input,) = [each for each in newest if each.key == "input" and not each.when]
    assert of_input.nano == 7_000_000_000
    assert of_input.source == "the page"
    assert of_input.other_nano is not None


async def test_a_newer_version_that_cannot_be_compiled_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def broken() -> child.Compiled:
        raise child.CompileError("it is broken")

    async with Gateway.dry(setup(tmp_path, catalogue="{prices: false}")) as gateway:
        plugin_of(gateway).store = MemoryStore([], "0.0.1")
        monkeypatch.setattr(child, "compiled", broken)
        with caplog.at_level(logging.WARNING):
            assert await compared(gateway) == []
    assert "cannot be compared: it is broken" in caplog.text


async def test_long_requests_and_service_tiers_are_compared_too(tmp_path: Path) -> None:
    other = {
        "input": 7,
        "output": 15,
        "cache_read": 1,
        "tiers": [{"above": 200_000, "input": 14}, {"above": 400_000, "input": 14, "output": 20}],
        "service_tiers": {"batch": "50%"},
    }
    text = CONFIG.replace(
        "source: the page", "source: the page, service_tiers: {{batch: {{all: 50%}}, flex: 50%}}"
    )
    made = assemble(
        read_text(text.format(catalogue="false"), name="proxy.yaml", env={}, base=tmp_path), env={}
    )
    async with Gateway.dry(made) as gateway:
        found = await compared(gateway, Fact(other, "its listing"))
        assert [(each.when, each.key, each.percent) for each in found] == [
            ("above 200000", "input", 100.0),
            ("above 400000", "output", 33.33),
        ]
        other["service_tiers"] = {"batch": {"input": 1}}
        found = await compared(gateway, Fact(other, "its listing"))
        batch = [each for each in found if each.when == "batch"]
        assert [(each.key, each.as_json()["usd"], each.as_json()["other_usd"]) for each in batch] == [
            ("input", "3.50", "1.00"),
            ("output", "7.50", "15.00"),
            ("cache_read", "0.50", "1.00"),
        ]


async def test_without_the_catalogue_facts_are_compared(tmp_path: Path) -> None:
    async with Gateway.dry(setup(tmp_path, catalogue="false")) as gateway:
        assert await compared(gateway) == []
        found = await compared(gateway, Fact({"input": 7, "output": 30}, "its listing", "2026-11-01"))
        assert found == [
            Difference(
                "openai/gpt-5.4",
                "output",
                15_000_000_000,
                "the page",
                30_000_000_000,
                "its listing, 2026-11-01",
            ),
            Difference("openai/gpt-5.4", "cache_read", 10**9, "the page", None, "its listing, 2026-11-01"),
        ]
        assert [each.percent for each in found] == [100.0, None]
        assert await compared(gateway, Fact({"input": "cheap"}, "its listing")) == []
