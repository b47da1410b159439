"""Draws by weight."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_balance.lots import DRAWN, Lots, order


def test_places_are_drawn_by_weight_without_putting_back() -> None:
    chance, first = Random(3), Counter[int]()
    for _ in range(4000):
        places = order([3.0, 1.0, 0.0], chance)
        assert sorted(places) == [0, 1, 2]
        assert places[2] == 2
        first[places[0]] += 1
    assert first[0] / 4000 == pytest.approx(0.75, abs=0.03)


def test_each_place_is_drawn_by_its_weight_among_those_that_are_left() -> None:
    """Against all orders of four, each with the product of its shares."""
    weights = [4.0, 3.0, 2.0, 1.0]
    chance, lots, drawn = Random(7), Lots(weights), Counter[tuple[int, ...]]()
    for _ in range(40_000):
        drawn[tuple(lots.order(chance))] += 1
    assert len(drawn) == 24
    for places, count in drawn.items():
        left, expected = sum(weights), 1.0
        for place in places:
            expected *= weights[place] / left
            left -= weights[place]
        assert count / 40_000 == pytest.approx(expected, abs=0.01)


def test_those_behind_the_ones_that_are_drawn_go_by_weight() -> None:
    weights = [float(1 + number % 7) for number in range(30)]
    behind = order(weights, Random(1))[DRAWN:]
    assert [weights[place] for place in behind] == sorted((weights[place] for place in behind), reverse=True)


@given(st.lists(st.one_of(st.just(0.0), st.floats(1e-9, 1e9)), min_size=1), st.integers(0, 2**32))
def test_nothing_is_lost_and_what_has_no_weight_comes_last(weights: list[float], seed: int) -> None:
    places = order(weights, Random(seed))
    assert sorted(places) == [*range(len(weights))]
    without = [place for place in places if weights[place] == 0.0]
    assert places[len(places) - len(without) :] == sorted(without)
