"""Windows: exact to the minute, by the clocks of their zones, and never two at once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman_prices.windows import DAYS, Day, Hours, Week, Window, overlaps

ZONES = (
    "UTC",
    "Europe/Paris",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Kolkata",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
    "Pacific/Chatham",
    "Africa/Casablanca",
    "America/St_Johns",
)
WEEKDAYS: tuple[Day, ...] = DAYS[:5]
MONDAY = datetime(2026, 11, 2, tzinfo=UTC)


def window(text: str, *days: Day) -> Window:
    return Hours.parse(text), days


def at(moment: datetime, *windows: Window) -> int:
    return Week(windows).at(moment.timestamp())


@pytest.mark.parametrize(
    ("hour", "minute", "found"),
    [(0, 59, -1), (1, 0, 0), (3, 59, 0), (4, 0, -1), (5, 59, -1), (6, 0, 1), (9, 59, 1), (10, 0, -1)],
)
def test_the_first_minute_is_within_and_the_last_is_not(hour: int, minute: int, found: int) -> None:
    windows = window("01:00-04:00 UTC", *WEEKDAYS), window("06:00-10:00 UTC", *WEEKDAYS)
    assert at(MONDAY + timedelta(hours=hour, minutes=minute), *windows) == found
    assert at(MONDAY + timedelta(days=6, hours=hour, minutes=minute), *windows) == -1


def test_past_midnight_a_window_belongs_to_the_day_on_which_it_began() -> None:
    night = window("22:00-06:00 UTC", "sun")
    sunday = MONDAY - timedelta(days=1)
    assert at(sunday + timedelta(hours=5), night) == -1
    assert at(sunday + timedelta(hours=22), night) == 0
    assert at(MONDAY + timedelta(hours=5, minutes=59), night) == 0
    assert at(MONDAY + timedelta(hours=6), night) == -1
    assert at(MONDAY + timedelta(hours=22), night) == -1


def test_windows_follow_the_clocks_of_their_zone() -> None:
    night = window("22:00-06:00 Europe/Paris")
    assert at(datetime(2026, 7, 1, 20, 0, tzinfo=UTC), night) == 0
    assert at(datetime(2026, 12, 1, 20, 0, tzinfo=UTC), night) == -1
    assert at(datetime(2026, 12, 1, 21, 0, tzinfo=UTC), night) == 0


def test_the_hour_that_is_skipped_is_in_no_window_and_the_one_that_comes_twice_is_in_it_twice() -> None:
    early = window("02:30-03:30 Europe/Paris")
    forward = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
    minutes = [at(forward + timedelta(minutes=each), early) for each in range(180)]
    assert minutes.count(0) == 30
    assert minutes[60:90] == [0] * 30  # 03:00 follows 01:59
    back = datetime(2026, 10, 25, 0, 0, tzinfo=UTC)
    minutes = [at(back + timedelta(minutes=each), early) for each in range(180)]
    assert minutes.count(0) == 30 + 30 + 30  # 02:30 to 03:00 twice, then to 03:30
    assert minutes[30:60] == minutes[90:120] == [0] * 30


def test_the_next_change_is_told_to_the_minute() -> None:
    week = Week([window("01:00-04:00 UTC", *WEEKDAYS), window("22:20-22:50 Asia/Kathmandu", "sat")])
    start = MONDAY.timestamp()
    assert week.next_change(start) == start + 3600
    assert week.next_change(start + 3600) == start + 4 * 3600
    friday = start + 4 * 86400 + 4 * 3600
    assert week.next_change(friday) == datetime(2026, 11, 7, 16, 35, tzinfo=UTC).timestamp()
    assert Week([window("00:00-24:00 UTC")]).next_change(start) is None
    assert Week([]).next_change(start) is None


def test_changes_are_kept_only_while_they_are_the_next() -> None:
    week = Week([window("01:00-04:00 UTC", *WEEKDAYS)])
    start = MONDAY.timestamp()
    for _ in range(2):
        assert week.next_change(start + 60) == start + 3600
        assert week.next_change(start + 3600) == start + 4 * 3600
        assert week.next_change(start + 3599) == start + 3600
        assert week.next_change(start - 60) == start + 3600
        assert week.next_change(start + 4 * 3600) == start + 25 * 3600


def test_a_change_of_clocks_may_be_the_next_change() -> None:
    week = Week([window("02:30-03:30 Europe/Paris")])
    forward = datetime(2026, 3, 29, 0, 30, tzinfo=UTC).timestamp()
    assert week.next_change(forward) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("windows", "found"),
    [
        ([window("01:00-04:00 UTC"), window("04:00-06:00 UTC")], []),
        ([window("01:00-04:00 UTC"), window("03:59-06:00 UTC")], [(0, 1)]),
        ([window("22:00-06:00 UTC", "sun"), window("05:00-10:00 UTC", "mon")], [(0, 1)]),
        ([window("22:00-06:00 UTC", "sun"), window("05:00-10:00 UTC", "sun")], []),
        ([window("09:00-15:00 Europe/Paris"), window("09:00-10:00 America/New_York")], [(0, 1)]),
        ([window("09:00-14:00 Europe/Paris"), window("09:00-10:00 America/New_York")], []),
        ([window("01:00-02:00 UTC", "mon"), window("07:00-08:00 UTC"), window("01:30-03:00 UTC")], [(0, 2)]),
    ],
)
def test_what_overlaps_is_found(windows: list[Window], found: list[tuple[int, int]]) -> None:
    assert overlaps(windows) == found


def test_zones_overlap_also_where_only_some_weeks_of_a_year_bring_them_together() -> None:
    """New York changes its clocks weeks before Paris: for that time they are an hour nearer."""
    assert overlaps([window("14:00-14:30 Europe/Paris"), window("09:00-10:00 America/New_York")]) == [(0, 1)]


clocks = st.integers(0, 24 * 60 - 1)
zones = st.sampled_from(ZONES)
days = st.sets(st.sampled_from(DAYS), min_size=1).map(lambda chosen: tuple(sorted(chosen, key=DAYS.index)))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    start, end = draw(clocks), draw(clocks)
    if start == end:
        end = (end + 1) % (24 * 60)
    text = f"{start // 60:02}:{start % 60:02}-{end // 60:02}:{end % 60:02} {draw(zones)}"
    return Hours.parse(text), draw(days)


THIS_YEAR = datetime(datetime.now(UTC).year, 1, 1)
moments = st.datetimes(THIS_YEAR, THIS_YEAR + timedelta(days=700), timezones=st.just(UTC))


@given(windows(), moments)
def test_a_moment_is_in_a_window_as_its_clock_shows(one: Window, moment: datetime) -> None:
    hours, days = one
    local = moment.astimezone(ZoneInfo(hours.zone))
    clock = local.hour * 60 + local.minute
    today, yesterday = DAYS[local.weekday()], DAYS[local.weekday() - 1]
    if hours.start < hours.end:
        within = today in days and hours.start <= clock < hours.end
    else:
        within = (today in days and clock >= hours.start) or (yesterday in days and clock < hours.end)
    assert Week([one]).at(moment.timestamp()) == (0 if within else -1)


@settings(max_examples=25, deadline=None)
@given(st.lists(windows(), min_size=2, max_size=3), moments)
def test_every_minute_of_a_week_is_in_at_most_one_of_windows_that_do_not_overlap(
    several: list[Window], moment: datetime
) -> None:
    week = Week(several)
    crowded = any(
        len(week.all_at((moment + timedelta(minutes=minute)).timestamp())) > 1 for minute in range(0, 10_080)
    )
    assert not crowded or overlaps(several)


@settings(max_examples=50, deadline=None)
@given(windows(), moments)
def test_nothing_changes_before_the_next_change(one: Window, moment: datetime) -> None:
    week, now = Week([one]), moment.timestamp()
    change = week.next_change(now)
    assert change is not None
    before = week.at(now)
    assert week.at(change) != before
    assert {Week([one]).at(now + seconds) for seconds in range(0, int(change - now), 60)} <= {before}
