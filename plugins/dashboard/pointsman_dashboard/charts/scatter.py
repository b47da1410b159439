"""Scatter: what something costs against how good it is, with the line of those that nothing else beats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .svg import COLOURS, WIDTH, Axis, Show, element, framed, text

__all__ = ["Point", "scatter"]

HIGH = 320
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 12, 40


@dataclass(frozen=True, slots=True)
class Point:
    """One of those compared; `low` and `high` bound the interval of `y`, `best` puts it on the line."""

    name: str
    x: float
    y: float
    low: float
    high: float
    best: bool = False


def scatter(
    title: str, points: Sequence[Point], show_x: Show, show_y: Show, *, x_title: str, y_title: str
) -> Markup:
    """A point for each, a line through the best."""
    across = Axis(max((each.x for each in points), default=0.0), LEFT, WIDTH - RIGHT)
    lowest = min((each.low for each in points), default=0.0)
    up = Axis(max((each.high for each in points), default=0.0), HIGH - BOTTOM, TOP, bottom=lowest)
    parts: list[Markup] = []
    for tick in up.ticks:
        y = up.at(tick)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(text(show_y(tick), LEFT - 6, y + 4, "tick end"))
    parts += [text(show_x(tick), across.at(tick), HIGH - BOTTOM + 16, "tick middle") for tick in across.ticks]
    parts.append(text(x_title, (LEFT + WIDTH - RIGHT) / 2, HIGH - 4, "tick middle"))
    parts.append(text(y_title, LEFT + 4, TOP + 2, "tick"))
    line = sorted((each.x, each.y) for each in points if each.best)
    if len(line) > 1:
        path = " ".join(f"{across.at(x):.1f},{up.at(y):.1f}" for x, y in line)
        parts.append(element("polyline", points=path, class_="pareto"))
    for number, each in enumerate(points):
        x, y = across.at(each.x), up.at(each.y)
        tip = element(
            "title",
            f"{each.name}: {show_y(each.y)} ({show_y(each.low)} to {show_y(each.high)}), {show_x(each.x)}",
        )
        parts.append(element("line", x1=x, x2=x, y1=up.at(each.low), y2=up.at(each.high), class_="whisker"))
        parts.append(element("circle", tip, cx=x, cy=y, r=5.0, class_=f"c{number % COLOURS}"))
        left = x > WIDTH * 0.75
        parts.append(text(each.name, x - 8 if left else x + 8, y - 6, "name end" if left else "name"))
    said = f"{len(points)} points; on the line: {', '.join(p.name for p in points if p.best) or 'none'}"
    return framed(title, said, parts, height=HIGH)
