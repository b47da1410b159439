"""The command: text and JSON over a real ledger, and what it says when there is none."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from pointsman.cli import main
from pointsman.ledger import Column, Table, open_ledger
from pointsman_usage.command import usage

Write = Callable[..., None]


def run(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(usage, ["--config", str(config), *arguments])


def test_without_options_everything_is_summed_up_by_model(config: Path, write: Write) -> None:
    write({}, {"model": "acme/small", "cost_nano": 5})
    result = run(config)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == ["model", "acme/large", "acme/small"]


@pytest.mark.parametrize("by", ["model", "provider", "key", "team", "app", "day"])
def test_json_is_one_array_of_objects(config: Path, write: Write, by: str) -> None:
    write({}, {})
    (row,) = json.loads(run(config, "--by", by, "--json").output)
    assert next(iter(row)) == by
    assert (row["requests"], row["cost_nano"], row["cost_usd"]) == (2, 7_500_000, "0.0075")


def test_csv_has_a_heading_and_a_line_for_each_group(config: Path, write: Write) -> None:
    write({}, {"model": "acme/small", "cost_nano": None, "billed_nano": None})
    heading, large, small = run(config, "--csv").output.splitlines()
    assert heading.split(",")[:4] == ["model", "requests", "complete", "errors"]
    assert large.split(",")[:2] == ["acme/large", "1"]
    assert small.endswith(",1,0,0,40.0,100.0,,,0.00")


@pytest.mark.parametrize(
    "arguments",
    [
        ("--key", "alice"),
        ("--team", "Research"),
        ("--model", "acme/large"),
        ("--provider", "lab"),
        ("--app", "Notebook"),
        ("--since", "2026-11-20", "--until", "2026-11-21"),
    ],
)
def test_filters_say_what_is_added_up(config: Path, write: Write, arguments: tuple[str, ...]) -> None:
    other = {
        **{"key_id": "key-2", "key_name": "bob", "team": None, "team_name": None, "model": "small"},
        **{"provider": "far", "app": None, "at": "2026-11-22T00:00:00.000+00:00"},
    }
    write({"app": "Notebook"}, other)
    (row,) = json.loads(run(config, *arguments, "--json").output)
    assert (row["model"], row["requests"]) == ("acme/large", 1)


def test_what_a_limit_leaves_out_is_said_beside_the_output(config: Path, write: Write) -> None:
    write({"model": "a"}, {"model": "b"}, {"model": "c"})
    result = run(config, "--limit", "2", "--json")
    assert len(json.loads(result.stdout)) == 2
    assert "more than 2 rows" in result.stderr
    assert run(config, "--limit", "3").stderr == ""


def test_since_leaves_out_what_is_older(config: Path, write: Write) -> None:
    write({"at": "2001-01-01T00:00:00.000+00:00"})
    assert json.loads(run(config, "--since", "1d", "--json").output) == []
    assert len(json.loads(run(config, "--since", "2001-01-01", "--json").output)) == 1


def test_a_wrong_time_is_refused_with_examples(config: Path) -> None:
    result = run(config, "--since", "yesterday")
    assert result.exit_code == 2
    assert "'yesterday' is not a duration; write 7d, 12h or 2026-11-01" in result.stderr


def test_a_missing_ledger_is_told_with_exit_status_1(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ["usage", "--config", str(config)]
    monkeypatch.setattr(sys, "argv", ["pointsman", *arguments])
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 1
    assert f"no ledger at {tmp_path / 'pointsman.db'}" in result.stderr


async def test_a_ledger_from_before_the_plugin_is_told_with_exit_status_1(
    config: Path, tmp_path: Path
) -> None:
    ledger = open_ledger("sqlite:///pointsman.db", base=tmp_path, durability="relaxed")
    await ledger.open([Table("other", {"id": Column("text", "An id.")}, "id")])
    await ledger.close()
    result = run(config)
    assert result.exit_code == 1
    assert "the ledger has no generations" in result.stderr


def test_one_task_can_be_looked_at_alone(config: Path, write: Write) -> None:
    write({"task": "maths"}, {"task": "maths", "model": "acme/small"}, {})
    result = run(config, "--by", "task", "--json")
    assert {row["task"]: row["requests"] for row in json.loads(result.output)} == {"maths": 2, "": 1}
    result = run(config, "--task", "maths", "--json")
    assert [row["model"] for row in json.loads(result.output)] == ["acme/large", "acme/small"]
