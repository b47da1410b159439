"""The command: pages, formats, following, and bodies."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.ledger import reader
from pointsman_usage import listing
from pointsman_usage import logs as module
from pointsman_usage.listing import COLUMNS, Wanted
from pointsman_usage.logs import following, logs

Write = Callable[..., None]
LATER = {"at": "2026-11-20T11:00:00.000+00:00"}
FAILED = {"outcome": "failed", "cost_nano": None, "input_tokens": None}


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(logs, ["--config", str(config), *arguments])


def ids(result: Result) -> list[str]:
    return [row["id"] for row in json.loads(result.stdout)]


def test_without_options_the_newest_requests_are_a_table(config: Path, write: Write) -> None:
    write({}, LATER)
    lines = run(config).output.splitlines()
    assert [line.split()[1] for line in lines] == ["generation", "gen-1", "gen-0"]


def test_json_is_one_array_of_objects_with_every_column(config: Path, write: Write) -> None:
    write({})
    (row,) = json.loads(run(config, "--json").output)
    assert tuple(row) == COLUMNS


def test_csv_has_every_column(config: Path, write: Write) -> None:
    write({"app": "a, b"}, LATER)
    rows = [*csv.DictReader(io.StringIO(run(config, "--csv").output))]
    assert [row["id"] for row in rows] == ["gen-1", "gen-0"]
    assert tuple(rows[0]) == COLUMNS
    assert (rows[1]["app"], rows[1]["stream"], rows[1]["tried"]) == ("a, b", "false", "[]")


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--key", "bob"), []),
        (("--team", "Research"), ["gen-1", "gen-0"]),
        (("--model", "acme/large"), ["gen-1", "gen-0"]),
        (("--provider", "far"), []),
        (("--outcome", "failed"), ["gen-1"]),
        (("--outcome", "complete", "--outcome", "failed"), ["gen-1", "gen-0"]),
        (("--errors",), ["gen-1"]),
        (("--cost-over", "0.003"), ["gen-0"]),
        (("--cost-over", "0.004"), []),
        (("--since", "2026-11-20T10:30"), ["gen-1"]),
        (("--until", "2026-11-20T10:30"), ["gen-0"]),
    ],
)
def test_filters(config: Path, write: Write, arguments: tuple[str, ...], found: list[str]) -> None:
    write({}, {**LATER, **FAILED})
    assert ids(run(config, *arguments, "--json")) == found


def test_the_next_page_is_told_and_found(config: Path, write: Write) -> None:
    write({}, LATER)
    first = run(config, "--limit", "1", "--json")
    assert ids(first) == ["gen-1"]
    assert "--before gen-1" in first.stderr
    second = run(config, "--limit", "1", "--before", "gen-1", "--json")
    assert (ids(second), second.stderr) == (["gen-0"], "")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--before", "gen-x"), "there is no generation gen-x"),
        (("--cost-over", "-1"), "an amount of money cannot be negative"),
        (("--since", "yesterday"), "write 7d, 12h or 2026-11-01"),
        (("-f", "--before", "gen-0"), "give one"),
    ],
)
def test_what_makes_no_sense_is_refused(
    config: Path, write: Write, arguments: tuple[str, ...], message: str
) -> None:
    write({})
    result = run(config, *arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_following_tells_the_last_rows_in_order_and_then_new_ones(tmp_path: Path, write: Write) -> None:
    write({}, LATER)
    waits = 0

    def wait() -> None:
        nonlocal waits
        waits += 1
        if waits == 2:
            write({"id": "gen-new"}, {"id": "gen-failed", **FAILED})

    with reader("sqlite:///pointsman.db", tmp_path) as ledger:
        told = following(ledger, Wanted(outcomes=("complete",)), 10, wait)
        assert [row["id"] for row in next(told)] == ["gen-0", "gen-1"]
        assert [row["id"] for row in next(told)] == ["gen-new"]
    assert waits == 2


def test_what_is_written_while_the_last_rows_are_read_is_told_once(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    write({})
    page = listing.page

    def late(*asked: Any, **options: Any) -> list[dict[str, Any]]:
        write({"id": "gen-late", **LATER})
        return page(*asked, **options)

    monkeypatch.setattr(listing, "page", late)
    with reader("sqlite:///pointsman.db", tmp_path) as ledger:
        told = following(ledger, Wanted(), 10, lambda: write({"id": "gen-new"}))
        assert [row["id"] for row in next(told)] == ["gen-0", "gen-late"]
        assert [row["id"] for row in next(told)] == ["gen-new"]


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ((), ["generation", "gen-0", "gen-new"]),
        (("--csv",), ["id", "gen-0", "gen-new"]),
        (("--json",), ["gen-0", "gen-new"]),
    ],
)
def test_what_follows_is_one_line_a_request_until_it_is_interrupted(
    config: Path,
    write: Write,
    monkeypatch: pytest.MonkeyPatch,
    style: tuple[str, ...],
    expected: list[str],
) -> None:
    write({})
    waits = 0

    def sleep(seconds: float) -> None:
        nonlocal waits
        waits += 1
        if waits == 3:
            raise KeyboardInterrupt
        write({"id": "gen-new"} if waits == 1 else FAILED)

    monkeypatch.setattr(module.time, "sleep", sleep)
    result = run(config, "-f", "--outcome", "complete", *style)
    assert result.exit_code == 0
    lines = result.output.splitlines()
    if style == ("--json",):
        assert [json.loads(line)["id"] for line in lines] == expected
    elif style == ("--csv",):
        assert [line.split(",")[0] for line in lines] == expected
    else:
        assert [line.split()[1] for line in lines] == expected


def test_a_body_that_is_not_there_is_told(config: Path, write: Write) -> None:
    write({})
    result = run(config, "--body", "gen-0")
    assert result.exit_code == 1
    assert "no body of gen-0" in result.stderr
