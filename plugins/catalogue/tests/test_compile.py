"""What comes of genai-prices: enough models, at vendors that there are, with prices that can be read."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from genai_prices.types import ClauseAnd, ClauseContains, ClauseEndsWith, ClauseEquals, ClauseOr, ClauseRegex

from pointsman.config import read_text
from pointsman.setup import assemble
from pointsman_catalogue.compile import Compiled, compile_rows
from pointsman_catalogue.rows import Match, Row
from pointsman_prices.book import read_price

CANONICAL = re.compile(r"[a-z0-9~][a-z0-9._-]*/[a-z0-9._:-]+")


@pytest.fixture(scope="module")
def shipped() -> set[str]:
    """The kinds of provider that the standard set has."""
    return set(assemble(read_text("", name="p", env={}, base=Path.cwd()), env={**os.environ}).kinds.names())


def of(rows: Iterable[Row], vendor: str, native_id: str) -> Row:
    return next(row for row in rows if (row.vendor, row.native_id) == (vendor, native_id))


def test_three_hundred_models_and_more_are_at_vendors_that_are_shipped(
    everything: Compiled, shipped: set[str]
) -> None:
    served = [row for row in everything.rows if row.certain and row.vendor in shipped - {"openrouter"}]
    assert len({row.model for row in served}) >= 300
    assert len({row.model for row in served if {"price", "context"} <= row.facts.keys()}) >= 300


def test_names_that_are_certain_are_an_author_and_a_slug(everything: Compiled) -> None:
    assert [row.id for row in everything.rows if row.certain and not CANONICAL.fullmatch(row.model)] == []
    uncertain = (row for row in everything.rows if not row.certain and row.vendor != "openrouter")
    assert all(row.model == row.id for row in uncertain)


def test_every_price_can_be_read(everything: Compiled) -> None:
    for row in everything.rows:
        if "price" in row.facts:
            read_price(row.facts["price"])


def test_rows_tell_where_they_come_from_and_are_there_once(everything: Compiled) -> None:
    assert {row.source for row in everything.rows} == {"genai-prices 0.2.3"}
    assert len({row.id for row in everything.rows}) == len(everything.rows)
    assert [row.place for row in everything.rows] == list(range(len(everything.rows)))
    assert everything.lost["no price"] > 0


@pytest.mark.parametrize(
    ("vendor", "native_id", "model"),
    [
        ("groq", "llama-3.3-70b-versatile", "meta-llama/llama-3.3-70b-instruct"),
        ("fireworks", "accounts/fireworks/models/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("huggingface", "openai/gpt-oss-120b:cerebras", "openai/gpt-oss-120b"),
        ("zai", "glm-4.7", "z-ai/glm-4.7"),
        ("anthropic", "claude-haiku-4-5", "anthropic/claude-haiku-4.5"),
        ("openrouter", "openai/gpt-oss-120b", "openai/gpt-oss-120b"),
        ("vertex", "claude-opus-4-5", "anthropic/claude-opus-4.5"),
        ("gemini", "gemini-2.5-pro", "google/gemini-2.5-pro"),
    ],
)
def test_ids_are_those_that_the_vendors_take(
    everything: Compiled, vendor: str, native_id: str, model: str
) -> None:
    row = of(everything.rows, vendor, native_id)
    assert (row.model, row.certain) == (model, True)


def test_variants_of_openrouter_are_no_models_of_their_own(everything: Compiled) -> None:
    free = of(everything.rows, "openrouter", "openai/gpt-oss-120b:free")
    assert (free.model, free.certain) == ("openai/gpt-oss-120b:free", False)
    assert not any(row.native_id.endswith(":batch") for row in everything.rows)
    prices = [row.facts.get("price") for row in everything.rows if row.vendor == "openrouter"]
    assert any("batch" in each.get("service_tiers", ()) for each in prices if isinstance(each, dict))


def model(native_id: str, match: Any = None, **fields: Any) -> Any:
    own: dict[str, Any] = {"name": None, "description": None, "context_window": None, "deprecated": None}
    prices = SimpleNamespace(input_mtok=None)
    clause = match or ClauseEquals(equals=native_id)
    return SimpleNamespace(
        **{**own, "id": native_id, "prices": prices, "price_variants": None, "match": clause, **fields}
    )


def test_what_no_request_can_name_and_what_answers_none_is_counted() -> None:
    openai = SimpleNamespace(id="openai", models=[model("ft:gpt-4o"), model("gpt-4o:extended"), model("x-")])
    decisions = SimpleNamespace(id="openai-decisions", models=[model("x")])
    reference = SimpleNamespace(id="openrouter", models=[model("no-author")])
    compiled = compile_rows([openai, decisions, reference], "1")
    assert (compiled.rows, compiled.lost) == ([], {"id": 4, "provider": 1})


def test_conditions_are_of_ids_that_the_vendor_takes(everything: Compiled) -> None:
    assert of(everything.rows, "huggingface", "openai/gpt-oss-120b:cerebras").matching is None
    assert of(everything.rows, "anthropic", "claude-haiku-4-5").matching is not None
    assert not any(
        row.native_id.startswith("perplexity/") for row in everything.rows if row.vendor == "perplexity"
    )


def test_hosts_know_the_names_that_makers_give() -> None:
    maker = SimpleNamespace(id="anthropic", models=[model("claude-9")])
    host = SimpleNamespace(id="aws", models=[model("global.anthropic.claude-9-v1:0")])
    rows = compile_rows([host, maker], "1").rows
    assert [(row.model, row.certain) for row in rows] == [("anthropic/claude-9", True)] * 2


def test_conditions_and_facts_are_carried() -> None:
    clause = ClauseOr(
        or_=[
            ClauseAnd(and_=[ClauseContains(contains="GPT"), ClauseEndsWith(ends_with="o")]),
            ClauseRegex(regex="^x+$"),
        ]
    )
    fields = {"name": "GPT", "description": "Good.", "context_window": 5, "deprecated": True}
    (row,) = compile_rows(
        [SimpleNamespace(id="openai", models=[model("gpt-4o", clause, **fields)])], "1"
    ).rows
    assert row.facts == {"name": "GPT", "description": "Good.", "context": 5, "deprecated": ""}
    assert row.matching == Match(
        any=(Match(all=(Match(contains="gpt"), Match(ends_with="o"))), Match(regex="^x+$"))
    )


def test_run_as_a_module_it_prints_what_came_of_the_version_installed(everything: Compiled) -> None:
    before = datetime.now(UTC).date().isoformat()
    done = subprocess.run(
        [sys.executable, "-m", "pointsman_catalogue.compile"], capture_output=True, check=True, timeout=60
    )
    assert json.loads(done.stdout)["version"] == "0.2.3"
    printed = msgspec.json.decode(done.stdout, type=Compiled)
    assert {row.date for row in printed.rows} <= {datetime.now(UTC).date().isoformat(), before}
    undated = [msgspec.structs.replace(row, date="") for row in printed.rows]
    assert undated == everything.rows
