"""The corpus: prompts are the same for one seed, all of them are filled, and each task has its own."""

from __future__ import annotations

import re
from random import Random

import pytest

from pointsman_thrift.tasks.generate import ABOUT, SLOT, corpus, examples
from pointsman_thrift.tasks.names import TASKS

CORPUS = corpus()
LITERAL = {"char", "user", "pmatrix", "1", "a", "b", "c"}
"""What stays in braces: programs for role play and formulas have them."""


def test_one_seed_makes_one_set_of_prompts() -> None:
    assert examples(3, per_task=5) == examples(3, per_task=5)
    assert examples(3, per_task=5) != examples(4, per_task=5)


def test_every_task_has_as_many_prompts_and_some_that_are_kept_out() -> None:
    made = examples(1, per_task=150)
    for task in TASKS:
        of_it = [each for each in made if each.task == task]
        assert len(of_it) == 150
        assert any(each.held for each in of_it)
        assert not all(each.held for each in of_it)


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_words_and_ways_of_asking_in_several_languages(task: str) -> None:
    assert len(CORPUS.own[task]) >= 30
    assert len(CORPUS.lists[f"words:{task}"]) >= 30
    foreign = " ".join(each.text for each in CORPUS.foreign[task])
    assert re.search("[\u4e00-\u9fff]", foreign)
    assert len(CORPUS.foreign[task]) >= 10


def test_every_slot_has_a_list() -> None:
    templates = [
        each
        for kind in (CORPUS.own, CORPUS.generic, CORPUS.foreign)
        for found in kind.values()
        for each in found
    ]
    texts = [(each.text, each.it) for each in templates]
    texts += [(entry, "words:maths") for entries in CORPUS.lists.values() for entry in entries]
    missing = {
        name
        for text, it in texts
        for name in SLOT.findall(text)
        if name not in CORPUS.lists and not (name == "it" and it)
    }
    assert missing <= LITERAL
    assert not any(name.startswith(ABOUT) for name in CORPUS.own)


def test_prompts_are_filled() -> None:
    made = examples(5, per_task=200)
    left = [
        each.prompt.last
        for each in made
        if re.search(r"\{(n|it|name|noun|sentence|passage|s)\}", each.prompt.last.lower())
    ]
    assert left == []
    assert any(each.prompt.tools for each in made)
    assert any(each.prompt.earlier for each in made)
    assert any(each.prompt.system for each in made)
    assert {kind for each in made for kind in each.prompt.media} == {"image", "document"}


def test_a_choice_is_made_in_every_place() -> None:
    draw = Random(1)
    found = {CORPUS.filled("(a|b(c|d)) {digit}", draw) for _ in range(200)}
    assert {each[:-2] for each in found} == {"a", "bc", "bd"}
