"""Charts over time: columns of several kinds upon each other, and lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from .svg import COLOURS, HEIGHT, WIDTH, Axis, Show, element, framed, text

__all__ = ["Series", "columns", "lines"]

LEFT, RIGHT, TOP, BOTTOM = 64, 8, 10, 24
MOST_LABELS = 8


@dataclass(frozen=True, slots=True)
class Series:
    """One kind, with its value at each time; None is not known."""

    name: str
    values: Sequence[float | None]


def columns(title: str, times: Sequence[str], series: Sequence[Series], show: Show) -> Markup:
    """A column for each time, made of what each kind has then."""
    sums = [sum(each.values[place] or 0 for each in series) for place in range(len(times))]
    axis = Axis(max(sums, default=0.0), HEIGHT - BOTTOM, TOP)
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(times))
    parts = _grid(axis, show)
    for place, moment in enumerate(times):
        below = 0.0
        for number, each in enumerate(series):
            value = each.values[place] or 0.0
            if value <= 0:
                continue
            low, high = axis.at(below), axis.at(below + value)
            tip = element("title", f"{moment} · {each.name}: {show(value)}")
            parts.append(
                element(
                    "rect",
                    tip,
                    x=LEFT + slot * place + slot * 0.1,
                    y=high,
                    width=slot * 0.8,
                    height=max(0.5, low - high),
                    class_=f"c{number % COLOURS}",
                )
            )
            below += value
    parts += _labels(times, slot, centred=True)
    said = f"{len(times)} times from {times[0]} to {times[-1]}; most: {show(max(sums))}" if times else "empty"
    return framed(title, said, parts)


def lines(title: str, times: Sequence[str], series: Sequence[Series], show: Show) -> Markup:
    """A line for each kind, broken where nothing is known."""
    known = [value for each in series for value in each.values if value is not None]
    axis = Axis(max(known, default=0.0), HEIGHT - BOTTOM, TOP)
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(times) - 1)
    parts = _grid(axis, show)
    for number, each in enumerate(series):
        for piece in _pieces(each.values):
            places = [(LEFT + slot * place, axis.at(value)) for place, value in piece]
            colour = f"l{number % COLOURS}"
            if len(places) == 1:
                ((x, y),) = places
                parts.append(element("circle", cx=x, cy=y, r=2.5, class_=f"c{number % COLOURS}"))
            else:
                path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
                parts.append(element("polyline", element("title", each.name), points=path, class_=colour))
    parts += _labels(times, slot, centred=False)
    said = f"{', '.join(each.name for each in series)}; most: {show(max(known))}" if known else "empty"
    return framed(title, said, parts)


def _grid(axis: Axis, show: Show) -> list[Markup]:
    parts = []
    for tick in axis.ticks:
        y = axis.at(tick)
        parts.append(element("line", x1=LEFT, x2=WIDTH - RIGHT, y1=y, y2=y, class_="grid"))
        parts.append(text(show(tick), LEFT - 6, y + 4, "tick end"))
    return parts


def _labels(times: Sequence[str], slot: float, *, centred: bool) -> list[Markup]:
    every = max(1, -(-len(times) // MOST_LABELS))
    shift = slot / 2 if centred else 0.0
    return [
        text(times[place], LEFT + slot * place + shift, HEIGHT - 6, "tick middle" if place else "tick")
        for place in range(0, len(times), every)
    ]


def _pieces(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """Runs of known values, each with its place."""
    pieces: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is None:
            pieces.append([])
        else:
            pieces[-1].append((place, value))
    return [piece for piece in pieces if piece]
