"""Reports: exact sums over any span, what is unpriced, and times."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointsman.ledger import reader
from pointsman_usage.report import COLUMNS, GROUPS, UNITS, Filters, as_table, cover, groups, moment

Write = Callable[..., None]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def grouped(base: Path, by: str = "model", *, limit: int = 100, **options: Any) -> list[dict[str, Any]]:
    with reader("sqlite:///pointsman.db", base) as ledger:
        return groups(ledger, by, limit=limit, **options)


FAILED = {
    "outcome": "failed",
    "input_tokens": None,
    "output_tokens": None,
    "cache_read_tokens": None,
    "cache_write_tokens": None,
    "reasoning_tokens": None,
    "cost_nano": None,
    "billed_nano": None,
    "first_content_ms": None,
}


def test_a_group_sums_tokens_cost_errors_and_what_is_unpriced(write: Write, tmp_path: Path) -> None:
    write(
        {"cost_nano": 1, "total_ms": 100.0, "saved_nano": 7, "reported_nano": 2},
        {"cost_nano": 999_999_999, "total_ms": 300.0, "saved_nano": 5, "reported_nano": 999_999_998},
        {"cost_nano": None, "billed_nano": None, "total_ms": 200.0},
        {**FAILED, "total_ms": 9000.0},
        {"outcome": "incomplete", "total_ms": 9000.0, "cost_nano": None, "billed_nano": None},
        {"outcome": "cancelled", "total_ms": 9000.0},
    )
    assert grouped(tmp_path) == [
        {
            "model": "acme/large",
            "requests": 6,
            "complete": 3,
            "errors": 2,
            "cancelled": 1,
            "cached": 0,
            "input_tokens": 5000,
            "output_tokens": 250,
            "cache_read_tokens": 3000,
            "cache_write_tokens": 500,
            "reasoning_tokens": 100,
            "cost_nano": 1_003_750_000,
            "billed_nano": 12_375_000,
            "unpriced": 2,
            "saved_nano": 12,
            "drifted": 1,
            "mean_first_content_ms": 40.0,
            "mean_ms": 200.0,
            "cost_usd": "1.00375",
            "billed_usd": "0.012375",
            "saved_usd": "0.000000012",
        }
    ]


def test_a_cost_that_is_not_known_is_null_and_not_zero(write: Write, tmp_path: Path) -> None:
    write({"cost_nano": None}, {"model": "acme/free", "cost_nano": 0}, {"model": "acme/down", **FAILED})
    costs = {row["model"]: (row["cost_usd"], row["unpriced"]) for row in grouped(tmp_path)}
    assert costs == {"acme/large": (None, 1), "acme/free": ("0.00", 0), "acme/down": (None, 0)}


def test_without_a_complete_answer_there_is_no_mean(write: Write, tmp_path: Path) -> None:
    write(FAILED)
    (row,) = grouped(tmp_path)
    assert (row["mean_ms"], row["mean_first_content_ms"]) == (None, None)


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", ["acme/large", "small"]),
        ("provider", ["lab", ""]),
        ("key", ["alice", "bob"]),
        ("team", ["Research", ""]),
        ("organisation", [""]),
        ("app", ["", "Notebook"]),
        ("day", ["2026-11-21", "2026-11-20"]),
    ],
)
def test_groups_are_named_and_ordered_by_size_days_by_date(
    write: Write, tmp_path: Path, by: str, names: list[str]
) -> None:
    untried = {"model": None, "provider": None, "endpoint": None, "model_asked": "small"}
    other = {"key_id": "key-2", "key_name": "bob", "team": None, "team_name": None, "app": "Notebook"}
    write({}, {}, {**untried, **other, "at": "2026-11-21T00:00:00.000+00:00"})
    rows = grouped(tmp_path, by)
    assert [row[by] for row in rows] == names


def test_a_limit_keeps_the_largest_groups(write: Write, tmp_path: Path) -> None:
    bob = {"key_id": "key-2", "key_name": "bob"}
    write(bob, {}, bob)
    assert [row["key"] for row in grouped(tmp_path, "key", limit=1)] == ["bob"]


@pytest.mark.parametrize(
    ("filters", "requests"),
    [
        ({"key": "alice"}, 2),
        ({"key": "key-1"}, 2),
        ({"key": "nobody"}, 0),
        ({"team": "Research"}, 3),
        ({"team": "team-1", "model": "acme/small"}, 1),
        ({"provider": "lab", "app": "Notebook"}, 1),
    ],
)
def test_filters_leave_out_the_rest(
    write: Write, tmp_path: Path, filters: dict[str, str], requests: int
) -> None:
    write({}, {"model": "acme/small"}, {"key_id": "key-2", "key_name": "bob", "app": "Notebook"})
    rows = grouped(tmp_path, filters=Filters(**filters))
    assert sum(row["requests"] for row in rows) == requests


FIRST = datetime(2026, 11, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
MOMENTS = st.integers(0, 10 * 1440 * 60).map(lambda seconds: FIRST + timedelta(seconds=seconds))


def minute(edge: str) -> datetime:
    """The minute that an edge stands for."""
    return datetime.fromisoformat(edge + "T00:00"[len(edge) - 10 :]).replace(tzinfo=UTC)


@given(st.none() | MOMENTS, st.none() | MOMENTS)
def test_a_span_is_covered_by_few_periods_that_touch_and_do_not_overlap(
    since: datetime | None, until: datetime | None
) -> None:
    spans = cover(since, until)
    if since is not None and until is not None and since >= until:
        assert spans == []
        return
    assert len(spans) <= 5
    edges = [(start, end) for _, start, end in spans]
    for (_, end), (start, _) in pairwise(edges):
        assert minute(end) == minute(start)
    lengths = {table: length for table, length, _ in UNITS}
    for table, start, end in spans:
        assert all(len(edge) == lengths[table] or edge in ("", "9999") for edge in (start, end))
    first, last = edges[0][0], edges[-1][1]
    assert first == "" if since is None else timedelta() <= since - minute(first) < MINUTE
    assert last == "9999" if until is None else timedelta() <= minute(last) - until < MINUTE


@pytest.mark.parametrize(
    ("since", "until", "requests"),
    [
        (None, None, 4),
        (datetime(2026, 11, 20, 9, 59, tzinfo=UTC), None, 3),
        (datetime(2026, 11, 20, 9, 59, 30, tzinfo=UTC), None, 3),
        (datetime(2026, 11, 20, 10, 1, tzinfo=UTC), None, 1),
        (datetime(2026, 11, 20, 10, 0, tzinfo=UTC), datetime(2026, 11, 20, 10, 0, 1, tzinfo=UTC), 1),
        (None, datetime(2026, 11, 20, 9, 59, tzinfo=UTC), 1),
        (datetime(2026, 11, 21, tzinfo=UTC), datetime(2026, 11, 20, tzinfo=UTC), 0),
    ],
)
def test_only_what_is_in_the_span_counts_to_the_minute(
    write: Write, tmp_path: Path, since: datetime | None, until: datetime | None, requests: int
) -> None:
    times = ("2026-11-19T23:59:59", "2026-11-20T09:59:00", "2026-11-20T10:00:59", "2026-11-21T12:00:00")
    write(*({"at": f"{each}.000+00:00"} for each in times))
    rows = grouped(tmp_path, since=since, until=until)
    assert sum(row["requests"] for row in rows) == requests


def test_where_minutes_are_no_longer_kept_whole_hours_count(
    write: Write, tmp_path: Path, forget: Callable[[str], None]
) -> None:
    write({"at": "2026-11-20T10:10:00.000+00:00"}, {"at": "2026-11-20T09:10:00.000+00:00"})
    since, until = datetime(2026, 11, 20, 10, 30, tzinfo=UTC), datetime(2026, 11, 20, 10, 40, tzinfo=UTC)
    assert grouped(tmp_path, since=since) == []
    forget("usage_minutes")
    assert [row["requests"] for row in grouped(tmp_path, since=since, until=until)] == [1]
    forget("usage_hours")
    assert [row["requests"] for row in grouped(tmp_path, since=since, until=until)] == [2]


def test_what_is_younger_than_the_span_does_not_count_where_the_ledger_is_young(
    write: Write, tmp_path: Path
) -> None:
    write({"at": "2026-11-20T10:30:00.000+00:00"})
    until = datetime(2026, 11, 20, 10, 10, tzinfo=UTC)
    assert grouped(tmp_path, until=until) == []
    assert grouped(tmp_path, since=until - timedelta(days=2), until=until) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7d", "2026-11-16T12:00:00.000+00:00"),
        ("90m", "2026-11-23T10:30:00.000+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00.000+00:00"),
        ("2026-11-01T08:30", "2026-11-01T08:30:00.000+00:00"),
        ("2026-11-01T08:30+02:00", "2026-11-01T06:30:00.000+00:00"),
        ("2026-11-01T08:30:00Z", "2026-11-01T08:30:00.000+00:00"),
    ],
)
def test_a_length_of_time_or_a_date_says_when(text: str, expected: str) -> None:
    assert moment(text, NOW).isoformat(timespec="milliseconds") == expected


@pytest.mark.parametrize("text", ["yesterday", "", "-3d", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        moment(text, NOW)


@pytest.mark.parametrize("text", ["0001-01-01T00:00+23:00", "9999-12-31T23:59-23:00"])
def test_a_time_that_is_none_in_utc_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no time of ours"):
        moment(text, NOW)


def test_the_table_of_groups_is_aligned_and_tells_what_is_not_known(write: Write, tmp_path: Path) -> None:
    unpriced = {"cost_nano": None, "billed_nano": None}
    write(
        {"total_ms": 1234.0, "input_tokens": 1_234_567},
        {},
        {"model": "acme/free", **unpriced},
        {"model": "acme/down", **FAILED},
    )
    assert as_table(grouped(tmp_path), "model").splitlines() == [
        "model       requests      input  output  cost USD  billed US"
        "D  unpriced  drifted  cached  saved USD  errors    mean",
        "acme/large         2  1,235,567     100    0.0075     0.0082"
        "5         0        0       0       0.00       0  667 ms",
        "acme/down          1          0       0         -           "
        "-         0        0       0       0.00       1       -",
        "acme/free          1      1,000      50  unpriced    unprice"
        "d         1        0       0       0.00       0  100 ms",
    ]


def test_a_table_of_nothing_is_its_headings() -> None:
    assert as_table([], "day").startswith("day  requests")


@pytest.mark.parametrize("by", GROUPS)
def test_every_group_tells_the_same_columns(write: Write, tmp_path: Path, by: str) -> None:
    write({})
    (row,) = grouped(tmp_path, by)
    assert tuple(row) == (by, *COLUMNS)
