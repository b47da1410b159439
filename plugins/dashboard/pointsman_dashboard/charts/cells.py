"""Cells: shares as shades, by hour of the week or day by day; the number stands in each tip."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from .svg import WIDTH, element, framed, text

__all__ = ["DAYS", "strip", "week"]

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
SHADES = (0.8, 0.9, 0.95, 0.98, 0.99, 0.999)
"""From which share on a cell has the next shade, `s1` on; what is not known has none, `s-`."""
LEFT, CELL = 40, 26
BAR, GAP = 30, 1.0


def _shade(share: float | None) -> str:
    return "cell s-" if share is None else f"cell s{sum(share >= each for each in SHADES)}"


def week(title: str, shares: Sequence[Sequence[float | None]], tips: Sequence[Sequence[str]]) -> Markup:
    """Seven rows of twenty-four cells, in UTC."""
    wide = (WIDTH - LEFT) / 24
    parts = [text(f"{hour:02}", LEFT + wide * hour + wide / 2, 12, "tick middle") for hour in range(0, 24, 2)]
    for day, name in enumerate(DAYS):
        y = 18 + CELL * day
        parts.append(text(name, LEFT - 6, y + CELL * 0.65, "tick end"))
        parts += [
            element(
                "rect",
                element("title", f"{name} {hour:02}:00: {tips[day][hour]}"),
                x=LEFT + wide * hour + 1,
                y=y + 1.0,
                width=wide - 2,
                height=CELL - 2.0,
                class_=_shade(shares[day][hour]),
            )
            for hour in range(24)
        ]
    known = [share for row in shares for share in row if share is not None]
    said = f"lowest hour {min(known):.1%}, {len(known)} of 168 hours known" if known else "nothing known"
    return framed(title, said, parts, height=22 + CELL * 7)


def strip(title: str, names: Sequence[str], shares: Sequence[float | None]) -> Markup:
    """One cell for each time, side by side."""
    wide = WIDTH / max(1, len(shares))
    parts = [
        element(
            "rect",
            element("title", f"{name}: {'nothing known' if share is None else f'{share:.2%}'}"),
            x=wide * place,
            y=0.0,
            width=max(1.0, wide - GAP),
            height=float(BAR),
            class_=_shade(share),
        )
        for place, (name, share) in enumerate(zip(names, shares, strict=True))
    ]
    known = [share for share in shares if share is not None]
    said = f"lowest {min(known):.2%}" if known else "nothing known"
    return framed(title, said, parts, height=BAR)
