"""Ids of requests and generations: random, cheap, and of a length that nobody guesses."""

from __future__ import annotations

import os
import time

__all__ = ["Ids"]

BUFFERED = 4096
"""Random bytes asked of the system at once: each asking is a call of the kernel."""


class Ids:
    """Makes ids out of the system's randomness."""

    __slots__ = ("_at", "_digits")

    def __init__(self) -> None:
        self._digits = ""
        self._at = 0

    def request(self) -> str:
        """An id for a request whose client named none: `req-` and 24 hexadecimal digits."""
        return f"req-{self._take(24)}"

    def generation(self) -> str:
        """An id for a generation: `gen-`, the second it began in, `-` and 20 hexadecimal digits."""
        return f"gen-{int(time.time())}-{self._take(20)}"

    def _take(self, count: int) -> str:
        if self._at + count > len(self._digits):
            self._digits, self._at = os.urandom(BUFFERED).hex(), 0
        digits = self._digits[self._at : self._at + count]
        self._at += count
        return digits
