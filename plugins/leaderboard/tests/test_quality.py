"""Quality and value: ranks, ties, and what is not claimed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman_leaderboard.statistics import digamma, ranks, trigamma, wilson
from pointsman_thrift.quality import Estimate

Serve = Callable[..., Any]


def estimate(a: float, b: float) -> Estimate:
    return Estimate(a, b, a + b, {}, 0.0)


ESTIMATES = st.dictionaries(
    st.sampled_from("abcdefgh"),
    st.builds(estimate, st.floats(0.5, 500), st.floats(0.5, 500)),
    min_size=1,
    max_size=6,
)


@settings(deadline=None, max_examples=25)
@given(ESTIMATES)
def test_ranks_are_places_that_there_are_and_ties_are_mutual(found: dict[str, Estimate]) -> None:
    placed = ranks(found, "maths")
    assert placed.keys() == found.keys()
    for name, rank in placed.items():
        assert 1 <= rank.low <= rank.high <= len(found)
        assert name not in rank.tied
        assert all(name in placed[other].tied for other in rank.tied)
    assert ranks(found, "maths") == placed  # seeded


def test_what_is_far_apart_is_ranked_and_what_is_alike_is_tied() -> None:
    placed = ranks({"good": estimate(95, 5), "same": estimate(94, 6), "bad": estimate(30, 70)}, "x")
    assert (placed["bad"].low, placed["bad"].high, placed["bad"].tied) == (3, 3, ())
    assert placed["good"].tied == ("same",)
    assert (placed["good"].low, placed["good"].high) == (1, 2)


def test_what_draws_are_made_of_is_as_in_the_tables() -> None:
    for x, first, second in ((1.0, -0.5772156649, 1.6449340668), (0.5, -1.9635100260, 4.9348022005)):
        assert digamma(x) == pytest.approx(first, abs=1e-8)
        assert trigamma(x) == pytest.approx(second, abs=1e-8)
    for x in (0.3, 2.0, 7.5, 400.0):
        assert digamma(x + 1) == pytest.approx(digamma(x) + 1 / x, abs=1e-9)
        assert trigamma(x + 1) == pytest.approx(trigamma(x) - 1 / x**2, abs=1e-9)


@pytest.mark.parametrize(("good", "n"), [(0, 0), (0, 10), (10, 10), (5, 10)])
def test_an_interval_of_a_rate_holds_it(good: int, n: int) -> None:
    low, high = wilson(good, n)
    assert 0 <= low < high <= 1
    assert low <= (good / n if n else 0.5) <= high


def test_wilsons_interval_is_the_one_in_the_books() -> None:
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


async def test_models_have_a_rank_from_thirty_effective_votes_on(serve: Serve) -> None:
    async with serve() as desk:
        desk.said("acme/large", 1.0, count=60)
        desk.said("acme/small", 0.0, count=60)
        desk.said("acme/free", 1.0, count=12)
        found = await desk.part("quality")
    assert found["ranked_from"] == 30
    best, worst, unranked = found["rows"]
    assert [row["model"] for row in found["rows"]] == ["acme/large", "acme/small", "acme/free"]
    assert best["rank"] == {"low": 1, "high": 1}
    assert worst["rank"] == {"low": 2, "high": 2}
    assert (best["n"], best["keys"], best["sources"]["check"]["n"]) == (60, 10, 60)
    assert best["low"] < best["mean"] < best["high"]
    assert 0 < best["prior_share"] < 1
    assert (unranked["ranked"], unranked["rank"], unranked["tied_with"]) == (False, None, [])
    assert unranked["needs"] == pytest.approx(18, abs=1)


async def test_one_key_alone_ranks_nobody(serve: Serve) -> None:
    async with serve() as desk:
        desk.said("acme/large", 1.0, count=500, keys=1)
        (row,) = (await desk.part("quality"))["rows"]
        assert not row["ranked"]
        assert row["n"] == 500
        assert row["effective"] < 15
    async with serve("plugins: {feedback: {max_share: 100%}}\n") as desk:
        desk.said("acme/large", 1.0, count=500, keys=1)
        (row,) = (await desk.part("quality"))["rows"]
        assert row["ranked"]


async def test_value_is_good_answers_for_a_dollar_with_an_interval(serve: Serve) -> None:
    async with serve() as desk:
        for model, score in (("acme/large", 1.0), ("acme/small", 1.0), ("acme/free", 1.0)):
            desk.said(model, score, count=60)
            desk.used(model, count=5, task="maths", **({"cost_nano": None} if model == "acme/free" else {}))
        desk.used("acme/other", task="maths", cost_nano=1)
        found = await desk.part("value")
    small, large = found
    assert [row["model"] for row in found] == ["acme/small", "acme/large"]  # what has no price is no value
    assert small["cost_nano"] == 1_200_000
    success = small["per_success_nano"]
    assert success["low"] < success["mean"] < success["high"]
    assert success["mean"] == pytest.approx(1_200_000 / small["quality"])
    assert small["per_dollar"]["mean"] == pytest.approx(small["quality"] / 0.0012)
    assert (small["pareto"], large["pareto"]) == (True, False)


async def test_a_better_model_may_be_worth_its_price(serve: Serve) -> None:
    async with serve() as desk:
        for model, score in (("acme/large", 1.0), ("acme/small", 0.4)):
            desk.said(model, score, count=60)
            desk.used(model, task="maths")
        found = await desk.part("value")
    assert [row["pareto"] for row in found] == [True, True]


async def test_savings_are_told_beside_what_else_might_have_been(serve: Serve) -> None:
    async with serve() as desk:
        for model, score in (("acme/large", 1.0), ("acme/small", 0.4)):
            desk.said(model, score, count=60)
        desk.used("acme/large", count=1, task="maths")
        desk.used("acme/small", count=3, task="maths")
        found = await desk.part("savings")
    large, small = 12_000_000, 1_200_000
    assert found["requests"] == 4
    assert found["spent"]["cost_nano"] == large + 3 * small
    assert found["best_single"]["model"] == "acme/large"
    assert found["best_single"]["saved_nano"] == 3 * (large - small)
    assert found["cheapest"]["model"] == "acme/small"
    assert found["cheapest"]["saved_nano"] == small - large
    assert found["random_mix"]["best_share"] == pytest.approx(0.25)
    assert found["random_mix"]["quality"] == pytest.approx(found["spent"]["quality"])
    for name in ("spent", "best_single", "cheapest", "random_mix"):
        told = found[name]
        assert told["low"] < told["quality"] < told["high"]
        assert told["effective"] > 0
    assert found["random_mix"]["high"] - found["random_mix"]["low"] < 0.3
    assert found["assumptions"]


async def test_nothing_is_claimed_of_the_best_where_none_has_a_rank(serve: Serve) -> None:
    async with serve() as desk:
        desk.used("acme/large", task="maths")
        desk.used("acme/free", cost_nano=None, task="maths")
        found = await desk.part("savings")
    assert found["best_single"] is None
    assert found["random_mix"] is None
    assert found["spent"]["quality"] is found["spent"]["low"] is None
    assert found["spent"]["effective"] == 0
    assert found["requests"] == 1
