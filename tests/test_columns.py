"""Columns."""

from __future__ import annotations

from pointsman.columns import aligned


def test_columns_are_aligned_and_control_characters_hidden() -> None:
    assert aligned({"name": ["a", "b\x1b"], "n": ["1", "10"]}, left=1) == "name   n\na      1\nb?    10"
    assert aligned({"name": [], "n": []}, left=1) == "name  n"
