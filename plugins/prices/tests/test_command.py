"""`pointsman prices`: prices at a time, what others say, and what was billed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.ledger import Column, Table, open_ledger
from pointsman_prices.command import prices

CONFIG = """
ledger: sqlite:///prices.db
auth: none
plugins: {catalogue: false, vendors: false, echo: false, openai: {}, routes: {}, prices: {}}
providers:
  lab:
    vendor: openai
    base_url: http://127.0.0.1:9/v1
    api_key: x
    price:
      input: 0.27
      output: 1.10
      cache_read: 0.07
      windows:
        - {time: "01:00-04:00 UTC", days: [mon, tue, wed, thu, fri], all: 200%}
      tiers: [{above: 200000, input: 3}]
      service_tiers: {flex: 50%}
      source: the page
      date: 2026-11-01
  free: {vendor: openai, base_url: "http://127.0.0.1:9/v1", api_key: x}
models:
  acme/large: {aliases: [big], endpoints: [lab/large, free/large]}
  acme/small: {endpoints: [{endpoint: lab/small, price: [{input: 1, output: 2, from: 2999-01-01}]}]}
"""


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Result]:
    """Runs the command with a configuration; the ledger is beside it."""
    path = tmp_path / "proxy.yaml"
    path.write_text(CONFIG, encoding="utf-8")

    def run(*arguments: str, config: str | None = None) -> Result:
        if config is not None:
            path.write_text(config, encoding="utf-8")
        head = arguments[:1] if arguments[:1] in (("diff",), ("drift",)) else ()
        return CliRunner().invoke(prices, [*head, "--config", str(path), *arguments[len(head) :]])

    return run


def rows(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    found: list[dict[str, Any]] = json.loads(result.output)
    return found


def test_each_key_of_an_endpoint_is_told_with_layer_source_and_next_change(
    run: Callable[..., Result],
) -> None:
    found = rows(run("lab/large", "--at", "2026-11-23T02:00Z", "--json"))
    assert {row["endpoint"] for row in found} == {"lab/large"}
    assert [(row["key"], row["usd"], row["layer"]) for row in found] == [
        ("input", "0.54", "window 01:00-04:00 UTC"),
        ("output", "2.20", "window 01:00-04:00 UTC"),
        ("cache_read", "0.14", "window 01:00-04:00 UTC"),
        ("input", "3.00", "above 200000"),
        ("input", "0.27", "flex"),
        ("output", "1.10", "flex"),
        ("cache_read", "0.07", "flex"),
        ("input", "1.50", "flex above 200000"),
    ]
    assert {(row["whose"], row["source"], row["date"]) for row in found} == {
        ("provider", "the page", "2026-11-01")
    }
    assert {row["next_change"] for row in found} == {"2026-11-23T04:00+00:00"}
    (first, *_) = rows(run("lab/large", "--at", "2026-11-22", "--json"))
    assert (first["usd"], first["layer"], first["next_change"]) == ("0.27", "base", "2026-11-23T01:00+00:00")


def test_a_model_is_told_by_any_of_its_names_with_all_its_endpoints(run: Callable[..., Result]) -> None:
    for name in ("acme/large", "big"):
        found = rows(run(name, "--json"))
        assert {row["endpoint"] for row in found} == {"lab/large", "free/large"}
        assert [row["key"] for row in found if row["endpoint"] == "free/large"] == [None]
    text = run("acme/large").output
    assert "free/large  unpriced" in text
    assert "the page, 2026-11-01" in text


def test_a_price_that_has_not_begun_is_unpriced_with_its_day(run: Callable[..., Result]) -> None:
    (row,) = rows(run("acme/small", "--json"))
    assert (row["key"], row["next_change"]) == (None, "2999-01-01T00:00+00:00")


def test_without_a_name_there_is_a_line_for_each_endpoint(run: Callable[..., Result]) -> None:
    heading, *lines = run("--at", "2026-11-22").output.splitlines()
    assert heading.split()[:2] == ["model", "endpoint"]
    assert [line.split()[:2] for line in lines] == [
        ["acme/large", "lab/large"],
        ["acme/large", "free/large"],
        ["acme/small", "lab/small"],
    ]
    assert lines[0].split()[-5:] == ["0.27", "1.10", "0.07", "-", "-"]
    assert "unpriced" in lines[1]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("acme/larg",), "did you mean acme/large"),
        (("lab/large", "--at", "noon"), "'noon' is no time"),
        (("lab/large", "--at", "9999-12-31T23:59"), "is no time"),
        (("lab/large", "--at", "0001-01-01T00:00+14:00"), "is no time"),
        (("drift", "--since", "ever"), "'ever' is not a duration"),
    ],
)
def test_what_cannot_be_told_is_said(
    run: Callable[..., Result], arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)
    assert result.exit_code != 0
    assert said in result.output


def test_the_help_names_the_commands(run: Callable[..., Result]) -> None:
    result = CliRunner().invoke(prices, ["--help"])
    assert result.exit_code == 0
    assert all(name in result.output for name in ("show", "diff", "drift"))


TOLD = """
auth: none
ledger: sqlite:///prices.db
plugins: {vendors: false, openai: {}, routes: {}, prices: {}}
providers:
  openai: {api_key: x, discover: false, price: {input: 7, output: 15, source: the page}}
