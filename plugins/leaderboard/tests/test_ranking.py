"""`pointsman models --rank`, beside a running server."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman_catalogue.command import models

Serve = Callable[..., Any]


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(models, ["--config", str(folder / "proxy.yaml"), *arguments])


@pytest.fixture
async def folder(serve: Serve, tmp_path: Path) -> Any:
    """A folder with a configuration and a ledger in which something is."""
    async with serve(f"ledger: sqlite:///{tmp_path}/used.db\n") as desk:
        for model, score, count in (("acme/large", 1.0, 60), ("acme/small", 0.0, 60), ("acme/free", 1.0, 6)):
            desk.said(model, score, count=count)
            desk.used(model, count=3, task="maths", **({"cost_nano": 0} if model == "acme/free" else {}))
        desk.used("acme/small", count=9)
        await desk.ledger.flush()
        (tmp_path / "proxy.yaml").write_text(desk.served.config)
        yield tmp_path


async def test_models_are_ranked_by_what_is_asked_for(folder: Path) -> None:
    used = run(folder, "--rank", "usage").output
    names = ["model", "acme/small", "acme/free", "acme/large"]  # ties by name
    assert [line.split()[0] for line in used.splitlines()] == names
    quality = run(folder, "--rank", "quality").output
    assert "unranked, needs" in quality
    assert quality.splitlines()[1].split()[:3] == ["maths", "acme/large", "1"]
    value = run(folder, "--rank", "value").output
    assert "USD a good answer" in value


async def test_one_task_alone_as_json(folder: Path) -> None:
    rows = json.loads(run(folder, "--rank", "usage", "--task", "maths", "--json").output)
    assert {row["name"]: row["requests"] for row in rows} == dict.fromkeys(
        ("acme/large", "acme/small", "acme/free"), 3
    )
    rows = json.loads(run(folder, "--rank", "value", "--json").output)
    assert {row["model"]: row["ranked"] for row in rows} == {
        "acme/free": False,
        "acme/large": True,
        "acme/small": True,
    }
    assert json.loads(run(folder, "--rank", "quality", "--task", "legal", "--json").output) == []


async def test_what_cannot_be_ranked_is_said(folder: Path) -> None:
    assert "nothing to rank" in run(folder, "--rank", "quality", "--task", "legal").output
    result = run(folder, "--rank", "usage", "--since", "soon")
    assert result.exit_code == 2
    assert "--since" in result.output
