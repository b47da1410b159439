"""Rests: which endpoints asked to be left alone, and until when.

A refusal for too many requests speaks for one endpoint, an overload for all that its provider has.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from .errors import UpstreamError, UpstreamStatus

if TYPE_CHECKING:
    from .credentials import Key

__all__ = ["MOMENT", "Rests", "overloaded"]

MOMENT = 5.0
"""Seconds for which a provider is left that has too much to do and does not say for how long."""
LONGEST = 600.0
"""Seconds that are believed: limits of a day are lifted earlier now and then."""
OVERLOADED = 529
"""What some providers answer when they have too much to do altogether. Others say 503, or mean one model."""
_OVERLOAD = re.compile(r"overload|at capacity", re.IGNORECASE)
_OF_A_MODEL = re.compile(r"\bmodels?\b", re.IGNORECASE)


class Rests:
    """When each endpoint takes requests again, in monotonic seconds."""

    __slots__ = ("_until", "edition", "latest")

    def __init__(self) -> None:
        self._until: dict[str, float] = {}  # by the id of an endpoint, or the name of a provider
        self.edition = 0
        """How often an endpoint or a provider was told to rest: what `until` says changes with it alone."""
        self.latest = 0.0
        """When nobody rests any more, clients' own keys included."""

    def failed(self, endpoint: str, error: UpstreamError, now: float, key_back: float = 0.0) -> None:
        """Learn from what an attempt ended with. `key_back` is when one of several keys is free again, where
        all rest: an endpoint that refused them all rests no longer than that."""
        told = error.retry_after
        if overloaded(error):
            self.rest(endpoint.partition("/")[0], now + (MOMENT if told is None else told), now)
        elif told is not None:
            self.rest(endpoint, min(now + told, key_back) if key_back > now else now + told, now)

    def refused(self, key: Key, error: UpstreamError, now: float) -> None:
        """Learn from what an attempt with a client's own key ended with: that speaks for this key alone."""
        told = error.retry_after
        if told is not None:
            key.rests_until = max(key.rests_until, now + min(told, LONGEST))
            self.latest = max(self.latest, key.rests_until)

    def until(self, endpoint: str) -> float:
        """When an endpoint takes requests, by its id; 0 where it never asked to be left alone."""
        return max(self._until.get(endpoint, 0.0), self.of_provider(endpoint.partition("/")[0]))

    def of_provider(self, provider: str) -> float:
        """When a provider takes requests at all; 0 where it never asked to be left alone."""
        return self._until.get(provider, 0.0)

    def rest(self, name: str, until: float, now: float) -> None:
        """Leave an endpoint by its id, or a provider by its name, alone until then."""
        before = self._until.get(name, 0.0)
        self._until = {each: end for each, end in self._until.items() if end > now}
        self._until[name] = until = max(before, min(until, now + LONGEST))
        self.latest = max(self.latest, until)
        self.edition += 1


def overloaded(error: UpstreamError) -> bool:
    """Whether a provider has too much to do altogether: not with one key, and not with one model."""
    if not isinstance(error, UpstreamStatus):
        return False
    said = f"{error.message} {error.code or ''}"
    return error.upstream_status == OVERLOADED or (
        error.upstream_status == 503 and bool(_OVERLOAD.search(said)) and not _OF_A_MODEL.search(said)
    )
