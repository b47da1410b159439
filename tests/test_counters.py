"""Single counters: what they let through, hold, book and undo. `test_state` shows them at work."""

from __future__ import annotations

import math

import pytest

from pointsman.counters import A_WHILE, LENGTH, SECOND, Bucket, Demand, Quota, Seats, Window

HOUR = LENGTH["hour"]


def test_a_bucket_is_exact_in_integers() -> None:
    bucket, demand = Bucket(0, 7), Demand("k", Quota(7, "minute"))
    passed = sum(bucket.spend(demand, at * SECOND).allowed for at in range(601))
    assert passed == 7 + 70
    assert bucket.expires == math.ceil(bucket.full_at / 7)


def test_only_time_that_helps_is_named() -> None:
    bucket = Bucket(0, 10)
    bucket.spend(Demand("k", Quota(10, "minute"), 4, hold=True), 0)
    bucket.spend(Demand("k", Quota(10, "minute"), 5), 0)
    waits = [bucket.spend(Demand("k", Quota(10, "minute"), cost), 0).retry_after for cost in (1, 2, 6, 7, 11)]
    assert waits == [0.0, 12.0, 36.0, A_WHILE, math.inf]


def test_a_window_holds_uses_and_undoes() -> None:
    window = Window(0, HOUR, 0, HOUR)
    window.spend(Demand("k", Quota(10, "hour"), 4, hold=True), 0)
    window.book(Demand("k", Quota(10, "hour"), 5), 0)
    waits = [window.spend(Demand("k", Quota(10, "hour"), cost), 0).retry_after for cost in (1, 2, 6, 11)]
    assert waits == [0.0, A_WHILE, 3600.0, math.inf]
    window.undo(Demand("k", Quota(10, "hour"), 6), SECOND, -1)
    assert window.used == 6
    window.undo(Demand("k", Quota(10, "hour"), 6), SECOND, 0)
    assert (window.used, window.held) == (0, 4)


@pytest.mark.parametrize(("cost", "wait"), [(2, 0.0), (3, A_WHILE), (4, math.inf)])
def test_seats_are_taken_one_by_one(cost: int, wait: float) -> None:
    seats, quota = Seats(), Quota(3, "lease")
    assert seats.spend(Demand("k", quota, 1, hold=True), 0).remaining == 2
    verdict = seats.spend(Demand("k", quota, cost, hold=True), 0)
    assert (verdict.allowed, verdict.retry_after) == (wait == 0, wait)
    seats.book(Demand("k", quota, cost), 0)
    seats.undo(Demand("k", quota, cost), 0, 0)
    assert seats.held == (3 if wait == 0 else 1)
