"""Moments: days by the clocks of a zone, and moments with their offsets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from pointsman_routes.moments import Days, Moment


@pytest.mark.parametrize(
    ("text", "numbers", "zone"),
    [
        ("sat", {5}, "UTC"),
        ("sat, sun", {5, 6}, "UTC"),
        ("mon-fri Europe/Paris", {0, 1, 2, 3, 4}, "Europe/Paris"),
        ("fri - mon,wed UTC", {4, 5, 6, 0, 2}, "UTC"),
        ("sun-sun", {6}, "UTC"),
    ],
)
def test_days_are_read(text: str, numbers: set[int], zone: str) -> None:
    days = Days.parse(text)
    assert (days.numbers, days.zone) == (numbers, zone)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("saturday", "are no days; a day is one of mon, tue"),
        ("", "are no days"),
        ("sat,", "are no days"),
        ("Europe/Paris", "are no days"),
        ("sat Europe/Pari", "is not a time zone"),
    ],
)
def test_what_are_no_days_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Days.parse(text)


def test_the_day_is_that_of_the_zone() -> None:
    friday_evening = datetime(2026, 11, 27, 23, 30, tzinfo=UTC)
    assert not Days.parse("sat").holds(friday_evening)
    assert Days.parse("sat Europe/Paris").holds(friday_evening)
    assert Days.parse("fri America/New_York").holds(friday_evening)


def test_a_moment_says_its_offset() -> None:
    assert Moment.parse("2026-11-28T03:00+01:00").at == datetime(2026, 11, 28, 2, tzinfo=UTC)
    assert Moment.parse("2026-11-28T03:00Z").at == datetime(2026, 11, 28, 3, tzinfo=UTC)
    with pytest.raises(ValueError, match="does not say its offset from UTC"):
        Moment.parse("2026-11-28T03:00")
    with pytest.raises(ValueError, match="is not a moment"):
        Moment.parse("tomorrow")
