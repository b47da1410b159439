"""How endpoints do, as data."""

from __future__ import annotations

import pytest

from pointsman_balance.board import Board
from pointsman_balance.health import Observed
from pointsman_balance.standing import Standing, standings

IDS = ("a/model", "b/model", "c/model")
ANSWERED = Observed(answered=True, first_content=0.5, writing=2.5, input=1000, output=300)


@pytest.fixture
def board() -> Board:
    board = Board(lambda: 0.5)
    board.group(IDS, 0.0, lambda place, *_: 1e6)
    return board


def told(board: Board, now: float) -> dict[str, Standing]:
    return {each.endpoint: each for each in standings(board, now)}


def test_nobody_is_known_at_first() -> None:
    assert standings(Board(lambda: 0.5), 0.0) == []


def test_what_was_seen_is_told(board: Board) -> None:
    for seen in (ANSWERED, ANSWERED, ANSWERED, Observed(failed=True)):
        board.begun("a/model", 10.0)
        board.ended("a/model", seen, 10.0)
    board.begun("a/model", 10.0)
    found = told(board, 10.0)["a/model"]
    assert (found.state, found.back_in, found.in_flight, found.requests) == ("up", None, 1, 4.0)
    assert (found.errors, found.refusals, found.bad_tools) == (0.25, 0.0, None)
    assert found.first_content == pytest.approx((0.5, 0.5), rel=0.06)
    assert found.throughput == pytest.approx((100.0, 100.0), rel=0.06)
    assert (found.room, found.cap) == (1.0, None)


def test_nothing_is_made_up_of_one_that_had_no_requests(board: Board) -> None:
    found = told(board, 10.0)["b/model"]
    assert (found.requests, found.errors, found.first_content, found.throughput) == (0.0, None, None, None)
    assert found.share == pytest.approx(1 / 3)


def test_who_rests_and_who_asked_us_to_wait(board: Board) -> None:
    for _ in range(5):
        board.begun("a/model", 10.0)
        board.ended("a/model", Observed(failed=True), 10.0)
    board.rests.rest("b", 40.0, 10.0)
    board.group(IDS, 10.0, lambda place, *_: 1e6)
    found = told(board, 11.0)
    assert (found["a/model"].state, found["a/model"].back_in, found["a/model"].share) == ("rests", 4.0, 0.0)
    assert (found["b/model"].state, found["b/model"].back_in) == ("waits", 29.0)
    assert found["c/model"].state == "up"
    assert told(board, 15.0)["a/model"].state == "tries"
