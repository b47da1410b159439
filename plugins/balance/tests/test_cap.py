"""The traffic cap."""

from __future__ import annotations

import pytest

from pointsman_balance.cap import TrafficCap


def send(cap: TrafficCap, start: float, seconds: float, rate: float) -> float:
    """`rate` requests a minute; the time afterwards."""
    for number in range(int(seconds * rate / 60)):
        cap.begun(start + number * 60 / rate)
    return start + seconds


def test_the_rate_is_that_of_a_steady_stream() -> None:
    cap = TrafficCap()
    now = send(cap, 0.0, 900.0, 120.0)
    assert cap.rate(now) == pytest.approx(120.0, rel=0.03)


def test_without_a_refusal_there_is_no_cap() -> None:
    cap = TrafficCap()
    now = send(cap, 0.0, 600.0, 1000.0)
    assert cap.cap(now) is None
    assert cap.factor(now) == 1.0


def test_a_refusal_takes_a_fifth_and_minutes_give_it_back() -> None:
    cap = TrafficCap()
    now = send(cap, 0.0, 900.0, 100.0)
    cap.refused(now)
    assert cap.cap(now) == pytest.approx(80.0, rel=0.03)
    assert cap.factor(now) < 0.5
    assert cap.cap(now + 300) == pytest.approx(80.0 * 1.05**5, rel=0.03)
    cap.refused(now)
    assert cap.cap(now) == pytest.approx(64.0, rel=0.03)


def test_a_cap_that_nothing_comes_near_is_forgotten() -> None:
    cap = TrafficCap()
    now = send(cap, 0.0, 900.0, 600.0)
    cap.refused(now)
    assert cap.factor(now + 3600) == 1.0
    assert cap.cap(now + 3600) is None
