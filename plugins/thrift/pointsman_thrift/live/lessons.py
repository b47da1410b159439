"""Lessons: what comparisons teach about the prompts themselves, beyond what they are about.

They stay in memory, and begin anew with each start: what a prompt is like is kept of no request, not even as
hashes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from pointsman.exchange import Exchange
from pointsman_thrift.difficulty import Anchored, Features, features
from pointsman_thrift.tasks.names import GENERAL
from pointsman_thrift.tasks.prompt import prompt_of

__all__ = ["Lessons", "features_of"]

AGAIN = 50
"""So many further comparisons, and it is learned anew."""
NOTHING: Mapping[str, float] = {}


def features_of(exchange: Exchange, task: str | None) -> Features:
    """What a request's last prompt is like."""
    return features(prompt_of(exchange.request).last, task or GENERAL)


class Lessons:
    """Those of each model that others are compared with."""

    def __init__(self) -> None:
        self._anchored: dict[str, Anchored] = {}
        self._further: dict[str, int] = {}
        self._known: frozenset[str] = frozenset()

    def observe(self, prompt: Features, models: tuple[str, str], outcomes: tuple[float, float]) -> None:
        """Keep how two models answered a prompt, from 0 to 1 each: a lesson about each beside the other."""
        for anchor in models:
            found = self._anchored.setdefault(anchor, Anchored(anchor))
            found.observe(prompt, models, outcomes)
            self._further[anchor] = self._further.get(anchor, 0) + 1

    async def learn(self) -> None:
        """Learn anew where enough has come; in a thread of its own, for it takes a while."""
        for anchor, further in [*self._further.items()]:
            if further >= AGAIN:
                self._further[anchor] = 0
                if await asyncio.to_thread(self._anchored[anchor].learn):
                    self._known |= {anchor}

    def gains(self, exchange: Exchange, task: str, anchor: str) -> Mapping[str, float]:
        """How much better than usual each model is expected to answer this prompt, beside the anchor; nothing
        where that has not been learned."""
        if anchor not in self._known:
            return NOTHING
        return self._anchored[anchor].gains(features_of(exchange, task))
