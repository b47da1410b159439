"""Ids of requests and generations: random, cheap, and of a length that nobody guesses."""

from __future__ import annotations

import os
import time

__all__ = ["Ids"]

BUFFERED = 4096
"""Random bytes asked of the system at once: each asking is a call of the kernel."""
DIGITS = 24


class Ids:
    """Makes ids out of the system's randomness."""

    __slots__ = ("_drawn",)

    def __init__(self) -> None:
        self._drawn: list[str] = []

    def request(self) -> str:
        """An id for a request whose client named none: `req-` and 24 hexadecimal digits."""
        return f"req-{(self._drawn or self._draw()).pop()}"

    def generation(self) -> str:
        """An id for a generation: `gen-`, the second it began in, `-` and 24 hexadecimal digits."""
        return f"gen-{int(time.time())}-{(self._drawn or self._draw()).pop()}"

    def _draw(self) -> list[str]:
        digits = os.urandom(BUFFERED).hex()
        self._drawn += [digits[at : at + DIGITS] for at in range(0, len(digits) - DIGITS + 1, DIGITS)]
        return self._drawn
