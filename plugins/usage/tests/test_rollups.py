"""Roll-ups: sums by minute, hour and day that agree with the rows they are made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.ledger import reader
from pointsman_usage.generations import GENERATIONS
from pointsman_usage.rollups import DAYS, HOURS, MINUTES, ROLLUPS, SUMS, TIMES

Write = Callable[..., None]


def derived(*rows: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """What follows from generations, as rows by column names."""
    assert GENERATIONS.derive is not None
    made = GENERATIONS.derive([tuple(row.get(name) for name in GENERATIONS.columns) for row in rows])
    return {
        table.name: [dict(zip(table.columns, row, strict=True)) for row in made[table.name]]
        for table in ROLLUPS.values()
    }


DONE = {"outcome": "complete", "total_ms": 100.0, "model": "m", "at": "2026-11-20T10:00:00.000+00:00"}
USED = {
    "input_tokens": 10,
    "output_tokens": 5,
    "cache_read_tokens": 4,
    "cache_write_tokens": 2,
    "reasoning_tokens": 1,
    "cost_nano": 100,
    "billed_nano": 110,
    "first_content_ms": 20.0,
}


TRIED = '[{"endpoint":"a/b","input":5,"output":1,"estimated":true,"cost_nano":null},{"endpoint":"c/d"}]'
"""Two attempts that failed, of which one has used something."""


@pytest.mark.parametrize(
    ("row", "counted"),
    [
        ({**DONE, **USED}, {"complete": 1, "priced": 1, **USED, "complete_ms": 100.0}),
        ({**DONE, **USED, "cost_nano": None, "billed_nano": None}, {"unpriced": 1, "cost_nano": 0}),
        ({**DONE, **USED, "cost_nano": 0, "billed_nano": 0}, {"unpriced": 0, "priced": 1}),
        ({**DONE, **USED, "cached": 1, "cost_nano": 0}, {"cached": 1, "input_tokens": 0, "output_tokens": 0}),
        ({**DONE, "outcome": "failed"}, {"errors": 1, "complete": 0, "complete_ms": 0.0, "unpriced": 0}),
        ({**DONE, "outcome": "failed", "tried": TRIED}, {"unpriced": 1, "input_tokens": 0, "cost_nano": 0}),
        ({**DONE, "outcome": "failed", "tried": TRIED, "cost_nano": 7}, {"unpriced": 0, "cost_nano": 7}),
        ({**DONE, **USED, "outcome": "incomplete"}, {"errors": 1, "first_content_ms": 0.0}),
        ({**DONE, **USED, "outcome": "cancelled"}, {"cancelled": 1, "errors": 0, "billed_nano": 110}),
    ],
)
def test_each_generation_counts_as_what_it_is(row: dict[str, Any], counted: dict[str, Any]) -> None:
    for rows in derived(row).values():
        (found,) = rows
        assert found["requests"] == 1
        assert {name: found[name] for name in counted} == counted


def test_periods_are_told_by_their_beginning_and_a_model_not_tried_by_what_was_asked() -> None:
    made = derived({**DONE, "model": None, "model_asked": "big"})
    assert [made[table.name][0]["at"] for table in (MINUTES, HOURS, DAYS)] == [
        "2026-11-20T10:00",
        "2026-11-20T10",
        "2026-11-20",
    ]
    assert made[DAYS.name][0]["model"] == "big"


def test_groups_that_only_look_alike_are_apart() -> None:
    made = derived(
        {**DONE, "provider": "a|b", "app": "c"},
        {**DONE, "provider": "a", "app": "b|c"},
        {**DONE, "provider": "a%7Cb", "app": "c"},
    )
    assert len({row["id"] for row in made[DAYS.name]}) == 3


TIMES_OF_DAY = [
    f"2026-11-{day}T{hour}:0{minute}:00.000+00:00"
    for day in (20, 21)
    for hour in (10, 11)
    for minute in (0, 1)
]
GENERATION = st.fixed_dictionaries(
    {
        "at": st.sampled_from(TIMES_OF_DAY),
        "key_id": st.sampled_from(["a", "b", None]),
        "model": st.sampled_from(["m", "n"]),
        "outcome": st.sampled_from(["complete", "incomplete", "failed", "cancelled"]),
        "cached": st.sampled_from([0, 1, None]),
        "input_tokens": st.integers(0, 1000),
        "output_tokens": st.integers(0, 1000),
        "cache_read_tokens": st.integers(0, 1000),
        "cache_write_tokens": st.integers(0, 1000),
        "reasoning_tokens": st.integers(0, 1000),
        "cost_nano": st.none() | st.integers(0, 10**9),
        "billed_nano": st.integers(0, 10**9),
        "total_ms": st.integers(0, 1000).map(float),
    }
)


@settings(deadline=None)
@given(st.lists(GENERATION, min_size=1, max_size=30))
def test_every_granularity_comes_to_the_same(rows: list[dict[str, Any]]) -> None:
    made = derived(*rows)
    for name in (*SUMS, *TIMES):
        assert len({sum(row[name] for row in made[table.name]) for table in ROLLUPS.values()}) == 1
    (total,) = {sum(row["requests"] for row in made[DAYS.name])}
    assert total == len(rows)
    assert sum(row["cost_nano"] for row in made[HOURS.name]) == sum(row["cost_nano"] or 0 for row in rows)
    for table in ROLLUPS.values():
        assert len({row["id"] for row in made[table.name]}) == len(made[table.name])


BILLED = st.fixed_dictionaries(
    {"reported_nano": st.sampled_from([None, 0, 5, 100]), "tried": st.sampled_from([None, TRIED])}
)


@settings(deadline=None)
@given(st.lists(st.tuples(GENERATION, BILLED).map(lambda both: {**both[0], **both[1]}), max_size=12))
def test_many_at_once_come_to_what_each_by_itself_comes_to(rows: list[dict[str, Any]]) -> None:
    together, apart = derived(*rows), [derived(row) for row in rows]
    for table in ROLLUPS.values():
        sums: dict[str, list[float]] = {}
        for made in apart:
            (one,) = made[table.name]
            known = sums.setdefault(one["id"], [0] * len(table.sums))
            known[:] = [before + one[name] for before, name in zip(known, table.sums, strict=True)]
        assert sums == {row["id"]: [row[name] for name in table.sums] for row in together[table.name]}


def test_they_are_written_with_the_rows_and_grow_from_commit_to_commit(write: Write, tmp_path: Path) -> None:
    write({}, {"key_name": "bob", "key_id": "key-2"})
    write({"at": "2026-11-20T10:00:30.000+00:00", "id": "gen-later"})
    with reader("sqlite:///pointsman.db", tmp_path) as ledger:
        for table in ROLLUPS.values():
            found = ledger.select_sync(
                f"select key_name, requests, cost_nano from {table.name} order by key_id"
            )
            assert found == [
                {"key_name": "alice", "requests": 2, "cost_nano": 7_500_000},
                {"key_name": "bob", "requests": 1, "cost_nano": 3_750_000},
            ]


def test_every_column_is_described() -> None:
    for table in ROLLUPS.values():
        assert all(column.help.endswith(".") for column in table.columns.values())
