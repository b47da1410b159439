"""Credentials: the keys of one provider, taken in turn.

A key that is told to wait (429) rests, one that is refused (401, 402, 403) is out for longer; while another
is left, neither is used. The last one is never taken away: a provider with a single key answers for itself.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .errors import CONTENT_POLICY, UpstreamError, UpstreamStatus
from .secrets import Secret

__all__ = ["Key", "KeyPool"]

REST = 10.0
"""Seconds a key rests whose provider does not say for how long."""
LEAST_REST = 0.5
LONGEST_REST = 600.0
UNPAID = 300.0
REFUSED = 3600.0
"""Seconds for which a key is out that has no credit (402) or may not do this (403), and one that is refused
altogether (401)."""


@dataclass(slots=True, eq=False)
class Key:
    """One key, and until when it rests, in monotonic seconds."""

    secret: Secret
    rests_until: float = 0.0


class KeyPool:
    """The keys of a provider, in the operator's order."""

    def __init__(self, secrets: Sequence[Secret]) -> None:
        self._keys = [Key(secret) for secret in secrets]
        self._next = 0

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._keys)

    def keep(self, before: KeyPool) -> None:
        """Take the keys that another pool has, too, as it has them: what rests goes on resting."""
        known = {key.secret: key for key in before}
        self._keys = [known.get(key.secret, key) for key in self._keys]

    @property
    def back(self) -> float:
        """When the first of several keys is free; 0 where there are not several."""
        return min(key.rests_until for key in self._keys) if len(self._keys) > 1 else 0.0

    def take(self) -> Key | None:
        """The next key that does not rest; where all do, the one that will be back first. None without
        keys."""
        keys = self._keys
        if len(keys) < 2:
            return keys[0] if keys else None
        now = time.monotonic()
        for step in range(len(keys)):
            place = (self._next + step) % len(keys)
            key = keys[place]
            if key.rests_until <= now:
                self._next = place + 1
                return key
        return min(keys, key=lambda key: key.rests_until)

    def failed(self, key: Key, error: UpstreamError) -> bool:
        """Learn from what an attempt with a key ended with; say whether another key should be tried."""
        rest = _rest(error)
        if rest is None:
            return False
        now = time.monotonic()
        key.rests_until = max(key.rests_until, now + rest)
        return any(other is not key and other.rests_until <= now for other in self._keys)


def _rest(error: UpstreamError) -> float | None:
    """How long a key rests after an error, in seconds; None where the error says nothing of the key."""
    if not isinstance(error, UpstreamStatus):
        return None
    if error.upstream_status == 429:
        told = error.retry_after if error.retry_after is not None else REST
        return min(max(told, LEAST_REST), LONGEST_REST)
    if error.error_type == CONTENT_POLICY:
        return None
    return {401: REFUSED, 402: UNPAID, 403: UNPAID}.get(error.upstream_status)
