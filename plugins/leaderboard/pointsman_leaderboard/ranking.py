"""Ranking: what `pointsman models --rank` prints, out of the ledger; a server may run beside it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from pointsman.columns import aligned
from pointsman.ledger import Reading, reader
from pointsman.money import format_usd
from pointsman.setup import Setup
from pointsman_usage.report import Filters, moment

from .quality import RANKED, Beliefs, board_of
from .shares import shares
from .value import used, values
from .window import Window

__all__ = ["ranking", "usage_table"]

NOTHING = "nothing to rank: {why}"
MOST = 200

Row = dict[str, Any]


def ranking(setup: Setup, rank: str, *, task: str | None, since: str, as_json: bool) -> str:
    """The models, ranked by `usage`, `quality` or `value`; for people, or as a JSON array. Raises
    ClickException for a time that is none, StartupError where there is no ledger."""
    now = datetime.now(UTC)
    try:
        window = Window(moment(since, now), now)
    except ValueError as error:
        raise click.BadParameter(f"{error}; write 7d, 12h or 2026-11-01", param_hint="--since") from None
    read, shown = RANKINGS[rank]
    with reader(setup.core.ledger.url, setup.base) as ledger:
        rows = read(ledger, window, task, Beliefs.of(setup)) if ledger.has_table("usage_days") else []
    if as_json:
        return json.dumps(rows, indent=2, ensure_ascii=False)
    return shown(rows) if rows else NOTHING.format(why="the ledger has none of it yet")


def _usage(reading: Reading, window: Window, task: str | None, beliefs: Beliefs) -> list[Row]:
    found = shares(reading, "model", window, filters=Filters(task=task), limit=MOST)
    rows: list[Row] = found["rows"]
    return rows


def _quality(reading: Reading, window: Window, task: str | None, beliefs: Beliefs) -> list[Row]:
    board = board_of(reading, beliefs, window.until)
    tasks = board.tasks() if task is None else [task]
    return [row for each in tasks for row in board.rows(each)]


def _value(reading: Reading, window: Window, task: str | None, beliefs: Beliefs) -> list[Row]:
    board = board_of(reading, beliefs, window.until)
    return values(used(reading, window, Filters(task=task)), board)


def usage_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Shares of models, for people."""
    if not rows:
        return NOTHING.format(why="nothing was used")
    return aligned(
        {
            "model": [str(row["name"]) for row in rows],
            "requests": [f"{row['requests']:,}" for row in rows],
            "tokens": [f"{row['tokens']:,}" for row in rows],
            "share": [f"{row['share']['tokens']:.1%}" for row in rows],
            "trend": [f"{row['trend']['tokens']:+,.0f}" for row in rows],
            "cost USD": [row["cost_usd"] for row in rows],
        },
        left=1,
    )


def _quality_table(rows: Sequence[Mapping[str, Any]]) -> str:
    return aligned(
        {
            "task": [row["task"] or "-" for row in rows],
            "model": [row["model"] for row in rows],
            "rank": [_rank(row) for row in rows],
            "tied with": [", ".join(row["tied_with"]) or "-" for row in rows],
            "quality": [f"{row['mean']:.3f}" for row in rows],
            "95 %": [f"{row['low']:.3f} to {row['high']:.3f}" for row in rows],
            "n": [f"{row['n']:,}" for row in rows],
            "votes": [f"{row['effective']:.1f}" for row in rows],
            "prior": [f"{row['prior_share']:.0%}" for row in rows],
        },
        left=4,
    )


def _rank(row: Mapping[str, Any]) -> str:
    rank = row["rank"]
    if rank is None:
        return f"unranked, needs {row['needs']:.0f} of {RANKED:.0f} votes"
    return str(rank["low"]) if rank["low"] == rank["high"] else f"{rank['low']} to {rank['high']}"


def _value_table(rows: Sequence[Mapping[str, Any]]) -> str:
    return aligned(
        {
            "task": [row["task"] or "-" for row in rows],
            "model": [row["model"] for row in rows],
            "best at its cost": [_pareto(row) for row in rows],
            "USD a good answer": [format_usd(round(row["per_success_nano"]["mean"])) for row in rows],
            "95 %": [_span(row["per_success_nano"]) for row in rows],
            "quality": [f"{row['quality']:.3f}" for row in rows],
            "votes": [f"{row['effective']:.1f}" for row in rows],
            "requests": [f"{row['requests']:,}" for row in rows],
        },
        left=3,
    )


def _pareto(row: Mapping[str, Any]) -> str:
    return ("yes" if row["pareto"] else "no") if row["ranked"] else "unranked"


def _span(said: Mapping[str, float]) -> str:
    return f"{format_usd(round(said['low']))} to {format_usd(round(said['high']))}"


RANKINGS: Mapping[
    str,
    tuple[
        Callable[[Reading, Window, str | None, Beliefs], list[Row]],
        Callable[[Sequence[Mapping[str, Any]]], str],
    ],
] = {
    "usage": (_usage, usage_table),
    "quality": (_quality, _quality_table),
    "value": (_value, _value_table),
}
