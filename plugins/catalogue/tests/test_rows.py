"""Rows: they come out of the ledger as they went in, and know their conditions."""

from __future__ import annotations

from typing import Any

import pytest

from pointsman.facts import Fact
from pointsman_catalogue.rows import ENDPOINTS, Match, Row, as_facts, matches, row_of, stored


@pytest.mark.parametrize(
    ("match", "yes", "no"),
    [
        (Match(equals="gpt-4o"), "gpt-4o", "gpt-4o-mini"),
        (Match(starts_with="gpt-4o"), "gpt-4o-mini", "xgpt-4o"),
        (Match(ends_with="-mini"), "gpt-4o-mini", "mini-x"),
        (Match(contains="4o"), "gpt-4o-mini", "gpt-4"),
        (Match(regex="^o[134]$"), "o3", "o3-mini"),
        (Match(any=(Match(equals="a"), Match(equals="b"))), "b", "c"),
        (Match(all=(Match(starts_with="a"), Match(ends_with="z"))), "abz", "ab"),
        (Match(), "", ""),
    ],
)
def test_conditions(match: Match, yes: str, no: str) -> None:
    assert matches(match, yes) is (match != Match())
    assert not matches(match, no)


def test_a_row_is_the_same_after_it_was_stored() -> None:
    facts = {"context": 8192, "price": {"input": "0.1", "tiers": [{"above": 5, "input": "1"}]}}
    condition = Match(any=(Match(equals="m"), Match(starts_with="m-")))
    row = Row("acme/m", "acme", "m", True, facts, condition, 7, "a list", "2026-11-27")
    values = stored(row)
    assert values.keys() == ENDPOINTS.columns.keys()
    assert row.known()["context"] == Fact(8192, "a list", "2026-11-27")
    shared: dict[bytes, Any] = {}
    again = row_of(values, shared)
    assert again == row
    assert row_of(values, shared).facts["price"] is again.facts["price"]
    bare = Row("acme/m", "acme", "m", False, {})
    assert row_of(stored(bare), shared) == bare


def test_facts_have_source_and_day_and_cannot_change() -> None:
    facts = as_facts({"context": 5, "parameters": ["tools"]}, "a list", "2026-11-27")
    assert facts["context"] == Fact(5, "a list", "2026-11-27")
    assert facts["parameters"].value == ("tools",)
