"""Guesses: wrong keys, counted for each address they come from."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable

from cachetools import LRUCache

__all__ = ["Guesses"]

WINDOW = 60.0
"""Seconds in which wrong keys are counted together."""
MOST_ADDRESSES = 10_000


class Guesses:
    """Counts wrong keys. An IPv6 address counts with its network of 64 bits, which is what one client has;
    of the addresses the ones that were seen last are remembered."""

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._seen: LRUCache[str, tuple[float, int]] = LRUCache(MOST_ADDRESSES)

    def wrong(self, address: str) -> float | None:
        """Count a wrong key; how many seconds to wait where there were too many."""
        if not self._most:
            return None
        now, origin = self._now(), _origin(address)
        begun, count = self._seen.get(origin, (now, 0))
        if now - begun >= WINDOW:
            begun, count = now, 0
        self._seen[origin] = begun, count + 1
        return begun + WINDOW - now if count >= self._most else None


def _origin(address: str) -> str:
    try:
        known = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if known.version == 4:
        return str(known)
    mapped = known.ipv4_mapped
    return str(mapped or ipaddress.ip_network((known.packed[:8] + bytes(8), 64)))
