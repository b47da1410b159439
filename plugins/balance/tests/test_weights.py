"""Shares of a model's requests."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_balance.health import Health, Observed
from pointsman_balance.weights import INPUT, OUTPUT, Offer, Taste, usual, weigh


def health(*seen: Observed, times: int = 50) -> Health:
    each = Health.of(lambda: 0.5)
    for _ in range(times):
        for one in seen:
            each.begun(0.0)
            each.ended(one, 0.0, ())
    return each


def answered(first: float = 0.5, writing: float = 3.0, **more: int) -> Observed:
    return Observed(
        answered=True, first_content=first, writing=writing, **{"input": 1000, "output": 300} | more
    )


def shares(*offers: Offer) -> list[float]:
    weights = [each.weight for each in weigh(offers, 300.0, 0.0)]
    return [weight / sum(weights) for weight in weights]


def test_equal_endpoints_get_equal_shares() -> None:
    assert shares(*[Offer(health(answered()), 1e6)] * 3) == pytest.approx([1 / 3] * 3)


def test_a_dearer_one_gets_little_and_never_nothing() -> None:
    cheap, dear = shares(Offer(health(answered()), 1e6), Offer(health(answered()), 3e6))
    assert cheap > 0.97
    assert dear >= Taste().explored / 2 * 0.9


def test_a_hundredth_of_the_price_more_changes_hardly_anything() -> None:
    assert shares(Offer(health(answered()), 1e6), Offer(health(answered()), 1.01e6)) == pytest.approx(
        [0.5, 0.5], abs=0.01
    )


@pytest.mark.parametrize(
    "worse",
    [
        health(answered(), answered(), answered(), Observed(failed=True)),
        health(answered(), Observed(refused=True)),
        health(answered(first=5.0)),
        health(answered(writing=20.0)),
        health(replace(answered(), bad_tools=True)),
    ],
    ids=["errors", "refusals", "late", "slow", "wrong tool calls"],
)
def test_what_a_user_suffers_is_priced_in(worse: Health) -> None:
    sound = health(replace(answered(), bad_tools=False))
    good, bad = shares(Offer(sound, 1e6), Offer(worse, 1e6))
    assert good > 2 * bad


def test_failures_are_dearer_than_a_small_difference_of_price() -> None:
    failing = health(*[answered()] * 19, Observed(failed=True), times=10)
    sound, cheap = shares(Offer(health(answered()), 1.2e6), Offer(failing, 1e6))
    assert sound > cheap


def test_an_endpoint_that_was_seen_little_is_taken_for_a_usual_one() -> None:
    known, new = health(answered()), Health.of(lambda: 0.5)
    assert shares(Offer(known, 1e6), Offer(new, 1e6)) == pytest.approx([0.5, 0.5], abs=0.02)


def test_an_unknown_price_counts_as_the_dearest_that_is_known() -> None:
    _, dear, unknown = shares(*[Offer(health(answered()), price) for price in (1e6, 2e6, None)])
    assert unknown == pytest.approx(dear)


def test_where_all_is_free_or_nothing_is_priced_time_alone_counts() -> None:
    for price in (0.0, None):
        fast, slow = shares(Offer(health(answered()), price), Offer(health(answered(first=3.0)), price))
        assert fast > 5 * slow


def test_what_comes_from_the_cache_makes_it_cheaper() -> None:
    warm = health(answered(cache_read=900), times=400)
    cold = health(answered(), times=400)
    first, second = shares(Offer(warm, 1.2e6, 0.4e6), Offer(cold, 1e6, 1e6))
    assert first > 5 * second


def test_those_that_rest_have_no_weight() -> None:
    awake, resting = weigh(
        [Offer(health(answered()), 1e6), Offer(health(answered()), 1e6, None, True)], 300, 0
    )
    assert awake.weight > 0
    assert resting.weight == 0.0


def test_a_usual_request_is_what_was_seen_or_assumed() -> None:
    assert usual([Health.of(lambda: 0.5)], 0.0) == (INPUT, OUTPUT)
    assert usual([health(answered(input=10, output=20)), health(answered(input=30, output=40))], 0.0) == (
        20,
        30,
    )


@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.floats(0, 1e9)), st.floats(0.001, 100), st.integers(0, 30)),
        min_size=1,
    )
)
def test_weights_are_shares_whatever_is_known(offers: list[tuple[float | None, float, int]]) -> None:
    made = []
    for price, first, fails in offers:
        each = health(answered(first=first), times=1)
        for _ in range(fails):
            each.begun(0.0)
            each.ended(Observed(failed=True), 0.0, ())
        made.append(Offer(each, price))
    weights = [each.weight for each in weigh(made, 300.0, 0.0)]
    assert all(0.0 <= weight <= 1.0 for weight in weights)
    assert max(weights) == 1.0
