"""Wrong keys, and who sends them."""

from __future__ import annotations

import pytest

from pointsman_keys import guesses
from pointsman_keys.guesses import Guesses


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def test_so_many_a_minute_and_then_a_wait() -> None:
    clock = Clock()
    counted = Guesses(3, clock)
    assert [counted.wrong("10.0.0.1") for _ in range(3)] == [None] * 3
    clock.seconds = 20
    assert counted.wrong("10.0.0.1") == 40
    assert counted.wrong("10.0.0.2") is None, "another address counts for itself"
    clock.seconds = 60
    assert counted.wrong("10.0.0.1") is None


def test_no_limit() -> None:
    counted = Guesses(0)
    assert {counted.wrong("10.0.0.1") for _ in range(1000)} == {None}


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("", "", True),
        ("unix", "", False),
    ],
)
def test_addresses_of_one_client(first: str, second: str, same: bool) -> None:
    counted = Guesses(1)
    counted.wrong(first)
    assert (counted.wrong(second) is not None) is same


def test_addresses_without_end_take_no_memory_without_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guesses, "MOST_ADDRESSES", 10)
    counted = Guesses(1)
    for number in range(100):
        counted.wrong(f"10.0.0.{number}")
    assert len(counted._seen) == 10
