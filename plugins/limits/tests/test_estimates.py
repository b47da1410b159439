"""Estimates of tokens, and what they learn."""

from __future__ import annotations

import pytest

from pointsman.types import Peek, Usage
from pointsman_limits.estimates import MOST_MODELS, Estimates


def test_an_unknown_model_has_four_bytes_a_token_and_writes_five_hundred() -> None:
    assert Estimates().tokens("m", Peek("m", characters=4001)) == (1001, 500)
    assert Estimates().tokens("m", Peek("m", characters=4001, choices=3)) == (1001, 1500)


def test_what_a_request_allows_is_believed() -> None:
    assert Estimates().tokens("m", Peek("m", characters=8, max_tokens=77, choices=2)) == (2, 154)


def test_what_does_not_write_has_no_output() -> None:
    assert Estimates().tokens("m", Peek("m", characters=8), writes=False) == (2, 0)


def test_usage_is_learnt_model_by_model() -> None:
    estimates = Estimates()
    for _ in range(200):
        estimates.learn("m", Peek("m", characters=3000), Usage(1000, 80))
    assert estimates.tokens("m", Peek("m", characters=3000)) == (1000, 81)
    assert estimates.tokens("other", Peek("other", characters=3000)) == (750, 500)


def test_a_picture_says_nothing_of_text() -> None:
    estimates = Estimates()
    for characters, tokens in ((1_000_000, 85), (3, 2000)):
        estimates.learn("m", Peek("m", characters=characters), Usage(tokens, 500))
    assert estimates.tokens("m", Peek("m", characters=4000)) == (1000, 500)


@pytest.mark.parametrize("usage", [Usage(0, 9), Usage(1000, 9, estimated=True)])
def test_nothing_is_learnt_from_what_was_not_counted(usage: Usage) -> None:
    estimates = Estimates()
    estimates.learn("m", Peek("m", characters=10), usage)
    estimates.learn("m", Peek("m"), Usage(10, 9))
    assert estimates.tokens("m", Peek("m", characters=4000)) == (1000, 500)


def test_what_is_learnt_has_a_bound() -> None:
    estimates = Estimates()
    for number in range(MOST_MODELS + 1):
        estimates.learn(f"m{number}", Peek("m", characters=10), Usage(10, 9))
    assert estimates.tokens("m0", Peek("m", characters=4000)) == (1000, 500)
    assert estimates.tokens(f"m{MOST_MODELS}", Peek("m", characters=4000))[1] < 500
