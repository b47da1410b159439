"""The pause: an endpoint that has too much to do, and does not say for how long, is left for a moment."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Pause"]

FIRST, LONGEST = 1.0, 60.0
"""Seconds of the first pause, doubled at each further one; and of the longest."""
JITTER = 0.2
"""The share by which each is drawn longer or shorter."""


class Pause:
    """That of one endpoint. Times are monotonic seconds; `draw` gives a number from 0 to 1."""

    __slots__ = ("_draw", "_in_a_row", "until")

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._in_a_row = 0
        self.until = 0.0
        """When it ends; 0 where there was none."""

    def asked(self, now: float) -> None:
        """A request was refused. Those that were on their way when the pause began say nothing new."""
        if now < self.until:
            return
        seconds = min(FIRST * 2.0**self._in_a_row, LONGEST)
        self._in_a_row = min(self._in_a_row + 1, 30)
        self.until = now + seconds * (1 + JITTER * (2 * self._draw() - 1))

    def answered(self, now: float) -> None:
        """A request was answered: one that was on its way when the pause began does not end it."""
        if now >= self.until:
            self._in_a_row = 0
