"""Weights: what is saved is read again, and what is no such file is refused."""

from __future__ import annotations

from math import sqrt
from pathlib import Path

import pytest

from pointsman_thrift.tasks.features import Features, features_of
from pointsman_thrift.tasks.names import TASKS
from pointsman_thrift.tasks.prompt import Prompt
from pointsman_thrift.tasks.weights import (
    BEFORE,
    SHAPE,
    SHIPPED,
    WORDS,
    BadWeights,
    Model,
    load,
    save,
)


def row(**weights: float) -> list[float]:
    return [weights.get(task, 0.0) for task in TASKS]


def test_a_model_adds_up_what_its_features_weigh() -> None:
    model = Model.of({1: row(maths=1.27), 2: row(maths=-0.5, legal=0.3), 3: row(legal=1.0)}, most=10)
    found = dict(zip(TASKS, model.logits(Features(frozenset({1, 2}), frozenset({2}), (3, 99))), strict=True))
    assert found["maths"] == pytest.approx((1.27 - 0.5) * WORDS / sqrt(2) - 0.5 * BEFORE, abs=0.01)
    assert found["legal"] == pytest.approx(0.3 * WORDS / sqrt(2) + 0.3 * BEFORE + SHAPE, abs=0.01)
    assert found["trivia"] == 0


def test_any_number_of_features_is_added_right() -> None:
    model = Model.of({bucket: row(maths=1.0, legal=-1.0) for bucket in range(5000)}, most=5000)
    logits = model.logits(Features(frozenset(range(5000)), frozenset(), ()))
    assert logits[TASKS.index("maths")] == pytest.approx(WORDS * 5000 / sqrt(5000))
    assert logits[TASKS.index("legal")] == pytest.approx(-WORDS * 5000 / sqrt(5000))


def test_probabilities_add_up_and_temperature_flattens_them() -> None:
    model = Model.of({1: row(maths=2.0)}, most=1)
    sharp = model.probabilities(Features(frozenset({1}), frozenset(), ()))
    assert sum(sharp) == pytest.approx(1)
    model.temperature = 5.0
    assert max(model.probabilities(Features(frozenset({1}), frozenset(), ()))) < max(sharp)


def test_only_the_heaviest_are_kept() -> None:
    model = Model.of({1: row(maths=0.1), 2: row(legal=-3.0), 3: row(trivia=1.0)}, most=2)
    assert set(model.rows) == {2, 3}


def test_what_is_saved_is_read_again(tmp_path: Path) -> None:
    model = Model.of({7: row(maths=1.5), 65_535: row(legal=-0.5)}, most=10)
    model.temperature = 1.25
    size = save(model, tmp_path / "w")
    assert size == (tmp_path / "w").stat().st_size
    again = load(tmp_path / "w")
    assert (dict(again.rows), again.scale, again.temperature) == (dict(model.rows), model.scale, 1.25)


def damaged(whole: bytes, how: str) -> bytes:
    head, _, rest = whole.partition(b"}\n")
    return {
        "empty": b"",
        "other": b"PK\x03\x04 something else",
        "cut": whole[: len(whole) // 2],
        "flipped": whole[:-9] + bytes([whole[-9] ^ 255]) + whole[-8:],
        "no head": whole[:30],
        "version": whole.replace(b'"version": 1', b'"version": 9', 1),
        "tasks": whole.replace(b'"academia"', b'"acrobats"', 1),
        "numbers": head.replace(b'"scale": ', b'"scale": "x", "was": ') + b"}\n" + rest,
        "more": whole.replace(b'"buckets": 2', b'"buckets": 3', 1),
    }[how]


@pytest.mark.parametrize(
    "how", ["empty", "other", "cut", "flipped", "no head", "version", "tasks", "numbers", "more"]
)
def test_what_is_no_file_of_weights_is_refused(tmp_path: Path, how: str) -> None:
    file = tmp_path / "w"
    save(Model.of({7: row(maths=1.5), 9: row(legal=-0.5)}, most=10), file)
    file.write_bytes(damaged(file.read_bytes(), how))
    with pytest.raises(BadWeights, match="pointsman route train"):
        load(file)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadWeights, match="cannot be read: No such file"):
        load(tmp_path / "none")


def test_what_is_shipped_is_small_and_knows_something() -> None:
    assert SHIPPED.stat().st_size < 300_000
    chances = load(SHIPPED).probabilities(features_of(Prompt("Write a Python function that sorts a list.")))
    assert TASKS[chances.index(max(chances))] == "programming"
