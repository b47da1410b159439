"""Counts: what is believed of a provider's numbers."""

from __future__ import annotations

import pytest

from pointsman import counts, types
from pointsman.counts import token_count


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (7, 7), (7.0, 7), (-1, None), (True, None), ("7", None), (None, None), (10**13, None)],
)
def test_a_count_of_tokens_is_believed_within_reason(value: object, count: int | None) -> None:
    assert token_count(value) == count
    assert token_count(float("nan")) is token_count(float("inf")) is None


def test_the_canonical_types_have_them_too() -> None:
    assert types.Usage is counts.Usage
    assert counts.Usage().details is None
