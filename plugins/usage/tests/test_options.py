"""What the commands share."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from pointsman.ledger import Column, Table, open_ledger
from pointsman_usage.options import filtering, format_options, opened

Write = Callable[..., None]


@click.command()
@filtering
@format_options
def told(**options: Any) -> None:
    click.echo(json.dumps(options, default=str))


def run(*arguments: str) -> Result:
    return CliRunner().invoke(told, [*arguments])


def test_options_are_read() -> None:
    found = json.loads(
        run("--key", "k", "--since", "2026-11-01", "--until", "2026-11-02T10:00", "--csv").output
    )
    assert found == {
        **{"key": "k", "team": None, "model": None, "provider": None, "style": "csv"},
        "since": str(datetime(2026, 11, 1, tzinfo=UTC)),
        "until": str(datetime(2026, 11, 2, 10, tzinfo=UTC)),
    }
    assert json.loads(run("--json").output)["style"] == "json"
    assert json.loads(run().output)["style"] is None


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_wrong_time_is_refused_with_examples(option: str) -> None:
    result = run(option, "yesterday")
    assert result.exit_code == 2
    assert f"Invalid value for {option}: 'yesterday' is not a duration; write 7d" in result.stderr


def test_a_ledger_is_opened_with_its_setup(config: Path, write: Write) -> None:
    write({})
    with opened(config) as (setup, ledger):
        assert setup.base == config.parent
        assert ledger.select_sync("select id from generations") == [{"id": "gen-0"}]


async def test_a_ledger_from_before_the_plugin_is_told(config: Path, tmp_path: Path) -> None:
    ledger = open_ledger("sqlite:///pointsman.db", base=tmp_path, durability="relaxed")
    await ledger.open([Table("other", {"id": Column("text", "An id.")}, "id")])
    await ledger.close()
    with pytest.raises(click.ClickException, match="the ledger has no generations"), opened(config):
        pass
