"""Evaluation: figures against worlds in which they are known, and data of every awkward kind."""

from __future__ import annotations

import json
import re
from pathlib import Path
from random import Random
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as some

from pointsman.testing import shared_path
from pointsman_thrift.command import route
from pointsman_thrift.evaluation.data import Data, DataError, question
from pointsman_thrift.evaluation.folds import folds_of
from pointsman_thrift.evaluation.pairs import Curve, order_of
from pointsman_thrift.evaluation.plot import draw
from pointsman_thrift.evaluation.pools import hull
from pointsman_thrift.evaluation.report import Report, as_text, evaluate, pairs_of
from pointsman_thrift.evaluation.resampling import Figure, figure, resamples

from .worlds import Row, alike, mixed, strong_at_maths

COSTS = (1e5, 1e6, 3e6)
SHARED = shared_path()


def data_of(rows: list[Row], *, tasks: bool = True) -> Data:
    """Rows as data; each further model costs more."""
    count = len(rows[0][2])
    models = ("weak", "strong", "dear")[:count]
    questions = [
        question(str(number), f"{prompt} ({number})", task if tasks else "", good, COSTS[:count])
        for number, (prompt, task, good) in enumerate(rows)
    ]
    return Data(models, questions, "from the data")


def judged(rows: list[Row], *, tasks: bool = True, count: int = 60) -> Report:
    return evaluate(data_of(rows, tasks=tasks), count=count, seed=3)


def test_folds_part_the_questions_and_keep_the_same_prompts_together() -> None:
    rows: list[Row] = [(f"prompt {number % 40}", "", [0.0, 1.0]) for number in range(100)]
    data = Data(("a", "b"), [question("", each[0], "", each[2], (1, 1)) for each in rows], "")
    folds = folds_of(data, 1)
    assert sorted(place for fold in folds for place in fold) == [*range(100)]
    assert {len(fold) for fold in folds} <= {18, 19, 20, 21, 22}
    for fold in folds:
        prompts = {rows[place][0] for place in fold}
        assert all(place in fold for place, row in enumerate(rows) if row[0] in prompts)
    assert folds == folds_of(data, 1) != folds_of(data, 2)


def test_prompts_that_do_not_differ_are_an_error() -> None:
    data = Data(("a", "b"), [question("", "same", "", (0.0, 1.0), (1, 1)) for _ in range(40)], "")
    with pytest.raises(DataError, match="only 1 prompts differ: 5 are needed"):
        evaluate(data, count=1, seed=1)


def test_places_are_compared_within_a_fold() -> None:
    keys = order_of([5.0, 1.0, 1.0, 0.5, 90.0, 80.0], [[0, 1, 2, 3], [4, 5]])
    assert keys == [0.125, 0.5, 0.5, 0.875, 0.25, 0.75]


def test_a_curve_has_its_figures() -> None:
    curve = Curve([0.0, 0.25, 0.5, 1.0], [0.0, 0.6, 0.8, 1.0])
    assert curve.area() == pytest.approx(0.075 + 0.175 + 0.45)
    assert curve.at(0.125) == pytest.approx(0.3)
    assert curve.at(1.0) == 1.0
    assert curve.needed(0.3) == pytest.approx(0.125)
    assert curve.needed(0.8) == pytest.approx(0.5)
    assert curve.needed(0.0) == 0.0
    assert curve.needed(1.5) == 1.0


def test_a_pair_in_which_tasks_tell_all() -> None:
    """The strong model gains at maths, half of the questions, and nowhere else: APGR is 0.75 for who knows
    the task, and half of the calls recover all."""
    report = judged(mixed(1000, 1, strong_at_maths))
    (pair,) = report.pairs
    assert (pair.weak, pair.strong) == ("weak", "strong")
    assert pair.separated
    assert pair.gap.value == pytest.approx(0.3, abs=0.05)
    thrift, task = pair.routers["thrift"], pair.routers["task only"]
    assert task.apgr.value == pytest.approx(0.75, abs=0.04)
    assert thrift.apgr.value == pytest.approx(0.75, abs=0.04)
    assert thrift.pgr[0.5].value == pytest.approx(1.0, abs=0.08)
    assert thrift.cpt50.value == pytest.approx(0.25, abs=0.05)
    assert thrift.cpt80.value == pytest.approx(0.4, abs=0.06)
    low, high = thrift.above["random"].low, thrift.above["random"].high
    assert low is not None
    assert high is not None
    assert 0.15 < low < 0.25 < high < 0.35


def test_baselines_stand_where_they_must() -> None:
    (pair,) = judged(mixed(600, 2, strong_at_maths)).pairs
    assert pair.routers["random"].apgr == Figure(0.5, 0.5, 0.5)
    assert pair.routers["random"].cpt80.value == pytest.approx(0.8)
    oracle = pair.routers["oracle"]
    for name, each in pair.routers.items():
        assert each.apgr.value is not None
        assert oracle.apgr.value is not None
        assert oracle.apgr.value >= each.apgr.value, name


