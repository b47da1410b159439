"""The retry budget: when providers fail, further attempts must not become a storm of their own.

A first attempt is always made, and so is one at a provider that has not failed for a while. Every other one
draws on a budget: a fifth of the requests of the last ten seconds, and three.
"""

from __future__ import annotations

import time

__all__ = ["RetryBudget"]

WINDOW = 10
"""Seconds that count."""
SHARE = 0.2
FREE = 3


class RetryBudget:
    """Counts requests and retries by the second, and remembers which providers failed when."""

    def __init__(self) -> None:
        self._requests = [0] * WINDOW
        self._retries = [0] * WINDOW
        self._second = int(time.monotonic())
        self._failed: dict[str, float] = {}

    def request(self) -> None:
        """A request begins."""
        self._advance()
        self._requests[self._second % WINDOW] += 1

    def failed(self, provider: str) -> None:
        """An attempt at a provider has failed."""
        self._failed[provider] = time.monotonic()

    def allows(self, provider: str) -> bool:
        """Whether a further attempt may be made at a provider; one that draws on the budget is counted."""
        if time.monotonic() - self._failed.get(provider, -WINDOW) >= WINDOW:
            return True
        self._advance()
        if sum(self._retries) + 1 > SHARE * sum(self._requests) + FREE:
            return False
        self._retries[self._second % WINDOW] += 1
        return True

    def _advance(self) -> None:
        """Forget the seconds that no longer count."""
        now = int(time.monotonic())
        if now == self._second:
            return
        for second in range(max(self._second + 1, now - WINDOW + 1), now + 1):
            self._requests[second % WINDOW] = self._retries[second % WINDOW] = 0
        self._second = now
