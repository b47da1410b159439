"""Stored answers: what a cache keeps of an answer, so that it can be given again."""

from __future__ import annotations

import msgspec

from .money import Cost
from .types import Finish, Usage

__all__ = ["Stored"]


class Stored(msgspec.Struct, frozen=True):
    """A complete answer in a client's dialect.

    `frames` are its bytes as they were before any cost was put into them, each with the value of its
    `pointsman.dialects.Mark`; a whole answer is one frame. `endpoint`, `provider` and `model` gave it, and
    `generation_id` is its own. `at` is when it was stored, in seconds since 1970; `cost` is what it cost
    then, None where that is not known.
    """

    frames: tuple[tuple[bytes, int], ...]
    stream: bool
    usage: Usage | None
    finish: Finish | None
    provider: str
    model: str
    endpoint: str
    generation_id: str
    at: float
    cost: Cost | None = None

    @property
    def size(self) -> int:
        """Bytes of its frames."""
        return sum(len(data) for data, _ in self.frames)