def test_text_tells_where_no_task_is_named() -> None:
    (pair,) = judged(mixed(600, 3, strong_at_maths), tasks=False).pairs
    assert pair.routers["task only"].apgr.value == pytest.approx(0.5)
    low = pair.routers["thrift"].apgr.low
    assert low is not None
    assert low > 0.6


def test_where_nothing_tells_thrift_is_no_worse_than_chance() -> None:
    found = [judged(mixed(300, seed, alike), count=40).pairs[0].routers["thrift"] for seed in range(6)]
    values = [each.apgr.value or 0.0 for each in found]
    assert sum(values) / len(values) == pytest.approx(0.5, abs=0.1)
    assert sum((each.above["random"].high or 0) < 0 for each in found) <= 1


def test_a_gap_that_may_be_none_is_told() -> None:
    even = mixed(200, 5, lambda task, model: 0.5)
    report = judged(even)
    text = as_text(report)
    assert not report.pairs[0].separated
    assert "the gap may be none" in text or "no gap" in text


def test_models_that_always_tie_leave_nothing_to_route_for() -> None:
    report = judged([(prompt, task, [good[0], good[0]]) for prompt, task, good in mixed(60, 6, alike)])
    assert report.pairs[0].routers == {}
    assert "no gap: there is nothing to route for" in as_text(report)
    assert report.pool.routers["thrift"].aiq.value == pytest.approx(report.pool.routers["random"].aiq.value)


def test_a_pool_in_which_tasks_tell_all() -> None:
    """One model is best at maths, one at trivia: together they are better than each alone."""

    def good(task: str, model: int) -> float:
        return {("maths", 0): 0.9, ("trivia", 0): 0.4, ("maths", 1): 0.4, ("trivia", 1): 0.9}.get(
            (task, model), 0.6
        )

    pool = judged(mixed(900, 7, good, 3)).pool
    thrift, chance = pool.routers["thrift"], pool.routers["random"]
    assert thrift.quality.value == pytest.approx(0.9, abs=0.04)
    assert chance.quality.value == pytest.approx(0.65, abs=0.05)
    assert (thrift.above["random"].low or 0) > 0.1
    assert (thrift.above["single models"].low or 0) > 0.1
    assert thrift.regret.value is not None
    assert thrift.regret.value < (chance.regret.value or 0)
    assert pool.routers["oracle"].regret.value == 0
    assert pool.cheapest == "weak"
    assert (pool.ece["thrift"].value or 1) < 0.06


def test_one_model_that_dominates_is_not_left() -> None:
    """Where a cheap model is best, too, every way of routing comes to it."""
    pool = judged(mixed(300, 8, lambda task, model: 0.9 if model == 0 else 0.1, 3)).pool
    assert (pool.best, pool.cheapest) == ("weak", "weak")
    assert pool.routers["thrift"].aiq.value == pytest.approx(pool.singles["weak"][1])


def test_hulls_are_level_or_rise_and_bend_one_way() -> None:
    assert hull([(3.0, 0.2), (1.0, 0.5), (2.0, 0.55), (4.0, 0.9), (5.0, 0.8)]) == [(1.0, 0.5), (4.0, 0.9)]


def test_figures_hold_their_value_and_are_told_as_missing() -> None:
    assert figure(0.5, [0.4, 0.6] * 50) == Figure(0.5, 0.4, 0.6)
    assert figure(0.7, [0.4, 0.6] * 50) == Figure(0.7, 0.4, 0.7)
    assert figure(0.5, [None, None, 0.6]) == Figure(0.5)
    assert figure(None, [0.1]) == Figure(None)
    assert figure(None, []).as_text() == "-"
    assert figure(0.5, [0.4, 0.6]).as_text(percent=True) == "50.0% [40.0%, 60.0%]"


def test_resamples_draw_as_many_and_the_same_by_seed() -> None:
    data = data_of(mixed(50, 9, alike))
    drawn = resamples(data, 20, 4)
    assert {sum(weights) for weights in drawn} == {50}
    assert drawn == resamples(data, 20, 4) != resamples(data, 20, 5)


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    """The gap of the two models is 0.2 in all these worlds."""
    held = 0
    for seed in range(40):
        data = data_of(mixed(200, 100 + seed, alike))
        gains = [each.scores[1] - each.scores[0] for each in data.questions]
        drawn = [
            sum(w * gain for w, gain in zip(weights, gains, strict=True)) / 200
            for weights in resamples(data, 100, seed)
        ]
        found = figure(sum(gains) / 200, drawn)
        held += (found.low or 0) <= 0.2 <= (found.high or 0)
    assert held >= 34


def test_pairs_are_the_best_with_each_cheaper_one_or_those_named() -> None:
    data = data_of(mixed(60, 10, lambda task, model: 0.2 + 0.3 * model, 3))
    assert pairs_of(data, []) == [(1, 2), (0, 2)]
    assert pairs_of(data, [("weak", "strong")]) == [(0, 1)]
    with pytest.raises(DataError, match="no model 'x', but weak, strong, dear"):
        pairs_of(data, [("weak", "x")])


