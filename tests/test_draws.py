"""A request's own draws."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.draws import Draws


@given(st.integers())
def test_a_seed_gives_the_same_numbers_again_and_each_is_a_share(seed: int) -> None:
    draws, again = Draws(seed), Draws(seed)
    numbers = [draws.random() for _ in range(20)]
    assert numbers == [again.random() for _ in range(20)]
    assert all(0.0 <= number < 1.0 for number in numbers)
    assert len({*numbers}) == 20


def test_other_seeds_give_other_numbers() -> None:
    assert len({Draws(seed).random() for seed in range(-500, 500)}) == 1000


def test_numbers_are_spread_evenly_within_a_seed_and_over_seeds() -> None:
    one = Draws(7)
    for numbers in ([one.random() for _ in range(40_000)], [Draws(each).random() for each in range(40_000)]):
        tenths = Counter(int(number * 10) for number in numbers)
        assert [tenths[each] / 40_000 for each in range(10)] == pytest.approx([0.1] * 10, abs=0.01)


def test_a_number_says_nothing_of_the_next() -> None:
    pairs = Counter()
    draws = Draws(3)
    for _ in range(40_000):
        pairs[draws.random() < 0.5, draws.random() < 0.5] += 1
    assert [count / 40_000 for count in pairs.values()] == pytest.approx([0.25] * 4, abs=0.02)
