"""`pointsman providers`, as an operator sees it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman.cli import main
from pointsman.providers import HttpProvider, Listed
from pointsman.testing import FakeProvider, Script, running

HEADS = ["key", "reachable", "ms", "models", "row", "data"]
LISTING = Script.json({"object": "list", "data": [{"id": "a"}, {"id": "b"}]})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("GROQ_API_KEY", "OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["providers", *arguments], catch_exceptions=False)


def rows(*arguments: str) -> dict[str, Any]:
    found: list[dict[str, Any]] = json.loads(run("--json", *arguments).output)
    return {row["name"]: row for row in found}


async def in_thread(*arguments: str) -> Result:
    """The command has an event loop of its own."""
    import asyncio

    return await asyncio.get_running_loop().run_in_executor(None, run, *arguments)


async def test_nobody_is_looked_for_at_our_own_port(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HttpProvider, "list_models", _answer)
    (folder / "proxy.yaml").write_text("server: {port: 8000}\nproviders: {from_env: true}\n")
    found = json.loads((await in_thread("--json")).output)
    reachable = {row["name"] for row in found if row["reachable"]}
    assert "ollama" in reachable
    assert "vllm" not in reachable


async def _answer(self: HttpProvider, http: object) -> list[Listed]:
    return [Listed("m-1")]


async def test_who_is_configured_is_asked_and_told(folder: Path) -> None:
    async with FakeProvider(LISTING) as fake:
        (folder / "proxy.yaml").write_text(
            f'providers: {{lab: {{base_url: "{fake.url}", api_key: sk-very-secret}}, groq: {{}}}}\n'
        )
        text = (await in_thread()).output
        found = json.loads((await in_thread("--json")).output)
        assert [request.path.rpartition("/")[2] for request in fake.requests] == ["models", "models"]
    heads, *lines = text.splitlines()
    assert heads.split() == ["provider", "kind", "base", "url", *HEADS]
    by_name = {line.split()[0]: line for line in lines}
    assert " yes " in by_name["lab"]
    assert "secret:" in by_name["lab"]
    assert "sk-very-secret" not in text
    assert "its api_key is missing" in by_name["groq"]
    assert by_name["groq"].split()[-6:] != by_name["lab"].split()[-6:]
    lab = next(row for row in found if row["name"] == "lab")
    assert (lab["reachable"], lab["models"], lab["configured"]) == (True, 2, True)
    assert lab["about"]["trains"] is None


def test_nobody_is_asked_where_that_is_not_wanted(folder: Path) -> None:
    (folder / "proxy.yaml").write_text(
        'providers: {lab: {base_url: "http://127.0.0.1:1/v1", api_key: k}}\nplugins: {echo: false}\n'
    )
    found = rows("--no-ask")
    assert list(found) == ["lab"]
    assert (found["lab"]["reachable"], found["lab"]["error"]) == (None, None)


def test_all_shows_who_could_be_configured_and_how(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MISTRAL_API_KEY", "k")
    (folder / "proxy.yaml").write_text("providers: {groq: {api_key: k}}\nplugins: {echo: false}\n")
    found = rows("--no-ask", "--all")
    assert len(found) >= 125
    assert [name for name, row in found.items() if row["configured"]] == ["groq"]
    assert found["mistral"]["key_set"]
    assert found["deepseek"]["about"]["verified"]
    text = run("--no-ask", "--all").output
    assert f"Not configured ({len(found) - 1})" in text
    assert "MISTRAL_API_KEY (set)" in text
    assert "https://{account}.snowflakecomputing.com/api/v2/cortex/v1" in text
    assert "mistral" not in run("--no-ask").output


def test_the_environment_is_enough_and_ports_that_were_looked_at_are_nobody(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "k")
    found = rows("--no-ask")
    assert "groq" in found
    assert not found["groq"]["configured"]
    assert "ollama" not in found
    assert "ollama" in rows("--no-ask", "--all")


def test_nobody_at_all_says_where_to_look(folder: Path) -> None:
    (folder / "proxy.yaml").write_text("plugins: {echo: false}\n")
    assert "pointsman providers --all" in run().output
    assert run("--json").output == "[]\n"


async def test_the_endpoints_of_the_running_server_are_watched_by_pointsman_top(folder: Path) -> None:
    config = """
admin_key: master
models: {demo/m: {endpoints: [echo/echo, echo/tools]}}
routes: [{name: all, use: {pick: ordered}}]
"""
    (folder / "proxy.yaml").write_text(config)
    async with running(config, folder=folder, key="master") as server:
        body = {"model": "demo/m", "messages": [{"role": "user", "content": "Hello"}]}
        assert (await server.client.post("/v1/chat/completions", json=body)).status_code == 200
        shown = await in_thread("--watch")
        told = await in_thread("--watch", "--json")
    assert shown.output.split()[:3] == ["endpoint", "state", "share"]
    assert {row["endpoint"] for row in json.loads(told.output)} == {"echo/echo", "echo/tools"}


def test_nobody_watches_where_no_plugin_does(folder: Path) -> None:
    (folder / "proxy.yaml").write_text("plugins: {balance: false}\nauth: none\n")
    result = run("--watch")
    assert result.exit_code == 2
    assert "no plugin in use has `pointsman top`" in result.output
