"""Scores of what was judged."""

from __future__ import annotations

import pytest

from pointsman_thrift.tasks.prompt import Prompt
from pointsman_thrift.tasks.scoring import Judged, as_text, by_keywords, scores


def test_f1_is_of_each_task_and_macro_their_mean() -> None:
    found = scores(
        [
            Judged("maths", "maths", 0.9),
            Judged("maths", "trivia", 0.9),
            Judged("trivia", "trivia", 0.9),
            Judged("legal", "general", 0.3),
        ]
    )
    assert found.tasks == {"legal": 0.0, "maths": pytest.approx(2 / 3), "trivia": pytest.approx(2 / 3)}
    assert found.macro == pytest.approx(4 / 9)
    assert (found.accuracy, found.number) == (0.5, 4)
    assert found.calibration == pytest.approx((abs(3 * 0.9 - 2) + 0.3) / 4)
    assert found.confusion["maths", "trivia"] == 1


def test_confidence_that_is_right_is_off_by_nothing() -> None:
    half = [Judged("maths", "maths" if number % 2 else "trivia", 0.5) for number in range(10)]
    assert scores(half).calibration == pytest.approx(0)


def test_nothing_judged_scores_nothing() -> None:
    assert (scores([]).macro, scores([]).accuracy) == (0, 0)


def test_people_see_what_a_task_is_taken_for() -> None:
    text = as_text(scores([Judged("maths", "trivia"), Judged("maths", "maths"), Judged("trivia", "trivia")]))
    assert "trivia 1" in text.splitlines()[1]
    assert "macro-F1 0.667" in text


@pytest.mark.parametrize(
    ("prompt", "task"),
    [
        (Prompt("Translate it"), "translation"),
        (Prompt("Fix my code"), "programming"),
        (Prompt("x", tools=1), "agentic"),
        (Prompt("x"), "general"),
    ],
)
def test_the_baseline_goes_by_keywords(prompt: Prompt, task: str) -> None:
    assert by_keywords(prompt) == task
