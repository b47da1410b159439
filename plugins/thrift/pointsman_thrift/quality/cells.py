"""Cells: the evidence of one model in one task, by source and key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from pointsman_feedback.evidence import MOST_SHARE, capped

__all__ = ["Cell", "Totals"]

MOST_KEYS = 1000
"""Keys whose evidence is kept apart in a cell; those behind them share one place, as if they were one."""
REST = "*"
FRESH = 1.01
"""How much the scale may grow until what was added up is added up again: the cap depends on it."""


@dataclass(slots=True)
class Totals:
    """Added up in stored weights: good outcomes, all, and all by source."""

    good: float = 0.0
    weight: float = 0.0
    sources: dict[str, float] = field(default_factory=dict)


class Cell:
    """What was seen. Weights are as they are stored; `mass` is what priors weigh at present."""

    __slots__ = ("_at", "_entries", "_keys", "_totals")

    def __init__(self) -> None:
        self._entries: dict[tuple[str, str], list[float]] = {}
        self._keys: set[str] = set()
        self._totals: Totals | None = None
        self._at = 0.0

    def add(self, source: str, key: str, outcome: float, weight: float) -> None:
        """Count an outcome from 0 to 1. Evidence without a key ('') is the gateway's own, not capped."""
        if key and key not in self._keys:
            key = key if len(self._keys) < MOST_KEYS else REST
            self._keys.add(key)
        entry = self._entries.setdefault((source, key), [0.0, 0.0])
        entry[0] += outcome * weight
        entry[1] += weight
        self._totals = None

    def shrink(self, share: float) -> None:
        """Keep this share of it."""
        for entry in self._entries.values():
            entry[0] *= share
            entry[1] *= share
        self._totals = None

    def totals(self, factor: float, mass: float, key_share: float = MOST_SHARE) -> Totals:
        """Added up, with each key's part cut to its share. `factor` is the scale now."""
        if self._totals is None or not factor / FRESH <= self._at <= factor * FRESH:
            self._totals, self._at = self._added(mass * factor, key_share), factor
        return self._totals

    def entries(self) -> Iterator[tuple[str, str, float, float]]:
        """Source, key, good and all of what is stored."""
        for (source, key), (good, weight) in self._entries.items():
            yield source, key, good, weight

    def _added(self, mass: float, key_share: float) -> Totals:
        keys: dict[str, float] = {}
        own = 0.0
        for (_, key), (_, weight) in self._entries.items():
            if key:
                keys[key] = keys.get(key, 0.0) + weight
            else:
                own += weight
        most = capped(keys.values(), share=key_share, prior=own + mass)
        totals = Totals()
        for (source, key), (good, weight) in self._entries.items():
            part = min(1.0, most / keys[key]) if key and keys[key] > 0 else 1.0
            totals.good += good * part
            totals.weight += weight * part
            totals.sources[source] = totals.sources.get(source, 0.0) + weight * part
        return totals
