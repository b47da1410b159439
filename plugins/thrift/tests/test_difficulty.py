"""Difficulty: what is learned from paired answers, and what is not learned where there is nothing."""

from __future__ import annotations

import json
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as some

from pointsman_thrift.difficulty import Anchored, Blend, features
from pointsman_thrift.difficulty.features import BUCKETS, SHAPE
from pointsman_thrift.difficulty.ridge import Standard, ridge
from pointsman_thrift.difficulty.words import Words
from pointsman_thrift.equations import solve

from .worlds import Row, alike, facts, mixed, strong_at_maths, sums

MODELS = ["weak", "strong"]


def taught(rows: list[Row], *, tasks: bool = False) -> Blend:
    """A blend of these rows."""
    return Blend.fit(MODELS, [(features(prompt, task if tasks else ""), good) for prompt, task, good in rows])


@given(some.text(max_size=3000))
def test_any_text_has_features(text: str) -> None:
    found = features(text)
    assert len(found.shape) == SHAPE
    assert len({*found.tokens}) == len(found.tokens)
    assert all(0 <= token < BUCKETS for token in found.tokens)
    assert all(abs(each) < 1e4 for each in found.shape)


def test_features_are_the_same_in_every_process() -> None:
    """They are stored with weights: a hash that is seeded anew at each start would not do."""
    assert sorted(features("How many apples?").tokens)[:3] == [6609, 28901, 30820]


def test_features_know_how_a_prompt_begins_and_ends() -> None:
    first, last = (set(features(text).tokens) for text in ("write code", "code write"))
    assert first & last
    assert first - last
    assert last - first


def test_long_prompts_are_read_at_both_ends() -> None:
    middle = " word" * 5000
    base, other = (features(f"{middle}{end}").tokens for end in (" why?", " how?"))
    assert set(base) != set(other)
    assert len(base) < 60


def test_equations_are_solved() -> None:
    assert solve([[0.0, 2.0], [4.0, 0.0]], [[6.0], [8.0]]) == [[2.0], [3.0]]
    assert solve([[1.0, 1.0], [1.0, 1.0]], [[2.0], [2.0]]) == [[2.0], [0.0]]


def test_ridge_finds_a_line_and_shrinks_it() -> None:
    rows = [[1.0, x / 10] for x in range(100)]
    targets = [[2.0 + 3.0 * x, -x] for _, x in rows]
    exact = ridge(rows, targets, 1e-9)
    assert exact[0] == pytest.approx([2.0, 3.0])
    assert exact[1] == pytest.approx([0.0, -1.0], abs=1e-6)
    assert abs(ridge(rows, targets, 1e6)[0][1]) < 0.1


def test_columns_that_do_not_vary_count_nothing() -> None:
    standard = Standard.of([[1.0, 5.0], [3.0, 5.0]])
    assert standard([3.0, 5.0]) == [1.0, 0.0]
    assert standard([3.0, 99.0]) == [1.0, 0.0]


def test_words_learn_what_tells_rows_apart() -> None:
    rows = [[1, 2] if number % 2 else [1, 3] for number in range(400)]
    model = Words.fit(rows, [[1.0, -1.0] if number % 2 else [-1.0, 1.0] for number in range(400)])
    odd, even = model.predict([1, 2]), model.predict([1, 3])
    assert odd[0] > 0.5 > -0.5 > even[0]
    assert odd[1] == pytest.approx(-odd[0])
    assert model.predict([77]) == [0.0, 0.0]


@pytest.mark.parametrize("tasks", [False, True])
def test_a_blend_learns_where_the_strong_model_is_needed(tasks: bool) -> None:
    blend = taught(mixed(400, 1, strong_at_maths), tasks=tasks)
    chance = Random(9)
    gains = {"maths": [], "trivia": []}  # type: dict[str, list[float]]
    for _ in range(50):
        for task, prompt in (("maths", sums(chance)), ("trivia", facts(chance))):
            weak, strong = blend.predict(features(prompt, task if tasks else ""))
            gains[task].append(strong - weak)
    assert min(gains["maths"]) > max(gains["trivia"])
    assert sum(gains["maths"]) / 50 == pytest.approx(0.6, abs=0.2)
    assert sum(gains["trivia"]) / 50 == pytest.approx(0.0, abs=0.2)
    assert blend.slope > 0.7


