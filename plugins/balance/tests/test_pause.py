"""The pause of an endpoint that has too much to do and does not say for how long."""

from __future__ import annotations

import pytest

from pointsman_balance.pause import LONGEST, Pause


def middle() -> float:
    """A draw that makes no pause longer or shorter."""
    return 0.5


def test_each_refusal_after_a_pause_makes_the_next_one_twice_as_long_up_to_a_bound() -> None:
    pause, now, lengths = Pause(middle), 100.0, []
    for _ in range(9):
        pause.asked(now)
        lengths.append(pause.until - now)
        now = pause.until
    assert lengths == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, LONGEST, LONGEST, LONGEST]


def test_requests_that_were_on_their_way_change_nothing() -> None:
    pause = Pause(middle)
    for _ in range(50):
        pause.asked(100.0)
    assert pause.until == 101.0
    pause.answered(100.5)
    pause.asked(101.0)
    assert pause.until == 103.0, "what was answered had been asked before the pause"


def test_an_answer_after_it_makes_the_next_one_short_again() -> None:
    pause = Pause(middle)
    for now in (100.0, 101.0, 103.0):
        pause.asked(now)
    pause.answered(107.0)
    pause.asked(110.0)
    assert pause.until == 111.0


@pytest.mark.parametrize(("drawn", "seconds"), [(0.0, 0.8), (1.0, 1.2)])
def test_pauses_are_drawn_so_that_not_all_come_back_at_once(drawn: float, seconds: float) -> None:
    pause = Pause(lambda: drawn)
    pause.asked(0.0)
    assert pause.until == pytest.approx(seconds)
