"""What all charts are made of: a frame with a title and a description, axes, and scales.

Every text is escaped, and nothing carries a style of its own: the style sheet says by class how it looks, in
light and in dark.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil, floor, log10

from markupsafe import Markup

__all__ = ["COLOURS", "HEIGHT", "WIDTH", "Axis", "Show", "element", "framed", "nice", "text"]

WIDTH, HEIGHT = 720, 240
"""Units of the frame; a page scales it."""
COLOURS = 8
"""How many colours the style sheet tells apart, `c0` on."""

Show = Callable[[float], str]
"""How a number is written at an axis or in a tip."""


def element(name: str, content: str | Markup = "", /, **attributes: object) -> Markup:
    """An element with escaped attributes: of their names an underscore at the end goes, others are dashes."""
    said = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _number(value))
        for key, value in attributes.items()
        if value is not None
    )
    return Markup("<{0}{1}>{2}</{0}>").format(Markup(name), said, content)  # noqa: S704 - our own names


def _number(value: object) -> object:
    return f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else value


def text(said: str, x: float, y: float, class_: str = "tick") -> Markup:
    """A text at a place."""
    return element("text", said, x=float(x), y=float(y), class_=class_)


def framed(
    title: str, description: str, parts: Sequence[Markup], *, width: int = WIDTH, height: int = HEIGHT
) -> Markup:
    """The whole of a chart."""
    head = [element("title", title), element("desc", description)]
    return element(
        "svg",
        Markup("").join([*head, *parts]),
        viewBox=f"0 0 {width} {height}",
        role="img",
        class_="chart",
        aria_label=f"{title}. {description}",
    )


def nice(top: float) -> float:
    """The least of 1, 2, 2.5 and 5 times a power of ten that is not below `top`."""
    if top <= 0:
        return 1.0
    power = 10.0 ** floor(log10(top))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= top * 0.999999)


class Axis:
    """A scale from numbers to places, from `start` to `end`, with round ticks from `bottom`, or somewhat
    below, to `top`."""

    def __init__(self, top: float, start: float, end: float, *, bottom: float = 0.0, ticks: int = 4) -> None:
        step = nice(max(top - bottom, 0.0) / ticks)
        first = floor(bottom / step + 1e-9)
        last = max(first + 1, ceil(top / step - 1e-9))
        self.ticks = [step * number for number in range(first, last + 1)]
        self.bottom, self.top = self.ticks[0], self.ticks[-1]
        self._start, self._end = start, end

    def at(self, value: float) -> float:
        """The place of a value; those outside are at the edge."""
        share = min(1.0, max(0.0, (value - self.bottom) / (self.top - self.bottom)))
        return self._start + (self._end - self._start) * share