def test_where_nothing_tells_a_blend_says_little() -> None:
    blend = taught(mixed(400, 2, alike))
    chance = Random(4)
    found = [blend.gains(features(sums(chance)))["strong"] for _ in range(100)]
    assert max(map(abs, found)) < 0.15


def test_gains_are_beside_the_others() -> None:
    blend = taught(mixed(300, 3, strong_at_maths))
    gains = blend.gains(features(sums(Random(1))))
    assert gains.keys() == {"weak", "strong"}
    assert gains["weak"] == pytest.approx(-gains["strong"], abs=0.02)
    assert gains["strong"] > 0.05


def test_the_same_rows_teach_the_same() -> None:
    rows = mixed(120, 5, strong_at_maths)
    assert taught(rows).as_json() == taught(rows).as_json()


def test_a_blend_survives_being_stored() -> None:
    blend = taught(mixed(200, 6, strong_at_maths), tasks=True)
    read = Blend.of_json(json.loads(json.dumps(blend.as_json())))
    prompt = features(sums(Random(2)), "maths")
    assert read.predict(prompt) == pytest.approx(blend.predict(prompt), abs=1e-3)
    assert read.gains(prompt) == pytest.approx(blend.gains(prompt), abs=1e-3)


@pytest.mark.parametrize("data", [{}, {"version": 9}, {"version": 1, "shape": [[], []], "words": None}])
def test_other_data_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="blend"):
        Blend.of_json(data)


def test_without_answers_there_is_nothing_to_learn() -> None:
    with pytest.raises(ValueError, match="outcome of each model"):
        Blend.fit(MODELS, [])
    with pytest.raises(ValueError, match="outcome of each model"):
        Blend.fit(MODELS, [(features("x"), [1.0])])


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_few_rows_do_no_harm(count: int) -> None:
    blend = taught(mixed(count, 7, strong_at_maths), tasks=True)
    assert all(0 <= each <= 1 for each in blend.predict(features("What?")))


def test_columns_that_are_constant_do_no_harm() -> None:
    rows: list[Row] = [("same prompt", "", [0.0, 1.0])] * 30
    assert taught(rows).predict(features("same prompt")) == pytest.approx([0.0, 1.0])
    tied: list[Row] = [(f"prompt {number}", "", [1.0, 1.0]) for number in range(30)]
    assert taught(tied).gains(features("prompt 3")) == {"weak": 0.0, "strong": 0.0}


def test_gains_are_learned_pair_by_pair() -> None:
    found = Anchored("strong")
    chance = Random(3)
    for prompt, task, (weak, strong) in mixed(300, 8, strong_at_maths):
        found.observe(features(prompt, task), ("weak", "strong"), (weak, strong))
        found.observe(features(prompt, task), ("strong", "same"), (strong, strong))
        found.observe(features(prompt, task), ("weak", "same"), (weak, strong))
    found.observe(features("x"), ("strong", "rare"), (1.0, 0.0))
    assert found.gains(features("x")) == {}
    assert found.learn() == ["same", "weak"]
    hard, easy = (
        found.gains(features(make(chance), task)) for make, task in ((sums, "maths"), (facts, "trivia"))
    )
    assert hard["weak"] < -0.15 < 0.15 < easy["weak"]
    assert hard["same"] == easy["same"] == 0.0
    read = Anchored.of_json(json.loads(json.dumps(found.as_json())))
    assert read.gains(features("How many?", "maths")) == pytest.approx(
        found.gains(features("How many?", "maths")), abs=1e-3
    )
    with pytest.raises(ValueError, match="nothing that was learned"):
        Anchored.of_json({"version": 1})
