"""Reports: exact sums, medians, what is unpriced, and times."""

from __future__ import annotations

import random
import statistics
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from pointsman.ledger import reader
from pointsman_usage.report import as_table, groups, since, singles

Write = Callable[..., None]
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def grouped(base: Path, by: str = "model", *, since: str = "", limit: int = 100) -> list[dict[str, Any]]:
    with reader("sqlite:///pointsman.db", base) as ledger:
        return groups(ledger, by, since=since, limit=limit)


def listed(base: Path, *, since: str = "", limit: int = 100) -> list[dict[str, Any]]:
    with reader("sqlite:///pointsman.db", base) as ledger:
        return singles(ledger, since=since, limit=limit)


FAILED = {
    "outcome": "failed",
    "input_tokens": None,
    "output_tokens": None,
    "cache_read_tokens": None,
    "cache_write_tokens": None,
    "reasoning_tokens": None,
    "cost_nano": None,
}


def test_a_group_sums_tokens_cost_errors_and_what_is_unpriced(write: Write, tmp_path: Path) -> None:
    write(
        {"cost_nano": 1, "total_ms": 100.0},
        {"cost_nano": 999_999_999, "total_ms": 300.0},
        {"cost_nano": None, "total_ms": 200.0},
        {**FAILED, "total_ms": 9000.0},
        {"outcome": "incomplete", "total_ms": 9000.0, "cost_nano": None},
        {"outcome": "cancelled", "total_ms": 9000.0},
    )
    assert grouped(tmp_path) == [
        {
            "model": "acme/large",
            "requests": 6,
            "input_tokens": 5000,
            "output_tokens": 250,
            "cache_read_tokens": 3000,
            "cache_write_tokens": 500,
            "reasoning_tokens": 100,
            "cost_nano": 1_003_750_000,
            "unpriced": 2,
            "errors": 2,
            "median_ms": 200.0,
            "cost_usd": "1.00375",
        }
    ]


def test_a_cost_that_is_not_known_is_null_and_not_zero(write: Write, tmp_path: Path) -> None:
    write({"cost_nano": None}, {"model": "acme/free", "cost_nano": 0}, {"model": "acme/down", **FAILED})
    costs = {row["model"]: (row["cost_usd"], row["unpriced"]) for row in grouped(tmp_path)}
    assert costs == {"acme/large": (None, 1), "acme/free": ("0.00", 0), "acme/down": (None, 0)}


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 8, 13])
def test_the_median_is_that_of_complete_answers(write: Write, tmp_path: Path, count: int) -> None:
    draw = random.Random(count)
    latencies = [float(draw.randint(1, 50)) for _ in range(count)]
    write(*({"total_ms": each} for each in latencies), {"outcome": "failed", "total_ms": 1e6})
    assert grouped(tmp_path)[0]["median_ms"] == statistics.median(latencies)


def test_without_a_complete_answer_there_is_no_median(write: Write, tmp_path: Path) -> None:
    write(FAILED)
    assert grouped(tmp_path)[0]["median_ms"] is None


@pytest.mark.parametrize(
    ("by", "names"),
    [
        ("model", ["acme/large", "small"]),
        ("provider", ["lab", ""]),
        ("key", ["alice", "bob"]),
        ("day", ["2026-11-21", "2026-11-20"]),
    ],
)
def test_groups_are_named_and_ordered_by_size_days_by_date(
    write: Write, tmp_path: Path, by: str, names: list[str]
) -> None:
    untried = {"model": None, "provider": None, "endpoint": None, "model_asked": "small"}
    write({}, {}, {**untried, "key_name": "bob", "at": "2026-11-21T00:00:00.000+00:00"})
    rows = grouped(tmp_path, by)
    assert [row[by] for row in rows] == names


def test_a_limit_keeps_the_largest_groups(write: Write, tmp_path: Path) -> None:
    write({"key_name": "bob"}, {"key_name": "alice"}, {"key_name": "bob"})
    assert [row["key"] for row in grouped(tmp_path, "key", limit=1)] == ["bob"]


def test_only_what_is_newer_counts(write: Write, tmp_path: Path) -> None:
    write({"at": "2026-11-19T23:59:59.999+00:00"}, {"at": "2026-11-20T00:00:00.000+00:00"})
    start = since("2026-11-20", NOW)
    assert grouped(tmp_path, since=start)[0]["requests"] == 1
    assert [row["id"] for row in listed(tmp_path, since=start)] == ["gen-1"]


def test_single_generations_come_newest_first_with_true_booleans_and_dollars(
    write: Write, tmp_path: Path
) -> None:
    write({"stream": True}, {"at": "2026-11-21T00:00:00.000+00:00", "cost_nano": None})
    newest, oldest = listed(tmp_path)
    assert (newest["id"], newest["stream"], newest["estimated"], newest["cost_usd"]) == (
        "gen-1",
        False,
        False,
        None,
    )
    assert (oldest["id"], oldest["stream"], oldest["cost_usd"]) == ("gen-0", True, "0.00375")
    assert [row["id"] for row in listed(tmp_path, limit=1)] == ["gen-1"]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("7d", "2026-11-16T12:00:00.000+00:00"),
        ("90m", "2026-11-23T10:30:00.000+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00.000+00:00"),
        ("2026-11-01T08:30", "2026-11-01T08:30:00.000+00:00"),
        ("2026-11-01T08:30+02:00", "2026-11-01T06:30:00.000+00:00"),
        ("2026-11-01T08:30:00Z", "2026-11-01T08:30:00.000+00:00"),
    ],
)
def test_a_length_of_time_or_a_date_says_since_when(text: str, moment: str) -> None:
    assert since(text, NOW) == moment


@pytest.mark.parametrize("text", ["yesterday", "", "-3d", "2026-13-01"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        since(text, NOW)


def test_the_table_of_groups_is_aligned_and_tells_what_is_not_known(write: Write, tmp_path: Path) -> None:
    write(
        {"total_ms": 1234.0, "input_tokens": 1_234_567},
        {},
        {"model": "acme/free", "cost_nano": None},
        {"model": "acme/down", **FAILED},
    )
    assert as_table(grouped(tmp_path), "model").splitlines() == [
        "model       requests      input  output  cost USD  unpriced  errors  median",
        "acme/large         2  1,235,567     100    0.0075         0       0  667 ms",
        "acme/down          1          0       0         -         0       1       -",
        "acme/free          1      1,000      50  unpriced         1       0  100 ms",
    ]


def test_the_table_of_generations_tells_errors_and_hides_control_characters(
    write: Write, tmp_path: Path
) -> None:
    write(
        {"total_ms": 61_000.0},
        {**FAILED, "at": "2026-11-19T10:00:00.000+00:00", "error_type": "timeout", "endpoint": "lab/\x1b[2J"},
    )
    assert as_table(listed(tmp_path), "none").splitlines() == [
        "at                   generation  key    endpoint   outcome   input  output  cost USD   total",
        "2026-11-20T10:00:00  gen-0       alice  lab/large  complete  1,000      50   0.00375  61.0 s",
        "2026-11-19T10:00:00  gen-1       alice  lab/?[2J   timeout       -       -         -  100 ms",
    ]


def test_a_table_of_nothing_is_its_headings() -> None:
    assert as_table([], "day").startswith("day  requests")
