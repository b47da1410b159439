"""`pointsman models`: without a server and without a ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman_catalogue import recall
from pointsman_catalogue.command import models
from pointsman_catalogue.compile import Compiled
from pointsman_catalogue.rows import Row

ROWS = [
    Row(
        "acme/a",
        "groq",
        "a-groq",
        True,
        {
            "context": 131072,
            "description": "x" * 100,
            "price": [
                {"input": "1", "output": "2"},
                {"input": "3", "output": "4", "from": "2026-01-01", "tiers": [{"above": 9, "input": "5"}]},
            ],
        },
        source="genai-prices 0.2.3",
    ),
    Row("acme/b", "together", "b", True, {"price": {"input": "7"}}, source="genai-prices 0.2.3"),
]
CONFIG = """
providers: {groq: {api_key: sk-groq-secret}}
models: {mine/one: {endpoints: [{endpoint: groq/one, context: 4096, input_modalities: [text, image]}]}}
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a configuration, in which the command is run; compiling is quick."""

    async def compiled() -> Compiled:
        return Compiled("0.2.3", ROWS, {})

    monkeypatch.setattr(recall, "compiled", compiled)
    (tmp_path / "proxy.yaml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(models, arguments)


def rows_of(*arguments: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(run(*arguments, "--json").output)
    return rows


def test_a_table_of_what_is_served_here(folder: Path) -> None:
    result = run()
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert lines[0].split() == ["MODEL", "AT", "TAKES", "CONTEXT", "ANSWER", "USD/M", "IN", "USD/M", "OUT"]
    assert lines[1].split() == ["acme/a", "groq", "-", "131,072", "-", "3+", "4+"]
    assert lines[-2].split() == ["mine/one", "groq", "text,", "image", "4,096", "-", "-", "-"]
    assert lines[-1] == "3 models at 2 providers"
    assert "sk-groq" not in result.output
    assert [path.name for path in folder.iterdir()] == ["proxy.yaml"]


def test_all_adds_what_nobody_here_serves() -> None:
    output = run("--all").output
    assert "together (not configured)" in output
    assert output.splitlines()[-3:] == [
        "3 models at 2 providers",
        "1 that no configured provider serves",
        "2 canonical models at vendors that may be configured, OpenRouter apart",
    ]


def test_json_has_every_fact_with_source_and_date() -> None:
    (here,) = (row for row in rows_of() if row["model"] == "mine/one")
    assert here == {
        "model": "mine/one",
        "provider": "groq",
        "vendor": "groq",
        "native_id": "one",
        "configured": True,
        "facts": {
            "context": {"value": 4096, "source": "configuration", "date": ""},
            "input_modalities": {"value": ["text", "image"], "source": "configuration", "date": ""},
        },
    }
    assert {row["model"] for row in rows_of("--all")} >= {"acme/a", "acme/b", "mine/one"}


def test_why_shows_sources() -> None:
    output = run("--why", "acme/a").output
    assert output.splitlines()[0] == "acme/a at groq/a-groq"
    assert "131072" in output
    assert "genai-prices 0.2.3" in output
    assert "x" * 59 + "…" in output
    elsewhere = run("--why", "acme/b").output
    assert elsewhere.splitlines()[0] == "acme/b at together/b (not configured)"
    (told,) = rows_of("--why", "mine/one")
    assert told["facts"]["context"] == [{"value": 4096, "source": "configuration", "date": "", "used": True}]


def test_why_of_nothing_offers_names_that_look_alike() -> None:
    result = run("--why", "acme/aa")
    assert result.exit_code == 1
    assert "nothing is known of a model 'acme/aa'; did you mean acme/a" in result.output


def test_without_models_the_way_to_all_is_told(folder: Path) -> None:
    (folder / "proxy.yaml").write_text("plugins: {echo: false}")
    assert run().output == "no models: see `pointsman models --all`\n"
