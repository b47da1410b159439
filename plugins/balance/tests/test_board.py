"""The order in which a group is tried."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from pointsman_balance import board
from pointsman_balance.board import PRICED, TICK, Board, Group
from pointsman_balance.health import Observed

IDS = ("a/model", "b/model", "c/model", "d/model")
ANSWERED = Observed(answered=True, first_content=0.5, writing=3.0, input=1000, output=300)


class Trial:
    def __init__(self, *prices: float | None) -> None:
        self.board = Board(lambda: 0.5)
        self.prices = prices
        self.ids = IDS[: len(prices)]
        self.chance = Random(5)
        self.asked = 0

    def quote(self, place: int, given: float, cached: float, written: float) -> float | None:
        self.asked += 1
        return self.prices[place]

    def rank(self, now: float) -> list[int]:
        return self.board.rank(self.board.group(self.ids, now, self.quote), now, self.chance)[0]

    def first(self, now: float, times: int = 2000) -> Counter[int]:
        return Counter(self.rank(now)[0] for _ in range(times))

    def attempt(self, place: int, seen: Observed, now: float, times: int = 1) -> None:
        for _ in range(times):
            self.board.begun(self.ids[place], now)
            if seen.wait is not None:
                self.board.rests.rest(self.ids[place], now + seen.wait, now)
            self.board.ended(self.ids[place], seen, now)


def test_the_cheapest_comes_first_most_of_the_time_and_the_others_now_and_then() -> None:
    first = Trial(1e6, 2e6, 3e6).first(0.0)
    assert first[0] > 1900
    assert first[1] + first[2] > 0


def test_endpoints_that_clients_make_up_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(board, "MOST_KNOWN", 20)
    trial = Trial(1e6, 2e6)
    trial.rank(0.0)
    trial.attempt(0, ANSWERED, 0.0, times=9)
    trial.board.begun(IDS[1], 0.0)
    trial.prices = (1.0, 1.0)
    for number in range(500):
        trial.board.group((f"a/{number}", f"b/{number}"), 0.0, trial.quote)
        assert len(trial.board.known()) <= 22
    assert {*IDS[:2]} <= trial.board.known().keys(), "who is asked, and who is busy, stays"
    assert trial.board.health(IDS[1]).in_flight == 1
    assert all(len(each) <= 22 for each in (trial.board._peers, trial.board._since, trial.board._within))


def test_weights_hold_for_a_tick_and_prices_for_longer() -> None:
    trial = Trial(1e6, 1e6)

    def weighed(now: float) -> Group:
        return trial.board.group(trial.ids, now, trial.quote)

    first = weighed(0.0)
    asked = trial.asked
    assert weighed(TICK - 0.01) is first
    assert weighed(TICK) is not first
    assert weighed(PRICED - 0.01).at == PRICED - 0.01
    assert trial.asked == asked
    weighed(PRICED + TICK)
    assert trial.asked == 2 * asked
    trial.board.price_anew()
    weighed(PRICED + TICK)
    assert trial.asked == 3 * asked, "after a change of the configuration"


def test_one_that_rests_comes_last_and_is_tried_by_one_request_afterwards() -> None:
    trial = Trial(1e6, 1e6, 1e6)
    trial.rank(0.0)
    trial.attempt(0, Observed(failed=True), 0.0, times=5)
    assert all(trial.rank(1.0)[-1] == 0 for _ in range(50))
    assert trial.first(5.5)[0] > 0
    trial.board.begun(IDS[0], 5.5)
    assert all(trial.rank(5.6)[-1] == 0 for _ in range(50))


def test_what_asks_us_to_wait_is_left_alone_at_once() -> None:
    trial = Trial(1e6, 1e6)
    trial.rank(0.0)
    trial.attempt(0, Observed(refused=True, wait=10.0), 0.0)
    assert trial.first(0.01)[0] == 0
    assert trial.first(10.5)[0] > 0


def test_one_request_tries_however_the_others_are_grouped() -> None:
    trial = Trial(1e6, 1e6, 1e6)
    pair = IDS[:2]
    trial.rank(0.0)
    trial.attempt(0, Observed(failed=True), 0.0, times=5)

    def rank_pair(now: float) -> list[int]:
        return trial.board.rank(trial.board.group(pair, now, trial.quote), now, trial.chance)[0]

    rank_pair(5.5)
    trial.rank(5.5)
    trial.board.begun(IDS[0], 5.5)
    assert {rank_pair(5.6)[0] for _ in range(50)} == {1}
    assert 0 not in trial.first(5.6, times=50)


def test_at_most_half_of_a_group_rests() -> None:
    trial = Trial(1e6, 1e6, 1e6, 1e6)
    trial.rank(0.0)
    for place in range(4):
        trial.attempt(place, Observed(failed=True), 0.0, times=5 + place)
    first = trial.first(1.0)
    assert set(first) == {0, 1}
    assert {*trial.rank(1.0)[2:]} == {2, 3}


def test_the_last_one_never_rests() -> None:
    trial = Trial(1e6)
    trial.attempt(0, Observed(failed=True), 0.0, times=50)
    assert trial.rank(1.0) == [0]
    weight = trial.board.group(trial.ids, 1.0, trial.quote).weights[0]
    assert weight.weight > 0


def test_where_all_must_wait_the_soonest_back_comes_first() -> None:
    trial = Trial(1e6, 1e6, 1e6)
    trial.rank(0.0)
    for place, wait in enumerate((30.0, 10.0, 20.0)):
        trial.attempt(place, Observed(refused=True, wait=wait), 0.0)
    assert trial.rank(1.0) == [1, 2, 0]


def test_of_two_replicas_the_less_busy_one_is_taken() -> None:
    trial = Trial(0.0, 0.0)
    for place in range(2):
        trial.attempt(place, ANSWERED, 0.0, times=5)
    for _ in range(3):
        trial.board.health(IDS[0]).begun(0.0)
    assert trial.first(0.0)[1] == 2000


@pytest.mark.parametrize("prices", [(1e6, 1.05e6), (None, 1e6)])
def test_endpoints_of_different_prices_are_no_replicas(prices: tuple[float | None, float]) -> None:
    trial = Trial(*prices)
    trial.board.health(IDS[1]).begun(0.0)
    group = trial.board.group(trial.ids, 0.0, trial.quote)
    assert group.same == (0, 1)


def test_nothing_is_lost_of_what_is_ranked() -> None:
    trial, chance = Trial(1e6, None, 0.0, 5e6), Random(9)
    for number in range(500):
        now = number * 0.1
        assert sorted(trial.rank(now)) == [0, 1, 2, 3]
        kind = chance.choice([ANSWERED, Observed(failed=True), Observed(refused=True, wait=2.0), Observed()])
        trial.attempt(chance.randrange(4), kind, now)


def test_of_two_replicas_one_that_comes_back_gets_its_small_share() -> None:
    trial = Trial(1e6, 1e6)
    trial.rank(0.0)
    trial.attempt(1, ANSWERED, 0.0, times=20)
    trial.attempt(0, ANSWERED, 0.0, times=20)
    trial.attempt(0, Observed(failed=True), 0.0, times=5)
    trial.board.begun(IDS[0], 5.5)
    trial.board.ended(IDS[0], ANSWERED, 5.5)
    assert 0 < trial.first(6.0)[0] < 500


def test_a_replica_of_which_nothing_is_known_is_thought_to_be_as_the_other() -> None:
    trial = Trial(1e6, 1e6)
    trial.rank(0.0)
    trial.attempt(0, ANSWERED, 0.0, times=20)
    trial.board.begun(IDS[1], 0.0)
    assert trial.first(0.3)[0] > 1500, "the other has a request under way"


def test_what_had_begun_before_an_endpoint_was_watched_is_not_taken_from_what_is_under_way() -> None:
    board = Board(lambda: 0.5)
    board.begun("a/m", 1.0)  # the only endpoint there was
    board.group(["a/m", "b/m"], 2.0, lambda *_: 1.0)
    board.begun("a/m", 3.0)
    board.ended("a/m", Observed(answered=True, writing=1.0), 4.0, 1.0)
    assert board.health("a/m").in_flight == 1
    board.ended("a/m", Observed(answered=True, writing=1.0), 5.0, 3.0)
    assert board.health("a/m").in_flight == 0


def test_groups_that_are_weighed_anew_leave_nothing_behind() -> None:
    """Requests may name any of the endpoints, so that there are as many groups as there are ways to."""
    board = Board(lambda: 0.5)
    for number in range(50):
        now = 100.0 * number
        board.group(["a/m", "b/m", f"{number}/m"], now, lambda *_: 1.0)
        for _ in range(5):
            board.begun("a/m", now)
            board.ended("a/m", Observed(failed=True), now, now)
        board.begun("a/m", now + 50)
        board.ended("a/m", Observed(answered=True), now + 50, now + 50)
    assert board._groups == {}
    assert not any(board._within.values())


def test_who_asked_to_be_left_alone_is_known_until_the_moment_when_it_is_back() -> None:
    """Within one weighing: what is found of a group is kept, and not longer than it is so."""
    trial = Trial(*[1e6] * 3)
    group = trial.board.group(trial.ids, 0.0, trial.quote)
    assert group.taking(0.0).left_out == 0
    trial.board.rests.rest(trial.ids[0], 0.1, 0.0)
    assert group.taking(0.0).weights[0] == 0.0
    assert group.taking(0.05) is group.taking(0.06)
    trial.board.rests.rest(trial.ids[1], 0.2, 0.05)
    assert [weight > 0 for weight in group.taking(0.07).weights] == [False, False, True]
    assert [weight > 0 for weight in group.taking(0.15).weights] == [True, False, True]
    assert group.taking(0.2) is group.lots
