"""The decision record: why a request went where it went.

`pointsman explain` and a real request build it with the same code; the two differ only in `id`, `at`,
`timings` and `attempts` (the outcomes).
"""

from __future__ import annotations

import random
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

__all__ = ["Decision", "Exclusion", "Weighed"]


class Exclusion(msgspec.Struct):
    """An endpoint that was dropped: by which plugin, and why in words."""

    endpoint: str
    by: str
    why: str


class Weighed(msgspec.Struct):
    """An endpoint that stayed, with what spoke for its place, its lane and what that loses."""

    endpoint: str
    model: str
    provider: str
    reasons: list[str] = []
    lane: str | None = None
    lost: list[str] = []


class Decision(msgspec.Struct):
    """Collected while an exchange passes the routing hooks; rendered by `record`.

    `rules` are the rules looked at, in order, each with its verdict; `values` the request's values
    that they used (never bodies). Requests that are judged alike share both.
    """

    requested: str = ""
    rule: str | None = None
    rules: Sequence[Mapping[str, Any]] = ()
    values: Mapping[str, Any] = {}
    models: Sequence[str] = ()
    excluded: list[Exclusion] = []
    seed: int | None = None
    _random: random.Random | None = None

    @property
    def random(self) -> random.Random:
        """The request's own generator of draws; its seed is put on record at the first use."""
        if self._random is None:
            if self.seed is None:
                self.seed = secrets.randbits(48)
            self._random = random.Random(self.seed)  # noqa: S311 - load balancing, not secrecy
        return self._random

    def exclude(self, endpoint: str, *, by: str, why: str) -> None:
        """Put on record that an endpoint was dropped."""
        self.excluded.append(Exclusion(endpoint, by, why))

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
                    "reasons": weighed.reasons,
                    "lane": weighed.lane,
                    "lost": weighed.lost,
                }
                for weighed in candidates
            ],
            "excluded": [
                {"endpoint": dropped.endpoint, "by": dropped.by, "why": dropped.why}
                for dropped in self.excluded
            ],
            "choice": candidates[0].endpoint if candidates else None,
        }
        if self.seed is not None:
            record["seed"] = self.seed
        return record
