"""Days, weeks and months of zones, and the time by which they pass."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman_budgets.windows import Clock, Per, Window, Zone, window_at

ZONES = [
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Havana",  # midnight comes twice
    "Africa/Cairo",  # midnight is skipped
    "Asia/Beirut",
    "Asia/Kathmandu",  # a quarter of an hour
    "Australia/Lord_Howe",  # half an hour of summer time
    "Pacific/Apia",  # a whole day was skipped
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("per", "zone", "moment", "start", "end"),
    [
        ("day", "UTC", "2026-11-26T23:59:59", "2026-11-26T00:00", "2026-11-27T00:00"),
        ("day", "UTC", "2026-11-27T00:00:00", "2026-11-27T00:00", "2026-11-28T00:00"),
        ("week", "UTC", "2026-11-26T12:00", "2026-11-23T00:00", "2026-11-30T00:00"),
        ("month", "UTC", "2026-11-30T23:59", "2026-11-01T00:00", "2026-12-01T00:00"),
        ("month", "UTC", "2028-02-29T12:00", "2028-02-01T00:00", "2028-03-01T00:00"),
        ("month", "UTC", "2026-12-31T12:00", "2026-12-01T00:00", "2027-01-01T00:00"),
        ("month", "America/New_York", "2026-12-01T03:00", "2026-11-01T04:00", "2026-12-01T05:00"),
        ("day", "Europe/Paris", "2026-03-29T12:00", "2026-03-28T23:00", "2026-03-29T22:00"),  # 23 hours
        ("day", "Europe/Paris", "2026-10-25T12:00", "2026-10-24T22:00", "2026-10-25T23:00"),  # 25 hours
        ("week", "Europe/Paris", "2026-03-28T12:00", "2026-03-22T23:00", "2026-03-29T22:00"),
        ("day", "America/Havana", "2026-11-01T12:00", "2026-11-01T04:00", "2026-11-02T05:00"),
        ("day", "Africa/Cairo", "2026-04-24T12:00", "2026-04-23T22:00", "2026-04-24T21:00"),
        ("day", "Pacific/Apia", "2011-12-30T09:59", "2011-12-29T10:00", "2011-12-30T10:00"),
        ("day", "Pacific/Apia", "2011-12-30T10:00", "2011-12-30T10:00", "2011-12-31T10:00"),
    ],
)
def test_windows_begin_at_midnight_where_their_zone_is(
    per: Per, zone: str, moment: str, start: str, end: str
) -> None:
    assert window_at(per, zone, utc(moment)) == Window(utc(start), utc(end))


def test_a_lifetime_neither_begins_nor_ends() -> None:
    assert window_at("lifetime", "UTC", utc("2026-11-26")) == Window(None, None)


@given(
    st.sampled_from(["day", "week", "month"]),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 12, 31)),
)
def test_every_moment_is_in_one_window_and_the_next_begins_where_it_ends(
    per: Per, zone: str, naive: datetime
) -> None:
    moment = naive.replace(tzinfo=UTC)
    start, end = window_at(per, zone, moment)
    assert start is not None
    assert end is not None
    assert start <= moment < end
    assert (
        window_at(per, zone, start) == window_at(per, zone, end - timedelta(microseconds=1)) == (start, end)
    )
    assert window_at(per, zone, end)[0] == end
    local = start.astimezone(ZoneInfo(zone))
    assert per != "month" or local.day == 1
    assert per != "week" or local.weekday() == 0 or zone == "Pacific/Apia"


@pytest.mark.parametrize("text", ["UTC", "Europe/Paris", "America/Argentina/Buenos_Aires"])
def test_a_zone_is_known_by_its_name(text: str) -> None:
    assert Zone.parse(text) == text


@pytest.mark.parametrize(
    "text", ["", "Paris", "Europe/", "../etc/passwd", "/etc/passwd", "CEST", "Europe/Pariss"]
)
def test_what_is_no_zone_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        Zone.parse(text)


@pytest.mark.parametrize("jump", [-2 * 86_400, 2 * 86_400])
def test_a_jump_of_the_wall_clock_moves_nothing(jump: float) -> None:
    wall, steady = [1_800_000_000.0], [50.0]
    clock = Clock(lambda: wall[0], lambda: steady[0])
    assert clock.now() == 1_800_000_000
    wall[0] += jump
    steady[0] += 10
    assert clock.now() == 1_800_000_010


def test_a_clock_goes_on_from_now() -> None:
    assert abs(Clock().now() - datetime.now(UTC).timestamp()) < 60
