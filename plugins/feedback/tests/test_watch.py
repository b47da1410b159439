"""The watch, under a clock that stands."""

from __future__ import annotations

import pytest

from pointsman_feedback import watch as module
from pointsman_feedback.watch import Watch

ROW = {"generation_id": "gen-1"}


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_answer_is_known_for_a_while_and_found_once() -> None:
    clock = Clock()
    watch = Watch(120, clock=clock)
    watch.answered(("alice", 1), ROW, "m")
    clock.now = 120
    found = watch.asked(("alice", 1))
    assert found is not None
    assert (found.row, found.model) == (ROW, "m")
    assert watch.asked(("alice", 1)) is None
    assert not watch


def test_one_that_is_too_old_is_left_to_be_settled() -> None:
    clock = Clock()
    watch = Watch(120, clock=clock)
    watch.answered(("alice", 1), ROW, "m")
    clock.now = 121
    assert watch.asked(("alice", 1)) is None
    watch.answered(("alice", 2), {}, "m")
    assert [each.row for each in watch.kept()] == [ROW]
    assert len(watch) == 1


def test_there_is_room_for_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    watch = Watch(120, clock=Clock())
    for number in range(3):
        watch.answered(("alice", number), {}, "m")
    assert watch.asked(("alice", 0)) is None
    assert watch.asked(("alice", 2)) is not None
