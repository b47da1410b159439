"""Affinity: of replicas, requests that begin alike go to the same one, unless it is far busier."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

__all__ = ["nearest"]

SLACK = 1.25
"""How many times the mean number of requests in flight, and one more, a replica may have."""


def nearest(session: bytes, replicas: Sequence[str], in_flight: Sequence[int]) -> int:
    """The replica for a session: each has its own order of them, which one more or less hardly changes
    (rendezvous hashing), and the first that is not too busy is taken."""
    order = sorted(range(len(replicas)), key=lambda place: _score(session, replicas[place]), reverse=True)
    bound = SLACK * sum(in_flight) / len(replicas) + 1
    return next((place for place in order if in_flight[place] <= bound), order[0])


def _score(session: bytes, replica: str) -> bytes:
    return blake2b(replica.encode(), digest_size=8, key=session).digest()
