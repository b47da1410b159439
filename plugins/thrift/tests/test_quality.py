"""Quality: what evidence comes to."""

from __future__ import annotations

import json
import random
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pointsman_thrift.quality import Costs, Priors, Quality, of_success
from pointsman_thrift.quality.scale import DAY, Scale

NOW = 1_800_000_000.0


def seen(quality: Quality, task: str, model: str, good: int, of: int, at: float = NOW, **more: str) -> None:
    """Count so many answers of the gateway's own evidence."""
    for number in range(of):
        quality.observe(task, model, float(number < good), weight=1.0, at=at, source="shadow", **more)


def test_nothing_is_claimed_without_evidence() -> None:
    found = Quality().estimate("maths", "a", NOW)
    assert (found.mean, found.n, found.prior_share) == (0.5, 0.0, 1.0)
    low, high = found.interval
    assert low < 0.35 < 0.65 < high


def test_a_task_is_drawn_to_the_models_own_mean() -> None:
    quality = Quality()
    seen(quality, "maths", "a", 180, 200)
    seen(quality, "legal", "a", 0, 3)
    few = quality.estimate("legal", "a", NOW)
    assert 0.6 < few.mean < 0.9
    seen(quality, "legal", "a", 0, 400)
    assert quality.estimate("legal", "a", NOW).mean < 0.1
    assert quality.estimate("maths", "a", NOW).mean > 0.75


def test_a_hard_task_is_hard_for_models_that_were_hardly_seen_at_it() -> None:
    """A model that got the hard questions would else look worse than one that got none of them."""
    quality = Quality()
    for model in ("strong", "cheap"):
        seen(quality, "trivia", model, 180, 200)
    seen(quality, "maths", "strong", 100, 400)
    cheap, strong = (quality.estimate("maths", model, NOW).mean for model in ("cheap", "strong"))
    assert cheap < 0.75
    assert quality.estimate("trivia", "cheap", NOW).mean > 0.85
    assert strong == pytest.approx(0.27, abs=0.05)


def test_evidence_counts_half_after_two_weeks() -> None:
    quality = Quality()
    seen(quality, "maths", "a", 80, 100)
    later = quality.estimate("maths", "a", NOW + 14 * DAY)
    assert later.n == pytest.approx(50)
    assert later.sources == {"shadow": pytest.approx(50)}
    assert quality.estimate("maths", "a", NOW + 140 * DAY).n < 0.1


def test_evidence_that_comes_late_counts_as_old_as_it_is() -> None:
    early, late = Quality(), Quality()
    seen(early, "maths", "a", 10, 20)
    seen(early, "maths", "a", 30, 30, NOW + DAY)
    seen(late, "maths", "a", 30, 30, NOW + DAY)
    seen(late, "maths", "a", 10, 20)
    ours, theirs = (each.estimate("maths", "a", NOW + 2 * DAY) for each in (early, late))
    assert ours.mean == pytest.approx(theirs.mean)
    assert ours.n == pytest.approx(theirs.n)


def test_another_version_keeps_three_tenths() -> None:
    quality = Quality()
    assert not quality.version("a", "2026-01")
    seen(quality, "maths", "a", 80, 100)
    quality.observe_pair("maths", "a", "b", (1.0, 0.0), weight=10.0, at=NOW)
    assert not quality.version("a", "2026-01")
    assert quality.estimate("maths", "a", NOW).n == pytest.approx(100)
    assert quality.version("a", "2026-02")
    assert quality.estimate("maths", "a", NOW).n == pytest.approx(30)
    assert quality.paired("maths", "a", "b", NOW).n == pytest.approx(3)
    assert quality.paired("maths", "b", "a", NOW).losses == pytest.approx(3)


def test_no_key_has_more_than_a_fifth_of_the_weight() -> None:
    quality = Quality()
    for _ in range(5000):
        quality.observe("maths", "a", 0.0, weight=1.0, at=NOW, source="vote", key="spiteful")
    seen(quality, "maths", "a", 90, 100)
    found = quality.estimate("maths", "a", NOW)
    share = found.sources["vote"] / (found.sources["vote"] + 100 + 10)
    assert share == pytest.approx(0.2, abs=0.001)
    assert found.mean > 0.5


def test_one_key_alone_moves_little() -> None:
    """Not even where there is nothing else: no more than a fifth of the way."""
    quality = Quality()
    for _ in range(1000):
        quality.observe("maths", "a", 0.0, weight=1.0, at=NOW, source="vote", key="spiteful")
    found = quality.estimate("maths", "a", NOW)
    assert found.n == pytest.approx(2.5)
    assert found.mean == pytest.approx(0.5 * 0.8)


