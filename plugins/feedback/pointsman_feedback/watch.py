"""The watch: answers whose clients may ask the same again."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Watch", "Watched"]

MOST = 20_000
"""Answers watched at once: of more, the oldest are let go, and nothing is said of them."""

Prompt = tuple[str, int]
"""A key, and a digest of what it asked."""


@dataclass(slots=True)
class Watched:
    """An answer: what its row will say, the model that was asked for, and when it ended, in monotonic
    seconds."""

    row: dict[str, Any]
    model: str
    ended: float


class Watch:
    """Knows the answers of the last `within` seconds by what they answer."""

    def __init__(self, within: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.within = within
        self._clock = clock
        self._watched: OrderedDict[Prompt, Watched] = OrderedDict()

    def __len__(self) -> int:
        return len(self._watched)

    def answered(self, prompt: Prompt, row: dict[str, Any], model: str) -> None:
        """Watch an answer."""
        self._watched[prompt] = Watched(row, model, self._clock())
        self._watched.move_to_end(prompt)
        if len(self._watched) > MOST:
            self._watched.popitem(last=False)

    def asked(self, prompt: Prompt) -> Watched | None:
        """The answer to the same prompt that is no older than it may be; it is watched no more."""
        found = self._watched.get(prompt)
        if found is None or self._clock() - found.ended > self.within:
            return None
        del self._watched[prompt]
        return found

    def kept(self) -> Iterator[Watched]:
        """The answers after which nobody asked again in time; they are watched no more."""
        while self._watched:
            prompt = next(iter(self._watched))
            if self._clock() - self._watched[prompt].ended <= self.within:
                return
            yield self._watched.pop(prompt)
