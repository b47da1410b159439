"""The breaker."""

from __future__ import annotations

import pytest

from pointsman_balance.breaker import FIRST, IN_A_ROW, LONGEST, Breaker

QUIET = {"requests": 1.0, "share": 0.0, "peers": 0.0}


def breaker() -> Breaker:
    return Breaker(lambda: 0.5)


def fail(each: Breaker, now: float, times: int = IN_A_ROW) -> None:
    for _ in range(times):
        each.failed(now, **QUIET)


def test_failures_in_a_row_open_it_and_an_answer_between_them_does_not() -> None:
    each = breaker()
    fail(each, 0.0, IN_A_ROW - 1)
    each.succeeded()
    fail(each, 0.0, IN_A_ROW - 1)
    assert each.state(0.0) == "closed"
    fail(each, 0.0, 1)
    assert each.state(0.0) == "open"
    assert each.state(FIRST - 0.01) == "open"
    assert each.state(FIRST) == "half-open"


@pytest.mark.parametrize(
    ("requests", "share", "peers", "opens"),
    [
        (20, 0.6, 0.0, True),
        (19, 0.6, 0.0, False),
        (20, 0.4, 0.0, False),
        (100, 0.6, 0.25, False),
        (100, 0.8, 0.25, True),
    ],
)
def test_a_share_of_failures_counts_against_that_of_its_peers(
    requests: float, share: float, peers: float, opens: bool
) -> None:
    each = breaker()
    each.failed(0.0, requests=requests, share=share, peers=peers)
    assert (each.state(0.0) == "open") is opens


def test_one_request_tries_and_the_others_wait() -> None:
    each = breaker()
    fail(each, 0.0)
    each.begun(FIRST)
    assert each.state(FIRST) == "open"
    each.succeeded()
    assert each.state(FIRST) == "closed"
    assert each.until is None


def test_a_trial_that_fails_makes_the_rest_twice_as_long_up_to_a_bound() -> None:
    each, now, rests = breaker(), 0.0, []
    fail(each, now)
    for _ in range(10):
        assert each.until is not None
        rests.append(each.until - now)
        now = each.until
        each.begun(now)
        each.failed(now, **QUIET)
    assert rests[:4] == [FIRST, 2 * FIRST, 4 * FIRST, 8 * FIRST]
    assert rests[-1] == LONGEST


def test_a_trial_that_says_nothing_lets_another_one_try() -> None:
    each = breaker()
    fail(each, 0.0)
    each.begun(FIRST)
    each.left()
    assert each.state(FIRST) == "half-open"


def test_rests_are_drawn_so_that_not_all_come_back_at_once() -> None:
    rests = []
    for drawn in (0.0, 1.0):
        each = Breaker(lambda drawn=drawn: drawn)  # type: ignore[misc]
        fail(each, 0.0)
        rests.append(each.until)
    assert rests == pytest.approx([0.8 * FIRST, 1.2 * FIRST])
