"""Statements: what a month came to, for whoever pays for it."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.ledger import ReadOnlyLedger
from pointsman.money import format_usd

__all__ = ["COLUMNS", "as_csv", "as_json", "as_table", "check_month", "statement"]

MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")
COLUMNS = (
    "month",
    "organisation",
    "team",
    "key",
    "model",
    "requests",
    "input_tokens",
    "output_tokens",
    "unpriced",
    "cost_usd",
    "billed_usd",
)
LINES = """
select
    coalesce(max(organisation_name), max(usage_days.organisation), '') as organisation,
    coalesce(max(team_name), max(usage_days.team), '') as team,
    coalesce(max(key_name), max(key_id), '') as key,
    coalesce(max(usage_days.model), '') as model,
    sum(requests) as requests,
    sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens,
    sum(unpriced) as unpriced,
    sum(cost_nano) as cost_nano,
    sum(billed_nano) as billed_nano
from usage_days
where at >= :month and at < :after and (:team is null or usage_days.team = :team)
group by usage_days.organisation, usage_days.team, key_id, usage_days.model
order by 1, 2, 3, 4
"""
NANO = ("cost_nano", "billed_nano")
SUMS = ("requests", "input_tokens", "output_tokens", "unpriced", *NANO)


def check_month(text: str) -> str:
    """A month such as 2026-11. Raises ValueError."""
    if not MONTH.fullmatch(text):
        raise ValueError(f"{text!r} is not a month such as 2026-11")
    return text


def statement(ledger: ReadOnlyLedger, month: str, team: str | None) -> list[dict[str, Any]]:
    """The lines of a month, in UTC, of a team or of everybody: one a key and model, and last their total."""
    params = {"month": month, "after": f"{month}~", "team": team}
    rows = ledger.select_sync(LINES, params)
    names = {"organisation": "", "team": team or "", "key": "", "model": "total"}
    rows.append(names | {name: sum(row[name] for row in rows) for name in SUMS})
    return [{"month": month, **_in_dollars(row)} for row in rows]


def _in_dollars(row: Mapping[str, Any]) -> dict[str, Any]:
    amounts = {name.replace("_nano", "_usd"): format_usd(row[name]) for name in NANO}
    return {name: value for name, value in row.items() if name not in NANO} | amounts


def as_csv(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines as comma-separated values. What a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _plain(value) for name, value in row.items()} for row in rows)
    return text.getvalue().rstrip("\n")


def as_json(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines as a JSON array of objects."""
    return json.dumps(list(rows), indent=2, ensure_ascii=False)


def as_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """The lines for people."""
    shown = [name for name in COLUMNS if name != "month"]
    cells = [[name.replace("_", " ") for name in shown]]
    cells += [[_printable(str(row[name])) or "-" for name in shown] for row in rows]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) if place < 4 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _plain(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)
