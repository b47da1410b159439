"""Draws: numbers by chance that are the same again from the same seed.

`random.Random` takes 7 µs to be seeded, which is as much as a request's endpoints take to be ranked.
"""

from __future__ import annotations

from hashlib import blake2b
from struct import Struct
from typing import Protocol

__all__ = ["Chance", "Draws"]

_EIGHT = Struct("<8Q")
STEP = 2.0**-53


class Chance(Protocol):
    """Whatever draws numbers: a request's own draws, or a `random.Random`."""

    def random(self) -> float:
        """A number from 0 to 1, and less than 1."""


class Draws:
    """The draws that follow from a seed: its hashes with 0, 1, 2 …, eight numbers in each. Nothing secret may
    be made of them."""

    __slots__ = ("_hashed", "_left", "_seed")

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._hashed = 0
        self._left: list[int] = []

    def random(self) -> float:
        """The next number from 0 to 1, and less than 1."""
        if not self._left:
            self._left = [*_EIGHT.unpack(blake2b(b"%d %d" % (self._seed, self._hashed)).digest())]
            self._hashed += 1
        return (self._left.pop() >> 11) * STEP