def test_no_answer_counts_twice() -> None:
    """What was seen in a task is no prior of that task."""
    quality = Quality()
    seen(quality, "maths", "a", 90, 100)
    found = quality.estimate("maths", "a", NOW)
    assert (found.a, found.b) == (pytest.approx(95), pytest.approx(15))
    assert found.prior_share == pytest.approx(10 / 110)
    elsewhere = quality.estimate("legal", "a", NOW)
    assert elsewhere.prior_share == 1.0
    assert elsewhere.a + elsewhere.b == pytest.approx(30)


def test_the_more_tasks_differ_the_less_one_says_of_another() -> None:
    alike, apart = Quality(), Quality()
    for number in range(10):
        seen(alike, f"t{number}", "a", 70, 100)
        seen(apart, f"t{number}", "a", 95 if number % 2 else 45, 100)
    masses = [each.estimate("new", "a", NOW).a + each.estimate("new", "a", NOW).b for each in (alike, apart)]
    assert masses[0] == pytest.approx(30)
    assert masses[1] == pytest.approx(10)


@pytest.mark.parametrize(
    ("models", "tasks", "n", "apart", "least"),
    [(4, 1, 30, 0.0, 0.9), (4, 1, 100, 0.0, 0.9), (4, 8, 30, 0.05, 0.93), (4, 8, 30, 0.1, 0.89)],
)
def test_intervals_hold_what_is_true(models: int, tasks: int, n: int, apart: float, least: float) -> None:
    """Of answers drawn with known shares of good ones, by models and by tasks that differ."""
    chance = random.Random(1)
    held = total = 0
    for _ in range(max(10, 400 // (models * tasks))):
        quality, truth = Quality(), {}
        for model in range(models):
            usual = chance.uniform(0.4, 0.9)
            for task in range(tasks):
                share = min(0.98, max(0.02, usual + chance.gauss(0, apart)))
                truth[str(task), str(model)] = share
                for key in range(n):
                    good = float(chance.random() < share)
                    quality.observe(
                        str(task), str(model), good, weight=1.0, at=NOW, source="vote", key=str(key)
                    )
        for (task_name, name), share in truth.items():
            low, high = quality.estimate(task_name, name, NOW).interval
            held += low <= share <= high
            total += 1
    assert held / total > least


def test_many_keys_are_heard() -> None:
    quality = Quality()
    for number in range(40):
        quality.observe("maths", "a", 1.0, weight=1.0, at=NOW, source="vote", key=f"key-{number}")
    assert quality.estimate("maths", "a", NOW).n == pytest.approx(40)


def test_priors_count_as_ten_answers_and_give_way() -> None:
    priors = Priors.of(
        {"date": "2026-11-01", "source": "a bench", "models": {"a": {"overall": 0.9, "maths": 0.4}, "b": 0.8}}
    )
    assert (priors.dated, priors.source) == ("2026-11-01", "a bench")
    quality = Quality(priors)
    assert quality.estimate("legal", "a", NOW).mean == pytest.approx(0.9)
    assert quality.estimate("maths", "a", NOW).mean == pytest.approx((9 + 4) / 20)
    assert quality.estimate("maths", "b", NOW).mean == pytest.approx(0.8)
    assert quality.estimate("maths", "b", NOW).prior_share == 1.0
    seen(quality, "maths", "a", 0, 400)
    assert quality.estimate("maths", "a", NOW).mean < 0.05


def test_a_date_of_yaml_is_a_date() -> None:
    assert Priors.of({"date": date(2026, 11, 1), "models": {}}).dated == "2026-11-01"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"models": {"a": 0.5}}, "date"),
        ({"date": "soon", "models": {}}, "date"),
        ({"date": "2026-11-01"}, "mapping"),
        ({"date": "2026-11-01", "models": {"a": 70}}, "share from 0 to 1, not 70"),
        ({"date": "2026-11-01", "models": {"a": {"maths": True}}}, "prior of a for maths"),
        ({"date": "2026-11-01", "models": {}, "mass": 3}, "'mass'"),
    ],
)
def test_priors_that_are_none_are_refused(data: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Priors.of(data)


def test_pairs_tell_what_single_outcomes_cannot() -> None:
    quality = Quality()
    for number in range(100):
        quality.observe_pair("maths", "b", "a", (1.0, float(number % 10 > 0)), weight=1.0, at=NOW)
    found = quality.paired("maths", "b", "a", NOW)
    assert (found.n, found.wins, found.ties, found.losses) == (100, 10, 90, 0)
    assert 0.05 < found.mean < 0.1
    assert found.interval[0] < found.mean < found.interval[1]
    turned = quality.paired("maths", "a", "b", NOW)
    assert (turned.mean, turned.losses) == (-found.mean, found.wins)
    assert found.better > 0.9 > 0.1 > turned.better


def test_a_pairs_other_tasks_count_as_thirty_at_most() -> None:
    quality = Quality()
    for _ in range(1000):
        quality.observe_pair("trivia", "a", "b", (1.0, 1.0), weight=1.0, at=NOW)
    unseen = quality.paired("maths", "a", "b", NOW)
    assert unseen.n == 0
    assert unseen.prior_share == 1.0
    assert unseen.mean == pytest.approx(0, abs=0.01)
    for _ in range(30):
        quality.observe_pair("maths", "a", "b", (1.0, 0.0), weight=1.0, at=NOW)
    assert quality.paired("maths", "a", "b", NOW).mean == pytest.approx(0.5, abs=0.01)


def test_non_inferiority_is_a_probability_that_evidence_moves() -> None:
    quality = Quality()
    for model in ("best", "good", "bad"):
        seen(quality, "maths", model, {"best": 90, "good": 90, "bad": 60}[model], 100)
    before = quality.non_inferior("maths", "good", "best", 0.05, NOW)
    for number in range(400):
        quality.observe_pair("maths", "best", "good", (1.0, 1.0), weight=1.0, at=NOW)
        quality.observe_pair("maths", "best", "bad", (1.0, float(number % 3 > 0)), weight=1.0, at=NOW)
    assert before < 0.9 < quality.non_inferior("maths", "good", "best", 0.05, NOW)
    assert quality.non_inferior("maths", "bad", "best", 0.05, NOW) < 0.01


def test_what_is_no_evidence_is_refused() -> None:
    quality = Quality()
    with pytest.raises(ValueError, match="outcome"):
        quality.observe("maths", "a", 1.5, weight=1.0, at=NOW, source="vote")
    with pytest.raises(ValueError, match="weight"):
        quality.observe("maths", "a", 1.0, weight=-1.0, at=NOW, source="vote")
    with pytest.raises(ValueError, match="two models"):
        quality.observe_pair("maths", "a", "a", (1.0, 0.0), weight=1.0, at=NOW)


def test_all_of_it_survives_a_restart() -> None:
    quality = Quality(Priors({"a": 0.7}))
    quality.version("a", "1")
    seen(quality, "maths", "a", 70, 100)
    quality.observe("maths", "a", 1.0, weight=0.7, at=NOW, source="check", key="k")
    quality.observe_pair("maths", "a", "b", (1.0, 0.5), weight=1.0, at=NOW)
    later = NOW + 3 * DAY
    read = Quality.of_json(json.loads(json.dumps(quality.as_json(later))), quality.priors)
    for model in ("a", "b"):
        ours, theirs = (each.estimate("maths", model, later + DAY) for each in (quality, read))
        assert ours.as_json() == theirs.as_json()
    ours, theirs = (each.paired("maths", "a", "b", later + DAY) for each in (quality, read))
    assert ours.mean == pytest.approx(theirs.mean)
    assert (ours.n, ours.wins) == (pytest.approx(theirs.n), pytest.approx(theirs.wins))
    assert read.models() == ["a", "b"]
    assert read.version("a", "2")


@pytest.mark.parametrize("data", [{}, {"version": 2}, {"version": 1, "half_life": None}])
def test_other_data_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="figures"):
        Quality.of_json(data)
    with pytest.raises(ValueError, match="figures"):
        Costs.of_json(data)


