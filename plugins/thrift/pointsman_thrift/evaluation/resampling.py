"""Resampling: how far figures would differ with other questions of the same kind (the bootstrap)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from .data import Data

__all__ = ["Figure", "figure", "resamples"]

SHARE = 0.95
MOST = 255
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure and where it lies with 95 %. None where it has no value: where there is no gap to recover."""

    value: float | None
    low: float | None = None
    high: float | None = None

    def as_json(self) -> dict[str, Any]:
        """Rounded."""
        return {name: _rounded(getattr(self, name)) for name in ("value", "low", "high")}

    def as_text(self, *, percent: bool = False) -> str:
        """For people."""
        if self.value is None:
            return "-"
        form = "{:.1%}" if percent else "{:.3f}"
        text = form.format(self.value)
        if self.low is None or self.high is None:
            return text
        return f"{text} [{form.format(self.low)}, {form.format(self.high)}]"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, DIGITS)


def resamples(data: Data, count: int, seed: int) -> list[bytes]:
    """How often each question is drawn, in each of `count` draws of as many questions as there are, with
    putting back. Questions with the same prompt are drawn together."""
    groups: dict[str, list[int]] = {}
    for place, each in enumerate(data.questions):
        groups.setdefault(each.group, []).append(place)
    members = [*groups.values()]
    chance = Random(seed)  # noqa: S311 - a sample of questions
    found = []
    for _ in range(count):
        weights = bytearray(len(data.questions))
        for group in chance.choices(members, k=len(members)):
            for place in group:
                weights[place] = min(MOST, weights[place] + 1)
        found.append(bytes(weights))
    return found


def figure(value: float | None, drawn: Sequence[float | None]) -> Figure:
    """A figure, with the middle 95 % of what it is in other samples; without an interval where it has no
    value in half of those."""
    known = sorted(each for each in drawn if each is not None)
    if value is None or not drawn or len(known) < len(drawn) / 2:
        return Figure(value)
    tail = (1.0 - SHARE) / 2.0 * (len(known) - 1)
    low, high = known[round(tail)], known[round(len(known) - 1 - tail)]
    return Figure(value, min(low, value), max(high, value))
