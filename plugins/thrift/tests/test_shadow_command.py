"""`pointsman route shadow`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from pointsman.cli import main
from pointsman.testing import FakeProvider, running

from .test_live import CONFIG, Lab, World


@pytest.fixture
def compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration and a ledger in which two models were compared three times."""

    async def make() -> None:
        world = World()
        world.right["small"] = False
        async with FakeProvider(world.play) as fake:
            config = CONFIG.format(url=fake.url, choice="", use="", labels=10)
            config = config.replace("auth: none", "server: {host: 127.0.0.1}\nauth: none")
            (tmp_path / "proxy.yaml").write_text(config)
            async with running(f"{config}\nledger: sqlite:///{tmp_path}/pointsman.db") as served:
                await Lab(served, world).learn(3)

    asyncio.run(make())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_tells_who_was_compared_how_it_came_out_and_what_it_costs(compared: Path) -> None:
    result = CliRunner().invoke(main, ["route", "shadow", "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    (pair,) = told["pairs"]
    assert (pair["task"], pair["a"], pair["b"], pair["labels"]) == (
        "programming",
        "acme/large",
        "acme/small",
        3,
    )
    assert (pair["ties"], pair["losses"]) == (0, 0)
    assert pair["a_good"] > pair["b_good"]
    assert 0 < told["spent_today_nano"] < told["most_a_day_nano"]
    table = CliRunner().invoke(main, ["route", "shadow"]).output
    assert "100.00% of chats, judge judge" in table
    assert "acme/small" in table
    none = CliRunner().invoke(main, ["route", "shadow", "--task", "legal"]).output
    assert "no two models were compared" in none
