"""The breaker: an endpoint that fails far more than its peers rests, and is tried again by one request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

__all__ = ["Breaker", "State"]

State = Literal["closed", "open", "half-open"]

IN_A_ROW = 5
"""Failures one after the other that open it, whatever its peers do."""
ENOUGH = 20
"""Requests before a share of failures says anything."""
MOST = 0.5
TIMES_PEERS = 3
"""It opens above this share of failures, or above so many times its peers' share, whichever is more."""
FIRST = 5.0
LONGEST = 300.0
JITTER = 0.2
"""Seconds of the first rest, doubled at each further one; and the share by which each is drawn longer or
shorter, so that several do not come back at the same moment."""


class Breaker:
    """The state of one endpoint. Times are monotonic seconds; `draw` gives a number from 0 to 1."""

    __slots__ = ("_draw", "_in_a_row", "_opened", "_opened_at", "_probing", "until")

    def __init__(self, draw: Callable[[], float]) -> None:
        self._draw = draw
        self._in_a_row = 0
        self._opened = 0
        self._opened_at = 0.0
        self._probing = False
        self.until: float | None = None
        """When its rest ends; None while it is closed."""

    def state(self, now: float) -> State:
        """closed: it takes requests; open: it rests; half-open: it takes one, to see."""
        if self.until is None:
            return "closed"
        return "open" if now < self.until or self._probing else "half-open"

    def opened_after(self, began: float) -> bool:
        """Whether it is open since a moment after `began`: what began before says nothing of it now."""
        return self.until is not None and began < self._opened_at

    def begun(self, now: float) -> None:
        """A request goes to it: the one that tries whether its rest did it good, where it had one."""
        self._probing = self.until is not None and now >= self.until

    def succeeded(self) -> None:
        """A request was answered."""
        self._in_a_row = 0
        self._opened = 0
        self._probing = False
        self.until = None

    def failed(self, now: float, *, requests: float, share: float, peers: float) -> None:
        """A request failed. `requests` it had lately, of which `share` failed, as `peers` did elsewhere."""
        self._in_a_row += 1
        again = self._probing
        self._probing = False
        many = requests >= ENOUGH and share > max(MOST, TIMES_PEERS * peers)
        if again or (self.until is None and (self._in_a_row >= IN_A_ROW or many)):
            rest = min(FIRST * 2.0**self._opened, LONGEST)
            self._opened = min(self._opened + 1, 30)
            self._opened_at = now
            self.until = now + rest * (1 + JITTER * (2 * self._draw() - 1))

    def left(self) -> None:
        """A request ended that says nothing of the endpoint: its client left, or was at fault."""
        self._probing = False
