"""Listings: pages in order, filters, and what is written meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pointsman.ledger import ReadOnlyLedger, reader
from pointsman_usage import listing
from pointsman_usage.listing import ERRORS, Wanted, as_table, newest, page, place_of, since_place

Write = Callable[..., None]
URL = "sqlite:///pointsman.db"
OTHER = {"key_id": "key-2", "key_name": "bob", "team": "team-2", "team_name": "Sales"}


def at(minute: int) -> str:
    return f"2026-11-20T10:{minute:02d}:00.000+00:00"


EVERYTHING = Wanted()


def listed(base: Path, wanted: Wanted = EVERYTHING, **options: Any) -> list[str]:
    with reader(URL, base) as ledger:
        return [row["id"] for row in page(ledger, wanted, **{"limit": 100, **options})]


def test_the_newest_come_first_with_true_booleans_attempts_and_dollars(write: Write, tmp_path: Path) -> None:
    write({"stream": True, "tried": '[{"endpoint":"lab/large"}]'}, {"at": at(1), "cost_nano": None})
    with reader(URL, tmp_path) as ledger:
        new, old = page(ledger, Wanted(), limit=10)
    assert (new["id"], new["stream"], new["cached"], new["cost_usd"], new["tried"]) == (
        "gen-1",
        False,
        False,
        None,
        [],
    )
    assert (old["id"], old["stream"], old["cost_usd"], old["billed_usd"]) == (
        "gen-0",
        True,
        "0.00375",
        "0.004125",
    )
    assert old["tried"] == [{"endpoint": "lab/large"}]


def test_pages_follow_each_other_without_gap_or_overlap_also_within_one_moment(
    write: Write, tmp_path: Path
) -> None:
    write(*({"at": at(number // 4)} for number in range(20)))
    everything = listed(tmp_path)
    assert len(set(everything)) == 20
    pages: list[str] = []
    with reader(URL, tmp_path) as ledger:
        before = None
        while rows := page(ledger, Wanted(), before=before, limit=3):
            pages += [row["id"] for row in rows]
            before = place_of(ledger, pages[-1])
        assert place_of(ledger, "gen-none") is None
    assert pages == everything


ROWS: Sequence[dict[str, Any]] = (
    {},
    {**OTHER, "at": at(1)},
    {"at": at(2), "model": "acme/small", "provider": "far"},
    {"at": at(3), "outcome": "failed", "cost_nano": None},
    {"at": at(4), "outcome": "incomplete", "cost_nano": 9_000_000_000},
    {"at": at(5), "outcome": "cancelled", "cost_nano": 1},
)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Wanted(), [5, 4, 3, 2, 1, 0]),
        (Wanted(key="bob"), [1]),
        (Wanted(key="key-2"), [1]),
        (Wanted(key="nobody"), []),
        (Wanted(team="Research"), [5, 4, 3, 2, 0]),
        (Wanted(team="team-2", key="bob"), [1]),
        (Wanted(model="acme/small"), [2]),
        (Wanted(provider="lab"), [5, 4, 3, 1, 0]),
        (Wanted(outcomes=("cancelled",)), [5]),
        (Wanted(outcomes=ERRORS), [4, 3]),
        (Wanted(outcomes=ERRORS, provider="far"), []),
        (Wanted(since=at(2), until=at(4)), [3, 2]),
        (Wanted(cost_over=3_000_000), [4, 2, 1, 0]),
        (Wanted(cost_over=3_750_000), [4]),
        (Wanted(cost_over=3_000_000, key="alice"), [4, 2, 0]),
        (Wanted(cost_over=3_000_000, since=at(1), until=at(4)), [2, 1]),
    ],
)
@pytest.mark.parametrize("few", [0, 20_000])
def test_filters_leave_out_the_rest_in_pages_and_in_what_follows(
    write: Write,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    wanted: Wanted,
    found: list[int],
    few: int,
) -> None:
    monkeypatch.setattr(listing, "FEW", few)
    write(*ROWS)
    assert listed(tmp_path, wanted) == [f"gen-{number}" for number in found]
    assert listed(tmp_path, wanted, limit=2) == [f"gen-{number}" for number in found[:2]]
    with reader(URL, tmp_path) as ledger:
        rows, place = since_place(ledger, wanted, 0)
        assert [row["id"] for row in rows] == [f"gen-{number}" for number in sorted(found)]
        assert since_place(ledger, wanted, place) == ([], place)
        before = place_of(ledger, "gen-3")
    assert listed(tmp_path, wanted, before=before) == [f"gen-{number}" for number in found if number < 3]


def test_several_conditions_are_looked_for_where_the_roll_ups_say_that_they_are_met(
    write: Write, tmp_path: Path, forget: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [f"2026-11-{day:02d}T10:00:00.000+00:00" for day in range(1, 21)]
    write(*({"at": each, **(OTHER if number % 5 == 0 else {})} for number, each in enumerate(days)))
    wanted = Wanted(key="bob", model="acme/large")
    found = [f"gen-{number}" for number in (15, 10, 5, 0)]
    assert listed(tmp_path, wanted) == found
    assert listed(tmp_path, wanted, limit=3) == found[:3]
    assert listed(tmp_path, Wanted(key="bob", team="Research")) == []
    for table in ("usage_hours", "usage_days"):
        forget(table)
        assert listed(tmp_path, Wanted(key="key-2", model="acme/large")) == found


def test_on_the_day_whose_hours_are_kept_in_part_all_are_found(write: Write, tmp_path: Path) -> None:
    """Retention deletes sums by hour up to an hour in the middle of a day; the rows themselves stay."""
    hours = [f"2026-11-{day}T{hour}" for day in (19, 20) for hour in ("01", "13", "23")]
    write(*({"at": f"{hour}:30:00.000+00:00"} for hour in hours))
    wanted = Wanted(key="alice", model="acme/large")
    everything = [f"gen-{number}" for number in (5, 4, 3, 2, 1, 0)]
    for oldest in (hours[1], hours[4], hours[5]):
        with closing(sqlite3.connect(tmp_path / "pointsman.db")) as connection, connection:
            connection.execute("delete from usage_hours where at < ?", (oldest,))
        assert listed(tmp_path, wanted) == everything
        assert listed(tmp_path, wanted, limit=4) == everything[:4]


def test_what_a_failed_attempt_used_unpriced_is_told(write: Write, tmp_path: Path) -> None:
    tried = (
        '[{"endpoint":"lab/a","input":5,"output":0,"estimated":true,"cost_nano":null},{"endpoint":"lab/b"}]'
    )
    nothing = {"input_tokens": None, "cost_nano": None, "outcome": "failed"}
    write({**nothing, "tried": tried}, {**nothing, "tried": '[{"endpoint":"lab/b"}]'})
    with reader(URL, tmp_path) as ledger:
        shown = {
            line.split()[1]: "unpriced" in line
            for line in as_table(page(ledger, Wanted(), limit=9)).splitlines()
        }
    assert (shown["gen-0"], shown["gen-1"]) == (True, False)


def test_everybody_who_was_called_so_is_found(write: Write, tmp_path: Path) -> None:
    write({}, {"key_id": "key-9", "at": at(1)}, {**OTHER, "at": at(2)})
    assert listed(tmp_path, Wanted(key="alice")) == ["gen-1", "gen-0"]


def test_what_was_written_later_follows_though_it_began_earlier(write: Write, tmp_path: Path) -> None:
    write({"at": at(5)})
    with reader(URL, tmp_path) as ledger:
        place = newest(ledger)
        assert since_place(ledger, Wanted(), place) == ([], place)
        write({"at": at(1), "id": "gen-slow"})
        rows, _ = since_place(ledger, Wanted(), place)
    assert [row["id"] for row in rows] == ["gen-slow"]


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        (Wanted(), "(at)"),
        (Wanted(key="alice"), "key_id"),
        (Wanted(team="Research"), "team"),
        (Wanted(model="acme/large"), "model"),
        (Wanted(provider="lab"), "provider"),
        (Wanted(outcomes=("failed",)), "outcome"),
        (Wanted(key="alice", cost_over=10**12), "cost_bits"),
        (Wanted(cost_over=10**12), "cost_bits"),
        (Wanted(key="alice", cost_over=1), "key_id"),
        (Wanted(cost_over=1), "(at)"),
    ],
)
def test_each_query_reads_along_an_index(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: Wanted, index: str
) -> None:
    monkeypatch.setattr(listing, "FEW", 0)
    write({})
    asked: list[tuple[str, Any]] = []
    select = ReadOnlyLedger.select_sync

    def noted(ledger: ReadOnlyLedger, sql: str, params: Any = None) -> list[dict[str, Any]]:
        asked.append((sql, params))
        return select(ledger, sql, params)

    monkeypatch.setattr(ReadOnlyLedger, "select_sync", noted)
    listed(tmp_path, wanted)
    sql, params = asked[-1]
    with closing(sqlite3.connect(tmp_path / "pointsman.db")) as connection:
        columns = {
            name: [row[2] for row in connection.execute(f"pragma index_info({name})")]
            for (name,) in connection.execute(
                "select name from sqlite_master where type = 'index' and tbl_name = 'generations'"
            )
        }
        plan = " ".join(row[3] for row in connection.execute(f"explain query plan {sql}", params))
    (used,) = [names for name, names in columns.items() if f"{name} " in f"{plan} "]
    assert used[0] == index.strip("()")
    assert ("USE TEMP B-TREE FOR ORDER BY" in plan) == (index == "cost_bits")


def test_the_table_tells_errors_and_hides_control_characters(write: Write, tmp_path: Path) -> None:
    failed = {
        **{"outcome": "failed", "error_type": "timeout", "endpoint": "lab/\x1b[2J", "first_content_ms": None},
        **{"input_tokens": None, "output_tokens": None, "cost_nano": None},
    }
    write(
        {"total_ms": 61_000.0, "reported_nano": 3_750_001, "served_model": "small"},
        {**failed, "at": "2026-11-19T10:00:00.000+00:00"},
        {"at": "2026-11-18T10:00:00.000+00:00", "cached": True, "endpoint": None, "cost_nano": 0},
        {"at": "2026-11-17T10:00:00.000+00:00", "reported_nano": 3_000_000},
        {"at": "2026-11-16T10:00:00.000+00:00", "cost_nano": 0, "reported_nano": 1},
    )
    with reader(URL, tmp_path) as ledger:
        lines = as_table(page(ledger, Wanted(), limit=10)).splitlines()
    assert [line[21:] for line in lines] == [
        "generation  key    endpoint           outcome   input  output  cost USD      bill  first   total",
        "gen-0       alice  lab/large (small)  complete  1,000      50   0.00375        ok  40 ms  61.0 s",
        "gen-1       alice  lab/?[2J           timeout       -       -         -         -      -  100 ms",
        "gen-2       alice  acme/large         cached    1,000      50      0.00         -  40 ms  100 ms",
        "gen-3       alice  lab/large          complete  1,000      50   0.00375    -20.0%  40 ms  100 ms",
        "gen-4       alice  lab/large          complete  1,000      50      0.00  not free  40 ms  100 ms",
    ]
    assert [line[:19].strip() for line in lines] == [
        "at",
        "2026-11-20T10:00:00",
        "2026-11-19T10:00:00",
        "2026-11-18T10:00:00",
        "2026-11-17T10:00:00",
        "2026-11-16T10:00:00",
    ]
