"""The sample: a share of all, and no more than so many a second."""

from __future__ import annotations

from random import Random

from pointsman_thrift.tasks.sample import PER_SECOND, Sample


def test_a_share_is_taken() -> None:
    now = iter(range(100_000))
    sample = Sample(0.1, Random(1).random, lambda: float(next(now)))
    assert 900 < sum(sample.takes() for _ in range(10_000)) < 1100


def test_none_and_all_are_shares_too() -> None:
    assert not any(Sample(0, Random(1).random).takes() for _ in range(1000))
    now = iter(range(1000))
    all_of = Sample(1, Random(1).random, lambda: float(next(now)))
    assert all(all_of.takes() for _ in range(500))


def test_no_more_than_so_many_a_second() -> None:
    now = 0.0
    sample = Sample(1, Random(1).random, lambda: now)
    assert sum(sample.takes() for _ in range(1000)) == PER_SECOND
    taken = 0
    for _ in range(1000):
        now += 0.002
        taken += sample.takes()
    assert taken == 2 * PER_SECOND
    now += 3600
    assert sum(sample.takes() for _ in range(1000)) == PER_SECOND
