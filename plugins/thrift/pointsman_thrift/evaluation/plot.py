"""Plots: quality by cost, of the first pair and of all models, as one SVG that needs nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from .pairs import PairResult
from .pools import Point, hull
from .report import Report

__all__ = ["draw"]

WIDTH, HEIGHT = 860, 420
LEFT, RIGHT, TOP, BOTTOM = 70, 190, 56, 52
GAP = 30
STYLES = {
    "thrift": ("#0b6e4f", ""),
    "task only": ("#b35c00", "6 3"),
    "prompt length": ("#7a4fa3", "2 3"),
    "random": ("#777777", "8 4"),
    "oracle": ("#1f5fbf", "1 3"),
}
"""Colour and dashes: lines can be told apart without colours."""
MOST = 120
"""Points of one line."""
TICKS = 5


@dataclass(frozen=True)
class _Panel:
    """One diagram: lines and single points by name, in its own units."""

    title: str
    across: str
    lines: dict[str, list[Point]]
    points: dict[str, Point]


def draw(report: Report) -> str:
    """The text of an SVG file."""
    panels = [_pool(report), *(_pair(pair) for pair in report.pairs[:1] if pair.routers)]
    height = len(panels) * (HEIGHT + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" '
        f'height="{height}" role="img" font-family="system-ui, sans-serif" font-size="12">',
        "<title>Quality by cost of ways of routing</title>",
        f"<desc>{escape(_described(report))}</desc>",
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, panel in enumerate(panels):
        parts += [f'<g transform="translate(0 {number * (HEIGHT + GAP)})">', *_drawn(panel), "</g>"]
    return "\n".join([*parts, "</svg>", ""])


def _described(report: Report) -> str:
    thrift, chance = (report.pool.routers[name].aiq.as_text() for name in ("thrift", "random"))
    counts = f"{len(report.data.questions)} questions, {len(report.data.models)} models"
    return f"{counts}; costs {report.data.costs}; AIQ of thrift {thrift}, of random {chance}"


def _pool(report: Report) -> _Panel:
    pool = report.pool
    lines = {
        name: [(cost / 1e6, quality) for cost, quality in hull(pool.routers[name].points)]
        for name in STYLES
        if name in pool.routers
    }
    singles = {model: (cost / 1e6, quality) for model, (cost, quality) in pool.singles.items()}
    return _Panel(
        f"All models, {len(report.data.questions):,} questions", "USD for 1,000 questions", lines, singles
    )


def _pair(pair: PairResult) -> _Panel:
    weak, strong = (pair.quality[model].value or 0.0 for model in (pair.weak, pair.strong))
    lines = {}
    for name in STYLES:
        if name in pair.routers:
            curve = pair.routers[name].curve
            points = [
                (100 * share, weak + (strong - weak) * recovered)
                for share, recovered in zip(curve.shares, curve.recovered, strict=True)
            ]
            lines[name] = points[:: max(1, len(points) // MOST)] + points[-1:]
    singles = {pair.weak: (0.0, weak), pair.strong: (100.0, strong)}
    return _Panel(f"{pair.weak} or {pair.strong}", f"% of questions to {pair.strong}", lines, singles)


def _drawn(panel: _Panel) -> list[str]:
    points = [point for line in panel.lines.values() for point in line] + [*panel.points.values()]
    across = _ticks([x for x, _ in points])
    up = _ticks([y for _, y in points])
    wide, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM

    def at(point: Point) -> Point:
        x = LEFT + wide * (point[0] - across[0]) / (across[-1] - across[0])
        y = TOP + high * (1 - (point[1] - up[0]) / (up[-1] - up[0]))
        return x, y

    parts = [f'<text x="{LEFT}" y="24" font-size="15" font-weight="600">{escape(panel.title)}</text>']
    for tick in up:
        _, y = at((across[0], tick))
        parts.append(f'<path d="M{LEFT} {y:.1f}h{wide}" stroke="#e3e3e3"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{tick:g}</text>')
    for tick in across:
        x, _ = at((tick, up[0]))
        parts.append(f'<text x="{x:.1f}" y="{TOP + high + 18}" text-anchor="middle">{tick:g}</text>')
    parts.append(
        f'<text x="{LEFT + wide / 2}" y="{HEIGHT - 12}" text-anchor="middle">{escape(panel.across)}</text>'
    )
    parts.append(f'<text x="{LEFT - 40}" y="{TOP - 12}">score</text>')
    for number, (name, line) in enumerate(panel.lines.items()):
        colour, dashes = STYLES[name]
        path = "L".join(f"{x:.1f} {y:.1f}" for x, y in map(at, line))
        parts.append(
            f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        )
        y = TOP + 10 + 20 * number
        legend = WIDTH - RIGHT + 16
        parts.append(
            f'<path d="M{legend} {y}h26" stroke="{colour}" stroke-width="2" stroke-dasharray="{dashes}"/>'
        )
        parts.append(f'<text x="{legend + 34}" y="{y + 4}">{escape(name)}</text>')
    for name, point in panel.points.items():
        x, y = at(point)
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#333333"><title>{escape(name)}</title></circle>'
        )
        anchor, move = ("end", -7) if x > LEFT + wide / 2 else ("start", 7)
        parts.append(
            f'<text x="{x + move:.1f}" y="{y - 6:.1f}" font-size="10" text-anchor="{anchor}">'
            f"{escape(name)}</text>"
        )
    return parts


def _ticks(values: Sequence[float]) -> list[float]:
    """Round marks from below the least to above the greatest."""
    low, high = min(values), max(values)
    span = (high - low) or abs(high) or 1.0
    power = 10.0 ** floor(log10(span / TICKS))
    step = next(power * each for each in (1, 2, 5, 10) if span / (power * each) <= TICKS)
    first, last = floor(low / step + 1e-9), max(ceil(high / step - 1e-9), floor(low / step + 1e-9) + 1)
    return [round(step * number, 12) for number in range(first, last + 1)]
