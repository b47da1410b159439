"""Training: what is learned, that it is the same for one seed, and how sure the model is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pointsman_thrift.tasks.build import build, judge
from pointsman_thrift.tasks.features import features_of
from pointsman_thrift.tasks.generate import Example
from pointsman_thrift.tasks.names import TASKS
from pointsman_thrift.tasks.prompt import Prompt
from pointsman_thrift.tasks.training import Training, temperature_of, trained

TRAINING = Training(epochs=4)
FRUITS, TOOLS = ("apple", "pear", "plum", "cherry"), ("hammer", "saw", "drill", "chisel")
MADE = [
    *(Example("health", Prompt(f"eat a {one} and a {two}")) for one in FRUITS for two in FRUITS),
    *(Example("technology", Prompt(f"use a {one} and a {two}")) for one in TOOLS for two in TOOLS),
]


def test_words_decide() -> None:
    model = trained(MADE, TRAINING)
    for text, task in (("a plum please", "health"), ("where is my drill", "technology")):
        chances = model.probabilities(features_of(Prompt(text)))
        assert TASKS[chances.index(max(chances))] == task


def test_one_seed_trains_one_model_and_progress_is_told() -> None:
    told: list[int] = []
    first, second = trained(MADE, TRAINING, told.append), trained(MADE, TRAINING)
    assert (first.rows, first.scale) == (second.rows, second.scale)
    assert trained(MADE, replace(TRAINING, seed=2)).rows != first.rows
    assert told == [1, 2, 3, 4]


def test_what_is_rare_is_not_learned() -> None:
    model = trained([*MADE, Example("legal", Prompt("habeas"))], replace(TRAINING, rare=3))
    word = features_of(Prompt("habeas")).words
    assert not word & set(model.rows)


def test_a_model_that_is_too_sure_is_made_less_sure() -> None:
    model = trained(MADE, TRAINING)
    wrong = [replace(each, task="health" if each.task == "technology" else "technology") for each in MADE]
    assert temperature_of(model, MADE) < temperature_of(model, [*MADE, *wrong[:12]])


def test_shape_alone_can_decide() -> None:
    made = [Example("agentic" if tools else "general", Prompt("do it", tools=tools)) for tools in (0, 1) * 20]
    model = trained(made, TRAINING)
    for tools, task in ((1, "agentic"), (0, "general")):
        chances = model.probabilities(features_of(Prompt("do it", tools=tools)))
        assert TASKS[chances.index(max(chances))] == task


@pytest.fixture(scope="module")
def own() -> list[Example]:
    words = ("blorp", "zindel", "quaxo", "mirvel", "tranko")
    return [
        Example("legal", Prompt(f"{one} the {two} of case {number}"), held=number % 5 == 0)
        for number, (one, two) in enumerate((one, two) for one in words for two in words)
    ]


def test_an_operators_prompts_are_heard_among_those_that_are_made(own: list[Example]) -> None:
    said: list[str] = []
    built = build(own, seed=1, per_task=30, training=Training(epochs=2), progress=said.append)
    assert built.own is not None
    assert built.own.accuracy == 1
    assert built.made.number > 30
    assert judge(built.model, own).tasks["legal"] == 1
    assert said[-1] == "whole model: 2/2"


def test_without_own_prompts_there_is_no_score_of_them() -> None:
    assert build([], seed=1, per_task=5, training=Training(epochs=1)).own is None
