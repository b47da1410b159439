"""Hours: how they are read, and which moments are within, by the clocks of their zone."""

from __future__ import annotations

from datetime import datetime

import pytest

from pointsman.config.hours import Hours


@pytest.mark.parametrize(
    ("text", "kept", "start", "end"),
    [
        ("22:00-06:00 Europe/Paris", "22:00-06:00 Europe/Paris", 1320, 360),
        (" 00:00 - 24:00  UTC ", "00:00-24:00 UTC", 0, 1440),
        ("16:30-00:30 UTC", "16:30-00:30 UTC", 990, 30),
    ],
)
def test_hours_are_read(text: str, kept: str, start: int, end: int) -> None:
    hours = Hours.parse(text)
    assert (hours, hours.start, hours.end) == (kept, start, end)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("22:00-06:00", "names no zone"),
        ("22:00-06:00 Europe/Pari", "is not a time zone"),
        ("22:00-06:00 ../etc/passwd", "is not a time zone"),
        ("22-06 UTC", "are no hours of a day"),
        ("25:00-06:00 UTC", "are no hours of a day"),
        ("24:00-06:00 UTC", "begins before 24:00"),
        ("06:00-24:30 UTC", "ends by then"),
        ("06:00-06:00 UTC", "the whole day is 00:00-24:00"),
        ("night", "are no hours of a day"),
    ],
)
def test_what_are_no_hours_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Hours.parse(text)


@pytest.mark.parametrize(
    ("hours", "moment", "within"),
    [
        ("09:30-17:00 UTC", "2026-11-02T09:30+00:00", True),
        ("09:30-17:00 UTC", "2026-11-02T09:29:59+00:00", False),
        ("09:30-17:00 UTC", "2026-11-02T17:00+00:00", False),
        ("22:00-06:00 Europe/Paris", "2026-11-02T21:00+00:00", True),
        ("22:00-06:00 Europe/Paris", "2026-07-02T20:00+00:00", True),
        ("22:00-06:00 Europe/Paris", "2026-11-02T20:59+00:00", False),
        ("22:00-06:00 Europe/Paris", "2026-11-02T04:59+00:00", True),
        ("22:00-06:00 Europe/Paris", "2026-11-02T05:00+00:00", False),
        ("02:00-03:00 Europe/Paris", "2026-10-25T00:30+00:00", True),
        ("02:00-03:00 Europe/Paris", "2026-10-25T01:30+00:00", True),
        ("00:00-24:00 UTC", "2026-11-02T23:59+00:00", True),
    ],
)
def test_the_clocks_of_the_zone_count(hours: str, moment: str, within: bool) -> None:
    assert Hours.parse(hours).holds(datetime.fromisoformat(moment)) is within
