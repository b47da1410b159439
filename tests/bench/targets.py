"""What pointsman is to reach, beside what was measured."""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["LEVELS", "TARGETS", "Target", "figure", "pairs", "reached"]

OURS = "pointsman"
LEVELS = ("must", "aim", "dream")

Rows = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Target:
    """Most that a figure of pointsman's may be, at each level.

    The figure is `key` of a scenario, in `unit` after `scale`; with `to` it is divided by that contender's of
    the same round, with `over` that contender's is taken from it.
    """

    what: str
    scenario: str
    key: str
    most: tuple[float, ...]
    unit: str = ""
    to: str = ""
    over: str = ""
    scale: float = 1.0


TARGETS = (
    Target("CPU a request, to nginx", "nonstream", "cpu_us", (6, 3, 2), to="nginx"),
    Target("CPU a request, to vllm-router", "nonstream", "cpu_us", (1,), to="vllm-router"),
    Target("CPU an event of saturated streams, to nginx", "saturated", "cpu_us", (2, 1.5, 1.25), to="nginx"),
    Target("CPU a 200-KB body, to nginx", "body200k", "cpu_us", (5, 3, 2), to="nginx"),
    Target(
        "added p50 at 50 a second", "latency-50", "p50_us", (0.6, 0.3, 0.15), "ms", over="direct", scale=1e-3
    ),
    Target("memory after 20,000 requests", "memory20k", "after_rss", (80, 50, 40), "MiB"),
    Target("start to first answer", "startup", "startup_s", (1, 0.6, 0.3), "s"),
)


def pairs(rows: Rows, name: str, other: str, key: str) -> Iterator[tuple[float, float]]:
    """A contender's figures, each with another's of the same round of the same run."""
    base = {(row["run"], row["round"]): row[key] for row in rows if row["contender"] == other}
    for row in rows:
        beside = base.get((row["run"], row["round"]))
        if row["contender"] == name and beside is not None:
            yield row[key], beside


def figure(target: Target, rows: Rows) -> float | None:
    """What pointsman's figure is, the median of its rounds; None where that was not measured."""
    mine = [row for row in rows if row["scenario"] == target.scenario]
    values = list(_values(target, mine))
    return statistics.median(values) * target.scale if values else None


def reached(target: Target, value: float) -> str:
    """The best level that a figure meets."""
    met = [level for level, most in zip(LEVELS, target.most, strict=False) if value <= most]
    return met[-1] if met else "missed"


def _values(target: Target, rows: Rows) -> Iterator[float]:
    if target.to:
        for mine, other in pairs(rows, OURS, target.to, target.key):
            if other:
                yield mine / other
    elif target.over:
        for mine, other in pairs(rows, OURS, target.over, target.key):
            yield mine - other
    else:
        yield from (row[target.key] for row in rows if row["contender"] == OURS)
