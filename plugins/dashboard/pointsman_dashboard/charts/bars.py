"""Bars: one for each name, the longest on top, each with the interval that it is known to lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .svg import WIDTH, Axis, Show, element, framed, text

__all__ = ["Bar", "bars"]

NAME, RIGHT, ROW, TOP = 230, 70, 26, 6
LONGEST = 34


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar. `low` and `high` bound the interval; `pale` marks what too little is known of to rank."""

    name: str
    value: float
    low: float | None = None
    high: float | None = None
    pale: bool = False


def bars(title: str, several: Sequence[Bar], show: Show, *, top: float | None = None) -> Markup:
    """A bar for each, in the order given."""
    most = max((each.high if each.high is not None else each.value for each in several), default=0.0)
    axis = Axis(top if top is not None else most, NAME, WIDTH - RIGHT)
    parts: list[Markup] = []
    for number, each in enumerate(several):
        y = TOP + ROW * number
        tip = f"{each.name}: {show(each.value)}"
        if each.low is not None and each.high is not None:
            tip += f" ({show(each.low)} to {show(each.high)})"
        parts.append(text(_short(each.name), NAME - 8, y + 16, "name end"))
        parts.append(
            element(
                "rect",
                element("title", tip),
                x=float(NAME),
                y=y + 4.0,
                width=max(1.0, axis.at(each.value) - NAME),
                height=ROW - 10.0,
                class_="c0 pale" if each.pale else "c0",
            )
        )
        end = axis.at(each.value)
        if each.low is not None and each.high is not None:
            low, end = axis.at(each.low), axis.at(each.high)
            middle = y + ROW / 2 - 1
            parts.append(element("line", x1=low, x2=end, y1=middle, y2=middle, class_="whisker"))
        parts.append(text(show(each.value), end + 6, y + 16, "tick"))
    said = (
        f"{len(several)} bars; longest: {several[0].name}, {show(several[0].value)}" if several else "empty"
    )
    return framed(title, said, parts, height=TOP * 2 + ROW * max(1, len(several)))


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
