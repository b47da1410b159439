"""Tables of what was measured, for a terminal and as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from scenarios import Scenario
from targets import LEVELS, TARGETS, figure, pairs, reached

__all__ = ["report"]

BASE = "nginx"
"""Whose figure of the same round every other is divided by."""
ORIGIN = "direct"
"""Whose time of the same round is taken from every other's."""
FIRST = ("first p50 ms", "first p99 ms")
HEADINGS = {
    "cpu": ("CPU µs {unit}", "to nginx", "spread", "a second", "busy", *FIRST, "errors"),
    "latency": ("p50 ms", "added p50 ms", "spread", "p99 ms", "CPU µs a request", "errors"),
    "memory": ("start s", "idle MiB", "after MiB", "grown MiB", "PSS after MiB", "errors"),
    "startup": ("start s", "spread", "idle MiB", "PSS MiB"),
}

Rows = Sequence[Mapping[str, Any]]


def report(scenarios: Sequence[Scenario], rows: Rows, *, markdown: bool) -> Iterator[str]:
    """Where and when it was measured, the targets, and a table for each scenario that there are rows of."""
    for day, machine in sorted({(row["run"][:10], row["machine"]) for row in rows}):
        yield from (f"Measured on {day}: {machine}.", "")
    yield from _targets(rows, markdown=markdown)
    for scenario in scenarios:
        mine = [row for row in rows if row["scenario"] == scenario.name]
        if mine:
            yield from _scenario(scenario, mine, markdown=markdown)


def _scenario(scenario: Scenario, rows: Rows, *, markdown: bool) -> Iterator[str]:
    """A row for each contender, with medians over the rounds."""
    headings = [heading.format(unit=scenario.unit) for heading in HEADINGS[scenario.kind]]
    names = list(dict.fromkeys(str(row["contender"]) for row in rows))
    table = [[name, *_cells(scenario, rows, name)] for name in names]
    yield from _drawn(f"{scenario.name}: {scenario.about}", headings, table, markdown=markdown)
    for name in names:
        said = next((row["error"] for row in rows if row["contender"] == name and row["error"]), None)
        if said:
            yield from (f"{name}: {said}", "")


def _targets(rows: Rows, *, markdown: bool) -> Iterator[str]:
    """What is to be reached, as far as it was measured."""
    table = []
    for target in TARGETS:
        value = figure(target, rows)
        if value is not None:
            most = [f"{each:g}" for each in target.most] + ["-"] * (len(LEVELS) - len(target.most))
            shown = f"{value:.2f} {target.unit}".strip()
            table.append([target.what, shown, *most, reached(target, value)])
    if table:
        yield from _drawn("Targets", ["measured", *LEVELS, "reached"], table, markdown=markdown)


def _drawn(title: str, headings: list[str], table: list[list[str]], *, markdown: bool) -> Iterator[str]:
    rows = [["", *headings], *table]
    if markdown:
        yield from (f"### {title}", "")
        yield f"| {' | '.join(rows[0])} |"
        yield f"|{'---|' * len(rows[0])}"
        yield from (f"| {' | '.join(row)} |" for row in table)
    else:
        yield from (title, "")
        widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
        for row in rows:
            cells = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
            yield "  ".join([row[0].ljust(widths[0]), *cells])
    yield ""


def _cells(scenario: Scenario, rows: Rows, name: str) -> list[str]:
    mine = [row for row in rows if row["contender"] == name]

    def median(key: str, scale: float = 1.0) -> float:
        return float(statistics.median(row[key] for row in mine)) * scale

    errors = str(sum(row["bad"] for row in mine))
    if scenario.kind == "cpu":
        ratios = [one / other for one, other in pairs(rows, name, BASE, "cpu_us") if other]
        first = [f"{median(f'first_{part}_us', 1e-3):.2f}" for part in ("p50", "p99")]
        speed = [f"{median('per_second'):,.0f}", f"{median('busy'):.2f}"]
        return [f"{median('cpu_us'):.1f}", *_spread(ratios), *speed, *first, errors]
    if scenario.kind == "latency":
        added = [(one - other) / 1000 for one, other in pairs(rows, name, ORIGIN, "p50_us")]
        p50, p99 = f"{median('p50_us', 1e-3):.3f}", f"{median('p99_us', 1e-3):.2f}"
        return [p50, *_spread(added), p99, f"{median('cpu_us'):.0f}", errors]
    start, idle = f"{median('startup_s'):.2f}", f"{median('idle_rss'):.1f}"
    if scenario.kind == "startup":
        low, high = (pick(row["startup_s"] for row in mine) for pick in (min, max))
        return [start, f"{low:.2f}-{high:.2f}", idle, f"{median('idle_pss'):.1f}"]
    grown = statistics.median(row["after_rss"] - row["idle_rss"] for row in mine)
    return [start, idle, f"{median('after_rss'):.1f}", f"{grown:.1f}", f"{median('after_pss'):.1f}", errors]


def _spread(values: Iterable[float]) -> list[str]:
    """The median, and the least and the most."""
    found = sorted(values)
    if not found:
        return ["-", "-"]
    return [f"{statistics.median(found):.2f}", f"{found[0]:.2f}-{found[-1]:.2f}"]
