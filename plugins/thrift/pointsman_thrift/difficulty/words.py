"""Words: a hashed linear model of several targets, learned by stochastic gradient descent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from math import sqrt
from random import Random
from typing import Any

__all__ = ["Words"]

EPOCHS = 3
RATE = 0.25
SLOWER = 0.5
RARE = 2
"""A token that was seen in fewer prompts says nothing."""
MOST = 1 << 15
"""Tokens that are kept, the commonest."""
DIGITS = 5


class Words:
    """A weight for each token and target. A prompt's value is the sum of its tokens' weights, by the square
    root of how many they are."""

    def __init__(self, places: Mapping[int, int], weights: Sequence[Sequence[float]]) -> None:
        self._places, self._weights = places, weights

    @classmethod
    def fit(
        cls, prompts: Sequence[Iterable[int]], targets: Sequence[Sequence[float]], seed: int = 0
    ) -> Words:
        """Learn targets, which should have mean 0, from the tokens of prompts."""
        counts = Counter(token for tokens in prompts for token in tokens)
        common = [token for token, count in counts.most_common(MOST) if count >= RARE]
        places = {token: place for place, token in enumerate(sorted(common))}
        rows = [[places[token] for token in tokens if token in places] for tokens in prompts]
        scales = [1.0 / sqrt(len(row)) if row else 0.0 for row in rows]
        weights = [[0.0] * len(places) for _ in (targets[0] if targets else ())]
        order = [place for place, row in enumerate(rows) if row]
        chance = Random(seed)  # noqa: S311 - the order of rows
        for epoch in range(EPOCHS):
            chance.shuffle(order)
            rate = RATE / (1.0 + SLOWER * epoch)
            for place in order:
                row, scale = rows[place], scales[place]
                step = rate * scale
                for target, head in zip(targets[place], weights, strict=True):
                    move = step * (target - scale * sum(map(head.__getitem__, row)))
                    for each in row:
                        head[each] += move
        return cls(places, weights)

    def predict(self, tokens: Iterable[int]) -> list[float]:
        """The value of each target."""
        places = self._places
        row = [places[token] for token in tokens if token in places]
        scale = 1.0 / sqrt(len(row)) if row else 0.0
        return [scale * sum(map(head.__getitem__, row)) for head in self._weights]

    def as_json(self) -> dict[str, Any]:
        """As JSON data; weights are rounded."""
        return {
            "tokens": [*self._places],
            "weights": [[round(each, DIGITS) for each in head] for head in self._weights],
        }

    @classmethod
    def of_json(cls, data: Mapping[str, Any]) -> Words:
        """What `as_json` wrote. Raises KeyError, TypeError or ValueError."""
        places = {int(token): place for place, token in enumerate(data["tokens"])}
        weights = [[float(each) for each in head] for head in data["weights"]]
        if any(len(head) != len(places) for head in weights):
            raise ValueError("there is not one weight for each token")
        return cls(places, weights)