models: {openai/gpt-5.4: {endpoints: [openai/gpt-5.4]}}
"""
"""A price of the operator's for what genai-prices knows too."""


def test_what_other_sources_say_is_compared(run: Callable[..., Result]) -> None:
    assert run("diff").output == "no other source says anything else\n"
    found = [row for row in rows(run("diff", "--json", config=TOLD)) if row["endpoint"] == "openai/gpt-5.4"]
    (row,) = [row for row in found if row["key"] == "input" and row["when"] is None]
    assert (row["usd"], row["source"]) == ("7.00", "the page")
    assert row["other_source"].startswith("genai-prices")
    assert row["percent"] == round((float(row["other_usd"]) - 7) / 7 * 100, 2)
    (read,) = [row for row in found if row["key"] == "cache_read" and row["when"] is None]
    assert (read["usd"], read["percent"]) == (None, None)
    assert "genai-prices" in run("diff").output


def bills(base: Path, *billed: tuple[str, int, int | None]) -> None:
    """Keep answers with what they cost and what was reported."""
    columns = {"id": Column("text", "I.", required=True)} | {
        name: Column("text" if name in ("at", "endpoint") else "integer", "X.")
        for name in ("at", "endpoint", "cost_nano", "reported_nano")
    }
    table = Table(name="generations", columns=columns, primary_key="id")

    async def write() -> None:
        ledger = open_ledger("sqlite:///prices.db", base=base, durability="strict")
        await ledger.open([table])
        for number, (endpoint, cost, reported) in enumerate(billed):
            row = {"id": str(number), "at": "2999-01-01", "endpoint": endpoint}
            ledger.insert("generations", {**row, "cost_nano": cost, "reported_nano": reported})
        await ledger.close()

    asyncio.run(write())


def test_what_was_billed_is_added_up_beside_what_prices_come_to(
    run: Callable[..., Result], tmp_path: Path
) -> None:
    bills(
        tmp_path,
        ("lab/large", 1_000_000, 1_005_000),
        ("lab/large", 1_000_000, 1_500_000),
        ("lab/large", 1_000_000, None),
        ("free/large", 0, 1_000),
        ("lab/small", 1_000, 1_000),
    )
    found = rows(run("drift", "--json"))
    assert [(row["endpoint"], row["answers"], row["drifted"], row["percent"]) for row in found] == [
        ("free/large", 1, 1, None),
        ("lab/large", 2, 1, 25.25),
        ("lab/small", 1, 0, 0.0),
    ]
    assert (found[1]["cost_usd"], found[1]["reported_usd"]) == ("0.002", "0.002505")
    assert "+25.25" in run("drift").output


def test_where_nobody_reports_a_bill_that_is_said(run: Callable[..., Result], tmp_path: Path) -> None:
    bills(tmp_path, ("lab/large", 1_000_000, None))
    assert run("drift").output == "no provider has reported what it billed\n"
