"""Text: rows for people and for programs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.money import format_usd

__all__ = ["amount", "as_csv", "as_json", "count", "duration", "usd"]

Row = Mapping[str, Any]


def as_json(data: Sequence[Row] | Row) -> str:
    """JSON for people and programs: rows are one array of objects."""
    return json.dumps(data, indent=2, ensure_ascii=False)


def as_csv(rows: Sequence[Row], columns: Sequence[str], *, heading: bool = True) -> str:
    """Comma-separated values (RFC 4180) in these columns. What is null is empty, lists are JSON; a text that
    a spreadsheet would take for a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    if heading:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(name)) for name in columns])
    return out.getvalue().rstrip("\n")


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | dict):
        return json.dumps(value, separators=(",", ":"))
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value


def usd(nano: int | None) -> str | None:
    """An exact amount of US dollars; None where it is not known."""
    return format_usd(nano) if nano is not None else None


def amount(cost_usd: str | None, *, unpriced: bool) -> str:
    """An amount for people; where none is known, whether that is for want of a price or of any use."""
    if cost_usd is not None:
        return cost_usd
    return "unpriced" if unpriced else "-"


def count(number: int | None) -> str:
    """A number for people."""
    return f"{number:,}" if number is not None else "-"


def duration(milliseconds: float | None) -> str:
    """A length of time for people."""
    if milliseconds is None:
        return "-"
    return f"{milliseconds:.0f} ms" if milliseconds < 1000 else f"{milliseconds / 1000:.1f} s"