@settings(max_examples=12, deadline=None)
@given(
    some.lists(
        some.tuples(
            some.text(min_size=8, max_size=40),
            some.sampled_from(["", "a"]),
            some.lists(some.floats(0, 1), min_size=3, max_size=3),
        ),
        min_size=10,
        max_size=25,
    )
)
def test_any_data_is_judged(rows: list[Row]) -> None:
    """Twenty rows, ties, constant columns, prompts of any characters."""
    report = judged(rows, count=5)
    json.dumps(report.as_json(), allow_nan=False)
    assert as_text(report)
    ElementTree.fromstring(draw(report))
    for pair in report.pairs:
        for each in pair.routers.values():
            assert each.apgr.value is not None
            assert 0 <= (each.cpt50.value or 0) <= 1


def test_plots_are_whole_and_need_nothing_else() -> None:
    report = judged(mixed(200, 11, strong_at_maths))
    report.data.models = ("<script>", "strong")
    text = draw(report)
    tree = ElementTree.fromstring(text)
    assert tree.tag.endswith("svg")
    assert "<desc>200 questions" in text
    assert "href" not in text
    assert len(text) < 60_000
    for name in ("thrift", "random", "oracle", "task only", "prompt length"):
        assert f">{name}</text>" in text


def written(folder: Path, rows: list[Row]) -> Path:
    path = folder / "x.jsonl"
    lines = [
        {"prompt": f"{prompt} ({number})", "task": task, "cheap-7b": good[0], "dear-70b": good[1]}
        for number, (prompt, task, good) in enumerate(rows)
    ]
    path.write_text("\n".join(map(json.dumps, lines)))
    return path


def test_the_command_prints_a_table(tmp_path: Path) -> None:
    path = written(tmp_path, mixed(200, 12, strong_at_maths))
    plot = tmp_path / "x.svg"
    done = CliRunner().invoke(route, ["eval", str(path), "--resamples", "20", "--plot", str(plot)])
    assert done.exit_code == 0, done.output
    assert "200 questions, 2 models, 2 tasks; 5 parts" in done.output
    assert "cheap-7b (0." in done.output
    assert re.search(r"^thrift +0\.\d{3} \[0\.\d{3}, \d\.\d{3}\]", done.output, re.MULTILINE)
    assert "thrift by APGR: " in done.output
    assert "thrift by AIQ: " in done.output
    assert plot.read_text().startswith("<svg")


def test_the_command_prints_one_json_object(tmp_path: Path) -> None:
    path = written(tmp_path, mixed(100, 13, strong_at_maths))
    options = ["--json", "--resamples", "10", "--price", "cheap-7b=1,2", "--pair", "cheap-7b", "dear-70b"]
    done = CliRunner().invoke(route, ["eval", str(path), *options])
    found = json.loads(done.output)
    assert found["questions"] == 100
    assert found["costs"].startswith("assumed")
    (pair,) = found["pairs"]
    assert {each["router"] for each in pair["routers"]} == {
        "thrift",
        "task only",
        "prompt length",
        "random",
        "oracle",
    }
    assert pair["routers"][0]["apgr"].keys() == {"value", "low", "high"}
    assert found["pool"]["routers"][0].keys() >= {"aiq", "regret_per_1000", "saved", "points", "above"}
    assert CliRunner().invoke(route, ["eval", str(path), *options]).output == done.output


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("prompt,a,b\nx,1,0\ny,700,0\n")
    done = CliRunner().invoke(route, ["eval", str(path)])
    assert done.exit_code != 0
    assert "row 3, column 'a': 700 is no score" in str(done.exception)
    wrong = CliRunner().invoke(route, ["eval", str(path), "--price", "a=x"])
    assert wrong.exit_code == 2
    assert "write model=0.25,1.25" in wrong.output


@pytest.mark.skipif(SHARED is None, reason="recorded outcomes are not here (POINTSMAN_SHARED)")
def test_recorded_outcomes_of_nine_models() -> None:
    """A sample of what is published, of a weak and a strong model: above every baseline that can be had."""
    from pointsman_thrift.evaluation.loading import Wanted, load

    assert SHARED is not None
    named = [("mistral-7b-instruct-v0.3", "llama-3.1-nemotron-51b-instruct")]
    data = load([SHARED / "data" / "llmrouter_scores.json"], Wanted(models=named[0]))
    assert len(data.questions) == 5608
    Random(1).shuffle(data.questions)
    data.questions = data.questions[:1200]
    report = evaluate(data, named=named, count=60, seed=1)
    thrift = report.pairs[0].routers["thrift"]
    for other in ("random", "prompt length", "task only"):
        assert (thrift.above[other].low or 0) > 0, other
    assert (report.pool.routers["thrift"].above["random"].low or 0) > 0
