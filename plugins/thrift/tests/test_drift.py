"""Drift: a model that became worse is noticed, and chance is not taken for it."""

from __future__ import annotations

from random import Random

import pytest

from pointsman_thrift.quality import Quality

NOW = 1_800_000_000.0
TASKS = {"maths": 0.3, "trivia": 0.02}
"""By task, how often the first model is better."""


def told(quality: Quality, chance: Random, *, labels: int, worse: float = 0.0, maths: float = 0.5) -> None:
    """So many labels, of which a share is maths; the second model answers that much worse than before."""
    for _ in range(labels):
        task = "maths" if chance.random() < maths else "trivia"
        lost = chance.random() < TASKS[task] + worse
        quality.observe_pair(task, "a", "b", (1.0, float(not lost)), weight=1.0, at=NOW)


def test_a_model_that_became_worse_is_noticed_within_a_hundred_labels() -> None:
    for seed in range(10):
        quality, chance = Quality(), Random(seed)
        told(quality, chance, labels=2000)
        before = quality.paired("trivia", "a", "b", NOW)
        told(quality, chance, labels=100, worse=0.4)
        after = quality.paired("trivia", "a", "b", NOW)
        assert before.mean < 0.05
        assert after.n < before.n * 0.4
        told(quality, chance, labels=200, worse=0.4)
        assert quality.paired("trivia", "a", "b", NOW).mean > 0.25


def test_chance_is_no_drift() -> None:
    kept = 0
    for seed in range(20):
        quality = Quality()
        told(quality, Random(seed), labels=2000)
        kept += quality.paired("maths", "a", "b", NOW).n > 900
    assert kept >= 18


def test_other_tasks_are_no_drift() -> None:
    quality, chance = Quality(), Random(5)
    told(quality, chance, labels=1000, maths=0.1)
    told(quality, chance, labels=1000, maths=0.9)
    assert quality.paired("trivia", "a", "b", NOW).n == pytest.approx(1000, abs=60)


def test_a_model_that_became_better_is_noticed_too() -> None:
    quality, chance = Quality(), Random(6)
    told(quality, chance, labels=1000, worse=0.4)
    told(quality, chance, labels=300)
    assert quality.paired("trivia", "a", "b", NOW).mean < 0.2
