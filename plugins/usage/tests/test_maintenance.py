"""`pointsman ledger`: copies, checks, and what they say."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from click.testing import CliRunner, Result

from pointsman.ledger import Column, Table, open_ledger, reader
from pointsman_usage.generations import GENERATIONS
from pointsman_usage.maintenance import ledger

Write = Callable[..., None]
RESERVATIONS = Table(
    "reservations", {"id": Column("text", ""), "state": Column("text", "")}, "id", mutable=True
)


def run(config: Path, command: str, *arguments: str) -> Result:
    return CliRunner().invoke(ledger, [command, "--config", str(config), *arguments])


def test_a_copy_is_made_and_said_how_large(config: Path, write: Write, tmp_path: Path) -> None:
    write({}, {})
    result = run(config, "backup", str(tmp_path / "copy.db"))
    assert result.exit_code == 0
    size = (tmp_path / "copy.db").stat().st_size
    assert result.output.splitlines()[-1] == f"{tmp_path / 'copy.db'}: {size:,} bytes, checked"
    with reader("sqlite:///copy.db", tmp_path) as copy:
        assert len(copy.select_sync("select id from generations")) == 2
    again = run(config, "backup", str(tmp_path / "copy.db"))
    assert again.exit_code == 1
    assert "is not overwritten" in str(again.exception or again.output)


def test_a_sound_ledger_is_said_to_be_so(config: Path, write: Write) -> None:
    write({})
    result = run(config, "check")
    assert (result.exit_code, result.output) == (0, "the ledger is sound\n")
    assert json.loads(run(config, "check", "--quick", "--json").output) == []


def test_findings_end_with_1_and_are_told_as_text_and_json(
    config: Path, write: Write, tmp_path: Path
) -> None:
    write({})
    with closing(sqlite3.connect(tmp_path / "pointsman.db")) as connection, connection:
        connection.execute("create table mine (id text)")
    text, found = run(config, "check"), run(config, "check", "--json")
    assert (text.exit_code, found.exit_code) == (1, 1)
    assert text.output == "schema: mine: a table that pointsman did not make\n1 findings\n"
    assert json.loads(found.output) == [
        {"check": "schema", "table": "mine", "message": "a table that pointsman did not make"}
    ]


def test_reservations_that_nobody_will_settle_are_found(config: Path, tmp_path: Path) -> None:
    async def reserve() -> None:
        opened = open_ledger("sqlite:///pointsman.db", base=tmp_path, durability="relaxed")
        await opened.open([GENERATIONS, RESERVATIONS])
        for number, state in enumerate(("open", "settled", "open")):
            opened.insert("reservations", (f"{number}", state))
        await opened.flush()
        beside = await asyncio.to_thread(run, config, "check")
        assert beside.exit_code == 0
        await opened.close()

    asyncio.run(reserve())
    result = run(config, "check")
    assert result.exit_code == 1
    assert "reservations: 2 are open and no server runs" in result.output
