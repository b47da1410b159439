"""Settings: whatever is wrong with a price is told with its place."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from pointsman.config import Config, ConfigError, Schema, build, read_text
from pointsman_prices import Prices
from pointsman_prices.settings import Date


class Register:
    """What the core gives to `plugin_settings`, as far as it takes prices."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def __call__(self, type_: Any, *, section: str | None = None, **rules: Any) -> None:
        if section is None:
            self._schema.plugin("prices", type_, owner="prices")

    def field(self, record: str, name: str, type_: Any, **rules: Any) -> None:
        if record == "provider":
            self._schema.section("price", type_, owner="prices", **rules)


def built(text: str) -> Config:
    schema = Schema()
    Prices().plugin_settings(Register(schema))
    return build(read_text(text, name="proxy.yaml", env={}, base=Path()), schema)


@pytest.mark.parametrize(
    ("price", "place", "said"),
    [
        ("input: -1", "price.input", "cannot be negative"),
        ("input: 0.0000000001", "price.input", "finer than a nano-dollar"),
        ("input: cheap", "price.input", "is not a number of US dollars"),
        ("input: 1\n  output: 1\n  date: yesterday", "price.date", "'yesterday' is not a date"),
        ("input: 1\n  output: 1\n  cached: 1", "unknown key `cached`", "price"),
        ("input: 1\n  output: 1\n  cache_raed: 1", "unknown key `cache_raed`", "did you mean `cache_read`?"),
        ("source: me", "`price`", "no price is given here"),
        ("input: 1\n  output: 1\n  windows: [{input: 2}]", "`time` is missing", "windows.0"),
        (
            "input: 1\n  output: 1\n  service_tiers: {flex: {input: 2, tiers: [{above: 9, input: 3}]}}",
            "price.service_tiers.flex.tiers.0.above",
            "none of the price does so here",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00', input: 2}]",
            "price.windows.0.time",
            "names no zone",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00 Mars/Base', input: 2}]",
            "price.windows.0.time",
            "'Mars/Base' is not a time zone",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00 UTC', days: [monday], input: 2}]",
            "price.windows.0.days.0",
            "did you mean mon?",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00 UTC', days: [mon, mon], input: 2}]",
            "price.windows.0.days.1",
            "mon is named twice",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00 UTC'}]",
            "`price.windows.0`",
            "no price is given here",
        ),
        (
            "input: 1\n  output: 1\n  windows: [{time: '22:00-06:00 UTC', all: 50%, input: 2}]",
            "price.windows.0.all",
            "`all` says what every price is, and `input` gives one of them",
        ),
        (
            "input: 1\n  output: 1\n  windows:\n"
            "    - {time: '22:00-06:00 UTC', input: 2}\n    - {time: '05:00-07:00 UTC', input: 2}",
            "price.windows.1.time",
            "overlaps 22:00-06:00 UTC",
        ),
        (
            "input: 1\n  output: 1\n  tiers: [{above: 200, input: 2}, {above: 200, input: 3}]",
            "price.tiers.1.above",
            "more than 200",
        ),
        ("input: 1\n  output: 1\n  tiers: [{above: 0, input: 2}]", "price.tiers.0.above", "at least 1"),
        ("input: 1\n  output: 1\n  service_tiers: {flx: 50%}", "unknown key `flx`", "did you mean `flex`?"),
        ("input: 1\n  output: 1\n  service_tiers: {flex: cheap}", "price.service_tiers.flex", "percentage"),
        (
            "input: 1\n  output: 1\n  service_tiers: {flex: {all: 50%, output: 1}}",
            "price.service_tiers.flex.all",
            "`output` gives one of them",
        ),
    ],
)
def test_a_wrong_price_is_a_problem_with_its_place(price: str, place: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        built(f"price:\n  {price}\n")
    text = str(raised.value)
    assert place in text
    assert said in text
    assert re.search(r"proxy\.yaml:[0-9]+:[0-9]+", text)


@pytest.mark.parametrize(
    ("history", "said"),
    [
        ("[]", "no price is given here"),
        ("[{input: 1, output: 1}, {input: 2, output: 1}]", "two prices begin without a day"),
        (
            "[{input: 1, output: 1, from: 2026-02-01}, {input: 2, output: 1, from: 20260201}]",
            "two prices begin on 2026-02-01",
        ),
    ],
)
def test_a_history_has_one_price_at_a_time(history: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        built(f"price: {history}")


def test_a_price_without_output_is_a_warning() -> None:
    config = built("price: {input: 1}")
    (problem,) = config.problems
    assert problem.severity == "warning"
    assert "answers that have any will be unpriced" in problem.message
    assert not built("price: {input: 1, output: 0}").problems


def test_a_whole_price_is_read() -> None:
    config = built(
        """
price:
  - {input: 2, output: 3}
  - input: 0.27
    output: 1.10
    tiers: [{above: 200000, all: 200%}]
    service_tiers: {flex: 50%, batch: {input: 1}}
    windows: [{time: "16:30-00:30 UTC", days: [mon, sun], cache_read: 0.05}]
    from: 2026-02-01
    source: the page
    date: 2026-01-31
"""
    )
    assert not config.problems
    old, new = config.section("price")
    assert old.begins is None
    assert (new.begins, new.source, new.date) == ("2026-02-01", "the page", "2026-01-31")
    assert new.service_tiers.flex.all.text == "50%"
    assert new.windows[0].days == ("mon", "sun")


@pytest.mark.parametrize(("text", "kept"), [("2026-11-01", "2026-11-01"), ("20261101", "2026-11-01")])
def test_a_day_is_kept_as_a_date(text: str, kept: str) -> None:
    assert Date.parse(text) == kept
    assert Date.parse(text).seconds == 1_793_491_200
