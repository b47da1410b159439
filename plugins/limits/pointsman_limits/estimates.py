"""Estimates: how many tokens a request will use, from its bytes and from what its model used before."""

from __future__ import annotations

import math

from pointsman.types import Peek, Usage

__all__ = ["Estimates"]

BYTES_PER_TOKEN = 4.0
OUTPUT = 500.0
"""Tokens of an answer of which nothing is known."""
LEAST_BYTES_PER_TOKEN, MOST_BYTES_PER_TOKEN = 1.0, 8.0
"""Beyond them it is not the text that tells: a prompt of the provider's own, a picture."""
WEIGHT = 1 / 16
MOST_MODELS = 10_000


class Estimates:
    """Bytes per token of input, and tokens of an output, for each model: moving averages of its usage."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, float]] = {}

    def tokens(self, model: str, peek: Peek, *, writes: bool = True) -> tuple[int, int]:
        """Input and output tokens a request may use; what it allows at most is believed.

        `writes` says whether the surface answers with text at all.
        """
        per_token, output = self._known.get(model, (BYTES_PER_TOKEN, OUTPUT))
        written: float = 0.0
        if writes:
            written = (peek.max_tokens if peek.max_tokens is not None else output) * peek.choices
        return math.ceil(peek.characters / per_token), math.ceil(written)

    def learn(self, model: str, peek: Peek, usage: Usage) -> None:
        """Take in what a request really used, unless that is itself estimated."""
        if usage.estimated or usage.input <= 0 or peek.characters <= 0:
            return
        per_token, output = self._known.get(model, (BYTES_PER_TOKEN, OUTPUT))
        seen = peek.characters / usage.input
        if LEAST_BYTES_PER_TOKEN <= seen <= MOST_BYTES_PER_TOKEN:
            per_token += (seen - per_token) * WEIGHT
        output += (usage.output / max(1, peek.choices) - output) * WEIGHT
        if model not in self._known and len(self._known) >= MOST_MODELS:
            self._known.clear()
        self._known[model] = per_token, output
