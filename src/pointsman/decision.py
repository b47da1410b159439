"""The decision record: why a request went where it went.

`pointsman explain` and a real request build it with the same code; the two differ only in `id`, `at`,
`timings` and `outcomes`.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from .draws import Draws

__all__ = ["Decision", "Exclusion", "Reason", "Score", "Snapshot", "Weighed"]


class Snapshot(Protocol):
    """What was known at a moment, told when somebody asks for it."""

    def data(self) -> dict[str, Any]:
        """As JSON data."""


class Score(Snapshot, Protocol):
    """A reason with numbers: in words where it is turned into text, and as JSON data, `by` among it."""

    def __str__(self) -> str: ...


Reason = str | Score
"""What speaks for or against an endpoint's place."""


class Exclusion(msgspec.Struct):
    """An endpoint that was dropped: by which plugin, and why in words; and what was said of it before."""

    endpoint: str
    by: str
    why: str
    reasons: Sequence[Reason] = ()


class Weighed(msgspec.Struct):
    """An endpoint that stayed, with what spoke for its place, its lane and what that loses, and its `price`
    for this request."""

    endpoint: str
    model: str
    provider: str
    reasons: Sequence[Reason] = ()
    lane: str | None = None
    lost: list[str] = []
    price: Mapping[str, Any] = {}


class Decision(msgspec.Struct):
    """Collected while an exchange passes the routing hooks; rendered by `record`.

    `rules` are the rules looked at, in order, each with its verdict; `values` the request's values
    that they used (never bodies). Requests that are judged alike share both. `further` finds those that they
    would have used had it come to that, for the record. `health` is what pickers knew of the endpoints, and
    `again` a record by which they are to choose again in its place: dry runs have it.
    """

    requested: str = ""
    rule: str | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, Any] = {}
    further: Callable[[Any], Mapping[str, Any]] | None = None
    models: Sequence[str] = ()
    excluded: list[Exclusion] = []
    health: tuple[Snapshot, ...] = ()
    again: Mapping[str, Any] | None = None
    seed: int | None = None
    _random: Draws | None = None

    @property
    def random(self) -> Draws:
        """The request's own draws; their seed is put on record at the first use."""
        if self._random is None:
            if self.seed is None:
                self.seed = random.getrandbits(48)
            self._random = Draws(self.seed)
        return self._random

    def exclude(self, endpoint: str, *, by: str, why: str, reasons: Sequence[Reason] = ()) -> None:
        """Put on record that an endpoint was dropped."""
        self.excluded.append(Exclusion(endpoint, by, why, reasons))

    def record(self, candidates: Sequence[Weighed]) -> dict[str, Any]:
        """The record as JSON data, without what only a real request has. `candidates` are in their ranks."""
        record: dict[str, Any] = {
            "requested": self.requested,
            "rule": self.rule,
            "rules": list(self.rules),
            "values": dict(self.values),
            "models": list(self.models),
            "candidates": [
                {
                    "endpoint": weighed.endpoint,
                    "model": weighed.model,
                    "provider": weighed.provider,
                    "reasons": [str(reason) for reason in weighed.reasons],
                    "scores": scores_of(weighed.reasons),
                    "price": dict(weighed.price),
                    "lane": weighed.lane,
                    "lost": weighed.lost,
                }
                for weighed in candidates
            ],
            "excluded": [
                {"endpoint": dropped.endpoint, "by": dropped.by, "why": dropped.why}
                | ({"scores": scores} if (scores := scores_of(dropped.reasons)) else {})
                for dropped in self.excluded
            ],
            "choice": candidates[0].endpoint if candidates else None,
            "fallbacks": [weighed.endpoint for weighed in candidates[1:]],
            "health": [snapshot.data() for snapshot in self.health],
        }
        if self.seed is not None:
            record["seed"] = self.seed
        return record


def scores_of(reasons: Sequence[Reason]) -> list[dict[str, Any]]:
    """The numbers among reasons."""
    return [reason.data() for reason in reasons if not isinstance(reason, str)]