@given(some.lists(some.tuples(some.floats(0, 1), some.floats(0, 3), some.integers(0, 60)), max_size=30))
def test_estimates_are_shares_and_intervals_hold_them(rows: list[tuple[float, float, int]]) -> None:
    quality = Quality()
    for outcome, weight, day in rows:
        quality.observe("maths", "a", outcome, weight=weight, at=NOW + day * DAY, source="check")
    found = quality.estimate("maths", "a", NOW + 60 * DAY)
    assert 0 < found.interval[0] <= found.interval[1] < 1
    assert 0 < found.mean < 1
    assert 0 < found.prior_share <= 1
    assert found.n <= sum(weight for _, weight, _ in rows) + 1e-6


def test_a_models_answers_are_as_long_as_they_were() -> None:
    costs = Costs()
    assert costs.output("maths", "a", NOW) == 500
    assert costs.seconds("maths", "a", NOW) is None
    for _ in range(200):
        costs.observe("maths", "thinker", output=4000, seconds=20.0, at=NOW)
        costs.observe("trivia", "terse", output=50, seconds=None, at=NOW)
    assert costs.output("maths", "thinker", NOW) == pytest.approx(4000, rel=0.02)
    assert costs.output("maths", "terse", NOW) == pytest.approx(50, rel=1)
    assert 500 < costs.output("maths", "new", NOW) < 4000
    assert costs.seconds("legal", "new", NOW) == pytest.approx(20.0)
    read = Costs.of_json(json.loads(json.dumps(costs.as_json(NOW))))
    assert read.output("maths", "thinker", NOW) == pytest.approx(costs.output("maths", "thinker", NOW))


def test_a_good_answer_costs_more_where_few_are_good() -> None:
    assert of_success(100.0, 0.5) == 200.0
    assert of_success(100.0, 0.0) == 100_000.0


def test_a_half_life_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="half-life"):
        Scale(0.0)
