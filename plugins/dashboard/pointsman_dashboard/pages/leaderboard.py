"""Leaderboard: who is used most, who does best, and who gives most for its price, as far as that is known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request

from pointsman.errors import Unavailable
from pointsman_dashboard import texts
from pointsman_dashboard.access import Visitor
from pointsman_dashboard.board import told
from pointsman_dashboard.charts.bars import Bar, bars
from pointsman_dashboard.charts.scatter import Point, scatter
from pointsman_dashboard.figures import Column, Figure
from pointsman_dashboard.site import Shown

__all__ = ["show"]

WINDOWS = ("24h", "7d", "30d", "90d")
USUAL = "7d"
GROUPED = ("model", "provider", "app", "team", "task")
PARTS = "usage,quality,value,savings"
UNTOLD = "(not classified)"
DRAWN = 12

Row = Mapping[str, Any]


async def show(request: Request, visitor: Visitor) -> Shown:
    """The page. Raises BadRequest, and Unavailable without the plugin leaderboard."""
    query = request.query_params
    by = query.get("by", "model") if query.get("by") in GROUPED else "model"
    window = query.get("window", USUAL)
    of_task = query.get("task", "")
    found = await told(visitor, window=window, by=by, parts=PARTS, limit=DRAWN, of_task=of_task)
    if found is None:
        raise Unavailable("the plugin leaderboard is not in use")
    tasks, task = found.get("tasks", ()), found.get("task", "")
    figures = [
        _usage(found.get("usage"), by),
        _quality(found.get("quality", {}).get("rows", ()), task),
        _value(found.get("value", ()), task),
    ]
    more = {
        "windows": WINDOWS,
        "window": window,
        "grouped": GROUPED,
        "by": by,
        "tasks": tasks,
        "task": task,
        "untold": UNTOLD,
        "savings": _savings(found.get("savings")),
        "assumptions": (found.get("savings") or {}).get("assumptions", ()),
    }
    return Shown(figures, more)


def _usage(usage: Mapping[str, Any] | None, by: str) -> Figure:
    rows = [
        {
            **row,
            "name": row["name"] or UNTOLD,
            "share_tokens": row["share"]["tokens"],
            "share_spend": row["share"]["cost_nano"],
            "trend_tokens": row["trend"]["tokens"],
        }
        for row in (usage or {}).get("rows", ())
    ]
    drawn = [Bar(row["name"], row["share_tokens"]) for row in rows]
    return Figure(
        "usage",
        f"Use by {by}",
        [
            Column("name", by.capitalize()),
            Column("tokens", "Tokens", texts.count, number=True),
            Column("share_tokens", "Share", texts.share, number=True),
            Column("trend_tokens", "Trend", _signed, number=True),
            Column("requests", "Requests", texts.long_count, number=True),
            Column("cost_nano", "Spend", texts.usd, number=True),
            Column("share_spend", "Share", texts.share, number=True),
            Column("unpriced", "Unpriced", texts.long_count, number=True),
        ],
        rows,
        chart=bars(f"Share of tokens by {by}", drawn, texts.share),
        empty="No request was answered in this time.",
        note="Trend: tokens more than in the mean of the three windows before. Tokens of different models "
        "are of different length; use says nothing of quality.",
    )


def _quality(rows: Sequence[Row], task: str) -> Figure:
    shown = [
        {
            **row,
            "rank_said": _rank(row),
            "tied": ", ".join(row["tied_with"]) or None,
            "interval": f"{texts.share(row['low'])} to {texts.share(row['high'])}",
            "said_by": ", ".join(f"{name} {count['n']}" for name, count in row["sources"].items()),
        }
        for row in rows
    ]
    drawn = [
        Bar(row["model"], row["mean"], row["low"], row["high"], pale=not row["ranked"])
        for row in rows[:DRAWN]
    ]
    return Figure(
        "quality",
        f"Quality: {task or UNTOLD}",
        [
            Column("model", "Model"),
            Column("rank_said", "Rank"),
            Column("tied", "Tied with"),
            Column("mean", "Quality", texts.share, number=True),
            Column("interval", "95 %", tight=True),
            Column("n", "Labels", texts.long_count, number=True),
            Column("effective", "Effective", texts.count, number=True),
            Column("said_by", "Said by"),
            Column("prior_share", "Prior", texts.share, number=True),
        ],
        shown,
        chart=bars(f"Quality at {task or UNTOLD}", drawn, texts.share, top=1.0),
        empty="Nobody has said how good any answer was: votes, checks and comparisons are feedback.",
        note="The share of good answers as feedback shows it, with the interval that holds it in 95 of 100 "
        "cases. Pale: fewer than 30 effective votes, and so without a rank. Prior: how much of it is not "
        "from this task.",
    )


def _value(rows: Sequence[Row], task: str) -> Figure:
    shown = [
        {
            **row,
            "good": row["per_success_nano"]["mean"],
            "good_range": " to ".join(texts.usd(row["per_success_nano"][end]) for end in ("low", "high")),
            "bought": (row["per_dollar"] or {}).get("mean"),
        }
        for row in rows
    ]
    points = [
        Point(row["model"], row["cost_nano"], row["quality"], row["low"], row["high"], best=row["pareto"])
        for row in rows
    ]
    return Figure(
        "value",
        f"Value: {task or UNTOLD}",
        [
            Column("model", "Model"),
            Column("good", "A good answer costs", texts.usd, number=True),
            Column("good_range", "95 %", tight=True),
            Column("bought", "For a dollar", texts.count, number=True),
            Column("cost_nano", "An answer costs", texts.usd, number=True),
            Column("quality", "Quality", texts.share, number=True),
            Column("effective", "Effective", texts.count, number=True),
            Column("requests", "Requests", texts.long_count, number=True),
            Column("unpriced", "Unpriced", texts.long_count, number=True),
        ],
        shown,
        chart=scatter(
            f"Price and quality at {task or UNTOLD}",
            points,
            texts.usd,
            texts.share,
            x_title="an answer costs",
            y_title="quality",
        ),
        empty="No model at this task has both a price and feedback.",
        note="The line joins models that no other one with a rank is both better and cheaper than. Costs are "
        "what was paid.",
    )


def _rank(row: Row) -> str:
    rank = row["rank"]
    if rank is None:
        return f"none: {row['needs']:.0f} votes to go"
    return str(rank["low"]) if rank["low"] == rank["high"] else f"{rank['low']} to {rank['high']}"


def _savings(savings: Mapping[str, Any] | None) -> list[tuple[str, str, str]]:
    """What was spent beside what else it might have been: title, amount, and what is to be said of it."""
    if not savings or not savings["requests"]:
        return []
    rows = [("Spent", texts.usd(savings["spent"]["cost_nano"]), _good(savings["spent"]))]
    for name, title in (("best_single", "Best model alone"), ("cheapest", "Cheapest alone")):
        if (row := savings[name]) is not None:
            rows.append((f"{title}: {row['model']}", texts.usd(row["cost_nano"]), _good(row)))
    if (mix := savings["random_mix"]) is not None:
        rows.append(("Random mix of these two", texts.usd(mix["cost_nano"]), _good(mix)))
    return rows


def _good(row: Row) -> str:
    if row["quality"] is None:
        return "quality not known"
    low, high = texts.share(row["low"]), texts.share(row["high"])
    return f"quality {texts.share(row['quality'])} ({low} to {high})"


def _signed(number: float) -> str:
    return f"{'+' if number > 0 else ''}{texts.count(number)}"
