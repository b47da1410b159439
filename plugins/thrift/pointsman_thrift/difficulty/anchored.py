"""Anchored: how much better than usual each model answers a prompt, learned pair by pair.

A second answer compares two models, not all. Each model is compared with one that all are compared with, the
anchor; what is learned of each such pair gives the gains of all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from .blend import Blend, Example
from .features import Features

__all__ = ["Anchored"]

LEAST = 100
"""Paired answers of a model and the anchor, below which nothing is said of it."""
MOST = 2000
"""Paired answers that are kept of each model, the newest."""
VERSION = 1


class Anchored:
    """Learns from paired answers with the anchor. Learning takes about a second for 2,000 of them: it is done
    when `learn` is called, and not at each answer."""

    def __init__(self, anchor: str) -> None:
        self.anchor = anchor
        self._examples: dict[str, deque[Example]] = {}
        self._blends: dict[str, Blend] = {}

    def observe(self, prompt: Features, models: tuple[str, str], outcomes: tuple[float, float]) -> None:
        """Keep a paired answer; one without the anchor says nothing here."""
        if self.anchor not in models:
            return
        place = models.index(self.anchor)
        model = models[1 - place]
        kept = self._examples.setdefault(model, deque(maxlen=MOST))
        kept.append((prompt, (outcomes[place], outcomes[1 - place])))

    def learn(self) -> Sequence[str]:
        """Learn anew; the models of which enough is known."""
        self._blends = {
            model: Blend.fit((self.anchor, model), [*examples])
            for model, examples in self._examples.items()
            if len(examples) >= LEAST
        }
        return sorted(self._blends)

    def gains(self, prompt: Features) -> dict[str, float]:
        """How much better than usual beside the anchor each model is expected to do: for `policy.Ask`. Models
        of which little is known are not in it."""
        found = {}
        for model, blend in self._blends.items():
            gains = blend.gains(prompt)
            found[model] = gains[model] - gains[self.anchor]
        return found

    def as_json(self) -> dict[str, Any]:
        """What was learned, as JSON data; the answers it was learned from are not in it."""
        blends = {model: blend.as_json() for model, blend in self._blends.items()}
        return {"version": VERSION, "anchor": self.anchor, "blends": blends}

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Anchored:
        """What `as_json` wrote. Raises ValueError where it is something else."""
        try:
            if data["version"] != VERSION:
                raise ValueError(f"this is version {data['version']!r} of what was learned, not {VERSION}")
            found = cls(str(data["anchor"]))
            found._blends = {model: Blend.of_json(each) for model, each in data["blends"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"this is nothing that was learned: {error}") from None
        return found
