"""Stored answers."""

from __future__ import annotations

from pointsman.stored import Stored
from pointsman.types import Usage


def test_its_size_is_that_of_its_frames() -> None:
    frames = ((b"data: 1\n\n", 0), (b"data: [DONE]\n\n", 8))
    stored = Stored(frames, True, Usage(1, 2), None, "lab", "one", "lab/one", "gen-1", 0.0)
    assert stored.size == sum(len(data) for data, _ in frames)
