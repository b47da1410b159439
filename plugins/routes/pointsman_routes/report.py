"""The report: a decision record for people, as lines and tables."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pointsman.columns import aligned
from pointsman.money import format_usd

__all__ = ["as_text"]

Record = Mapping[str, Any]
PLAIN = frozenset({"by", "value", "unit"})
"""What of a score fits into one cell; others get a table of their own."""
MONEY = "nano-USD"
UNKNOWN = "-"


def as_text(record: Record) -> str:
    """A decision record for people."""
    lines = [f"request: model {record['requested']}", *_request(record)]
    if "seed" in record:
        lines.append(f"seed: {record['seed']}")
    lines += _section("rules", [_rule_line(rule) for rule in record["rules"]])
    lines.append(f"route: {record['rule'] or 'none, the models asked for are used'}")
    lines.append(f"models: {', '.join(record['models']) or 'none'}")
    candidates = record["candidates"]
    lines += _section("candidates", _candidates(candidates) if candidates else [])
    for by, rows in _wide_scores(candidates).items():
        lines += _section(by, _scores(rows))
    whys = [f"{number}. {'; '.join(each['reasons'])}" for number, each in enumerate(candidates, 1)]
    if candidates:
        lines += _section("why", whys)
    lines += _section("excluded", [_excluded_line(each) for each in record["excluded"]])
    lines.append(f"choice: {record['choice'] or 'none'}")
    lines.append(f"fallbacks: {', '.join(each['endpoint'] for each in candidates[1:]) or 'none'}")
    if record["outcomes"]["attempts"]:
        lines += _section("attempts", [_attempt_line(attempt) for attempt in record["outcomes"]["attempts"]])
    return "\n".join(_printable(line) for line in lines)


def _request(record: Record) -> list[str]:
    request = record.get("request")
    if request is None:  # kept by a version that did not say
        return []
    by = f" by {request['key']}" if request["key"] else ""
    return [
        f"         {request['surface']} in {request['dialect']}{by}, at {_minute(record['at'])}",
        f"         about {request['input']} tokens, and {request['output']} back",
    ]


def _section(heading: str, lines: Sequence[str]) -> list[str]:
    return [f"{heading}:", *(f"  {line}" for line in lines)] if lines else [f"{heading}: none"]


def _candidates(rows: Sequence[Record]) -> list[str]:
    """A table, in which columns that say nothing are left out."""
    prices: list[Record] = [each.get("price", {}) for each in rows]
    following = [price.get("next") for price in prices]
    scores = [each["scores"][-1] if each.get("scores") else None for each in rows]
    columns = {
        "": [f"{number}." for number, _ in enumerate(rows, 1)],
        "endpoint": [each["endpoint"] for each in rows],
        "model": [each["model"] for each in rows],
        "lane": [each["lane"] or UNKNOWN for each in rows],
        "price now": [_price(price.get("nano")) for price in prices],
        "from": [_minute(each["at"]) if each else UNKNOWN for each in following],
        "price then": [_price(each["nano"]) if each else UNKNOWN for each in following],
        "score": [_score(each) if each else UNKNOWN for each in scores],
        "loses": [", ".join(each["lost"]) or UNKNOWN for each in rows],
    }
    said = {
        name: cells
        for name, cells in columns.items()
        if name in ("", "endpoint", "model", "price now") or any(cell != UNKNOWN for cell in cells)
    }
    return aligned(said, left=3 + ("lane" in said)).splitlines()


def _price(nano: int | None) -> str:
    return "unknown" if nano is None else f"${format_usd(nano)}"


def _minute(at: str) -> str:
    """A moment in UTC, as records tell it, to the minute."""
    return f"{at[:16].replace('T', ' ')}Z"


def _score(score: Record) -> str:
    if "share" in score:
        return f"{score['by']} {score['share']:.1%}"
    value, unit = score.get("value"), score.get("unit", "")
    if value is None or unit == MONEY:
        told = _price(None if value is None else round(value))
    else:
        told = f"{_number(value)} {unit}".rstrip()
    return f"{score['by']} {told}"


def _wide_scores(rows: Sequence[Record]) -> dict[str, list[tuple[str, Record]]]:
    """Scores of several numbers, with their endpoints, by who gave them."""
    found: dict[str, list[tuple[str, Record]]] = {}
    for row in rows:
        for score in row.get("scores", ()):
            if not score.keys() <= PLAIN:
                found.setdefault(score["by"], []).append((row["endpoint"], score))
    return found


def _scores(rows: Sequence[tuple[str, Record]]) -> list[str]:
    names = [name for name in dict.fromkeys(name for _, score in rows for name in score) if name != "by"]
    columns = {"endpoint": [endpoint for endpoint, _ in rows]}
    for name in names:
        columns[name] = [_number(score.get(name)) for _, score in rows]
    return aligned(columns, left=1).splitlines()


def _number(value: Any) -> str:
    if value is None:
        return UNKNOWN
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _rule_line(rule: Record) -> str:
    name = f"{rule['name']} ({rule['at']})" if "at" in rule else rule["name"]
    if rule["matched"]:
        return f"yes  {name}"
    failed = rule["failed"]
    value, expected = (json.dumps(failed[each], ensure_ascii=False) for each in ("value", "expected"))
    return f"no   {name}: {failed['when']} is {value}, expected {expected}"


def _excluded_line(row: Record) -> str:
    return f"{row['endpoint']} by {row['by']}: {row['why']}"


def _attempt_line(attempt: Record) -> str:
    if attempt["error_type"] is None:
        return f"{attempt['endpoint']}: answered"
    return f"{attempt['endpoint']}: {attempt['error_type']}: {attempt['message']}"


def _printable(text: str) -> str:
    """Text that a terminal does not act on: names come from clients."""
    return "".join(each if each.isprintable() else "?" for each in text)
