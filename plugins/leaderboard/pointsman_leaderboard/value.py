"""Value: what models' good answers cost at each task, and which are worth their price.

The cost is that of what was answered, at the prices that counted then; requests whose price is not known
are left out, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pointsman.ledger import Reading
from pointsman.money import NANO
from pointsman_thrift.quality import Estimate
from pointsman_usage.report import Filters

from .quality import Board
from .sums import summed
from .window import Window

__all__ = ["used", "values"]

USED = (
    *("requests", "complete", "priced", "unpriced", "cost_nano"),
    *("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens"),
)
LEAST = 1e-3
"""Quality that is divided by at least: what never succeeds costs a thousand times its price."""

Row = dict[str, Any]


def used(reading: Reading, window: Window, filters: Filters) -> list[Row]:
    """What was used in a span, by task ('' is none) and model."""
    by = {"coalesce(task, '')": "task", "model": "model"}
    found = summed(reading, by, USED, window, filters)
    return [{"task": task, "model": model, **row} for (task, model), row in sorted(found.items(), key=repr)]


def values(spent: Iterable[Mapping[str, Any]], board: Board) -> list[Row]:
    """A row for each task and model that was `used` and of whose quality anything is known, by task, the best
    value first.

    `per_success` is the mean cost of a request by the share of good answers, and `per_dollar` the good
    answers that a US dollar buys, each with its interval (of the quality; the cost is what it was). `pareto`
    says that no model with a rank is both better and cheaper; one without a rank is on no such line.
    """
    tasks: dict[str, list[Row]] = {}
    for row in spent:
        if board.knows(row["task"], row["model"]) and row["priced"]:
            tasks.setdefault(row["task"], []).append(_row(row, board))
    for task, rows in tasks.items():
        placed = board.ranked(task)
        for row in rows:
            row["ranked"] = row["model"] in placed
        _mark([row for row in rows if row["ranked"]])
    return [row for _, rows in sorted(tasks.items()) for row in sorted(rows, key=_by_value)]


def _row(spent: Mapping[str, Any], board: Board) -> Row:
    estimate = board.estimate(spent["task"], spent["model"])
    low, high = estimate.interval
    cost = spent["cost_nano"] / spent["priced"]
    return {
        "task": spent["task"] or None,
        "model": spent["model"],
        "quality": estimate.mean,
        "low": low,
        "high": high,
        "effective": estimate.n,
        "prior_share": estimate.prior_share,
        "requests": spent["requests"],
        "unpriced": spent["unpriced"],
        "cost_nano": cost,
        "per_success_nano": {
            "mean": _success(cost, estimate.mean),
            "low": _success(cost, high),
            "high": _success(cost, low),
        },
        "per_dollar": _bought(cost, estimate),
        "pareto": False,
    }


def _success(cost: float, quality: float) -> float:
    return cost / max(quality, LEAST)


def _bought(cost: float, estimate: Estimate) -> dict[str, float] | None:
    """Good answers for a dollar; None where they cost nothing."""
    if not cost:
        return None
    low, high = estimate.interval
    return {"mean": estimate.mean * NANO / cost, "low": low * NANO / cost, "high": high * NANO / cost}


def _mark(rows: Iterable[Row]) -> None:
    """Mark those that no other one is better and cheaper than."""
    best = -1.0
    for row in sorted(rows, key=lambda row: (row["cost_nano"], -row["quality"])):
        row["pareto"] = row["quality"] > best
        best = max(best, row["quality"])


def _by_value(row: Row) -> tuple[bool, float, str]:
    return not row["ranked"], row["per_success_nano"]["mean"], row["model"]
