"""The statement of a month: exact, complete, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from pointsman.ledger import reader
from pointsman.testing import Running
from pointsman_budgets.statement import COLUMNS, as_csv, as_json, as_table, check_month, statement

Serve = Callable[..., AbstractAsyncContextManager[Running]]
Ask = Callable[..., Awaitable[httpx.Response]]


class Days:
    """Stands for the ledger; remembers what it is asked."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self.rows = rows
        self.asked: dict[str, Any] = {}

    def select_sync(self, sql: str, params: dict[str, Any]) -> list[dict[str, Any]]:
        assert "from usage_days" in sql
        self.asked = params
        return [dict(row) for row in self.rows]


ROW = {
    "organisation": "acme",
    "team": "research",
    "key": "alice",
    "model": "acme/large",
    "requests": 2,
    "input_tokens": 100,
    "output_tokens": 50,
    "unpriced": 0,
    "cost_nano": 1_000_000_001,
    "billed_nano": 1_050_000_001,
}


def lines(*rows: dict[str, Any], team: str | None = None) -> list[dict[str, Any]]:
    return statement(Days(*rows), "2026-11", team)  # type: ignore[arg-type]


def test_a_statement_has_a_line_a_key_and_model_and_their_total() -> None:
    first, second, total = lines(ROW, {**ROW, "key": "bob", "requests": 3, "unpriced": 1})
    assert (first["key"], first["cost_usd"], first["billed_usd"]) == ("alice", "1.000000001", "1.050000001")
    assert (second["key"], second["requests"], second["unpriced"]) == ("bob", 3, 1)
    assert (total["model"], total["requests"], total["cost_usd"]) == ("total", 5, "2.000000002")
    assert tuple(total) == COLUMNS or set(total) == set(COLUMNS)


async def test_a_statement_is_of_what_was_really_used(serve: Serve, ask: Ask, tmp_path: Path) -> None:
    more = "teams: {research: {markup: 10%}}\norganisation: {name: acme}"
    async with serve(extra=", team: research", more=more, usage="{}") as served:
        for key, model in (("alice", "large"), ("alice", "large"), ("alice", "unpriced"), ("bob", "large")):
            assert (await ask(served, key, model=f"acme/{model}")).status_code == 200
        (row, *_) = await served.rows("generations")
        month, url = row["at"][:7], served.gateway.setup.core.ledger.url
        with reader(url, tmp_path) as ledger:
            everybody, team = statement(ledger, month, None), statement(ledger, month, "research")
    shown = ("organisation", "team", "key", "model", "requests", "unpriced", "cost_usd", "billed_usd")
    assert [tuple(line[name] for name in shown) for line in everybody] == [
        ("acme", "", "bob", "acme/large", 1, 0, "0.10", "0.10"),
        ("acme", "research", "alice", "acme/large", 2, 0, "0.20", "0.22"),
        ("acme", "research", "alice", "acme/unpriced", 1, 1, "0.00", "0.00"),
        ("", "", "", "total", 4, 1, "0.30", "0.32"),
    ]
    assert [line["billed_usd"] for line in team] == ["0.22", "0.00", "0.22"]


def test_a_month_in_which_nothing_was_used_is_a_total_of_nothing() -> None:
    (total,) = lines(team="research")
    assert (total["team"], total["requests"], total["billed_usd"]) == ("research", 0, "0.00")


def test_a_month_is_asked_for_from_its_first_day_to_its_last() -> None:
    days = Days()
    statement(days, "2026-11", "research")  # type: ignore[arg-type]
    assert days.asked["team"] == "research"
    month, after = days.asked["month"], days.asked["after"]
    nearby = ("2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01")
    within = [day for day in nearby if month <= day < after]
    assert within == ["2026-11-01", "2026-11-30"]


def test_it_is_printed_as_values_as_json_and_for_people() -> None:
    rows = lines({**ROW, "key": "=HYPERLINK(1)", "team": "a,b"})
    read = list(csv.DictReader(io.StringIO(as_csv(rows))))
    assert [*read[0]] == list(COLUMNS)
    assert (read[0]["key"], read[0]["team"]) == ("'=HYPERLINK(1)", "a,b"), "no formula"
    assert json.loads(as_json(rows)) == rows
    table = as_table(lines({**ROW, "key": "ev\x1b[31mil"})).splitlines()
    assert len({line.find("alice") for line in table}) == 1
    assert "\x1b" not in "".join(table)
    assert table[0].split()[:4] == ["organisation", "team", "key", "model"]


@pytest.mark.parametrize("text", ["2026", "2026-13", "2026-1", "2026-11-01", "nov", "2026-00", "' or 1"])
def test_what_is_no_month_is_refused(text: str) -> None:
    assert check_month("2026-11") == "2026-11"
    with pytest.raises(ValueError, match="is not a month"):
        check_month(text)
