"""The command line: what it prints, and its exit statuses."""

from __future__ import annotations

import gc
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from pointsman import __version__
from pointsman.cli import main

GOOD = """
auth: none
plugins: {openai: {}, vendors: {}, routes: {}, echo: false}
providers: {lab: {base_url: "http://127.0.0.1:1/v1", api_key: sk-very-secret}}
models: {a/b: {aliases: [fast], endpoints: [lab/x]}}
"""
WRONG = GOOD + "servr: {}\nlog: {level: loud}\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    root = logging.getLogger()
    before = list(root.handlers), root.level
    yield tmp_path
    root.handlers[:] = before[0]
    root.setLevel(before[1])


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


def write(folder: Path, text: str) -> None:
    (folder / "proxy.yaml").write_text(text)


def test_version() -> None:
    assert run("version").output == f"{__version__}\n"


def test_check_says_good(folder: Path) -> None:
    write(folder, GOOD)
    result = run("check")
    assert result.exit_code == 0
    assert result.output == "proxy.yaml: good; 1 providers, 1 models\n"


def test_check_tells_every_mistake_at_its_place(folder: Path) -> None:
    write(folder, WRONG)
    result = run("check")
    assert result.exit_code == 1
    assert "proxy.yaml:6:1: error: unknown key `servr`" in result.output
    assert "did you mean `server`?" in result.output
    assert "proxy.yaml:7:14: error:" in result.output
    assert "log: {level: loud}\n                 ^" in result.output


def test_check_for_programs(folder: Path) -> None:
    write(folder, WRONG)
    rows = json.loads(run("check", "--format", "json").output)
    assert [(row["line"], row["column"], row["severity"]) for row in rows] == [
        (6, 1, "error"),
        (7, 14, "error"),
    ]
    lines = run("check", "--format", "github").output.splitlines()
    assert lines[0].startswith("::error file=proxy.yaml,line=6,col=1")
    write(folder, GOOD)
    assert run("check", "--format", "json").output == "[]\n"


def test_check_tells_rules_that_only_show_at_start(folder: Path) -> None:
    write(folder, GOOD + "routes: [{name: r, use: {models: [fsat]}}]\n")
    result = run("check")
    assert result.exit_code == 1
    assert "proxy.yaml:6:" in result.output
    write(folder, GOOD + "server: {host: 0.0.0.0}\n")
    result = run("check")
    assert result.exit_code == 1
    assert "auth: none is for loopback only" in result.output
    rows = json.loads(run("check", "--format", "json").output)
    assert "loopback" in rows[0]["message"]


def test_check_tells_what_plugins_find_and_fails_for_errors_alone(folder: Path) -> None:
    rules = "routes:\n  - {name: all}\n  - {name: late, when: {stream: true}}\n"
    write(folder, GOOD + rules)
    result = run("check")
    assert result.exit_code == 0
    assert "proxy.yaml:8:5: warning: rule 'late' is never reached" in result.output
    assert result.output.endswith("proxy.yaml: good; 1 providers, 1 models\n")
    rows = json.loads(run("check", "--format", "json").output)
    assert [(row["line"], row["severity"]) for row in rows] == [(8, "warning")]
    tests = "tests: [{name: streams, request: {model: fast, body: {stream: true}}, expect: {rule: late}}]\n"
    write(folder, GOOD + rules + tests)
    result = run("check")
    assert result.exit_code == 1
    assert "error: rule test 'streams' fails: rule is all\n    tests: [" in result.output
    assert "good" not in result.output


def test_check_without_a_file(folder: Path) -> None:
    assert run("check").exit_code == 2
    result = run("check", "nowhere.yaml")
    assert result.exit_code == 2
    assert "there is no configuration file nowhere.yaml" in result.output


def test_check_wants_no_network_and_leaves_nothing(folder: Path) -> None:
    write(folder, GOOD.replace("api_key", "discover: true, api_key"))
    assert run("check").exit_code == 0
    assert [path.name for path in folder.iterdir()] == ["proxy.yaml"]


def test_show_masks_secrets_and_tells_origins(folder: Path) -> None:
    write(folder, GOOD)
    result = run("show")
    assert result.exit_code == 0
    assert "sk-very-secret" not in result.output
    assert "secret:" in result.output
    rows: list[dict[str, Any]] = json.loads(run("show", "--json").output)
    by_path = {row["path"]: row for row in rows}
    assert by_path["providers.lab.base_url"]["origin"] == "proxy.yaml:4:29"
    assert by_path["server.port"]["origin"] == "default"


def test_schema_is_a_json_schema_with_every_section(folder: Path) -> None:
    write(folder, GOOD)
    schema = json.loads(run("schema").output)
    assert schema["$schema"].endswith("2020-12/schema")
    assert {"server", "providers", "models", "plugins", "routes"} <= schema["properties"].keys()


def test_plugins_and_their_order(folder: Path) -> None:
    write(folder, GOOD)
    rows = {row["name"]: row for row in json.loads(run("plugins", "--json").output)}
    assert rows["routes"]["hooks"][0] == "plugin_settings"
    assert rows["core"]["hooks"] == ["call_provider"]
    order = {row["hook"]: row["plugins"] for row in json.loads(run("plugins", "--order", "--json").output)}
    assert order["call_provider"][-1] == "core"
    assert "list_candidates      routes" in run("plugins", "--order").output
    assert "routes" in run("plugins").output


def test_what_stops_a_command_is_said_without_a_traceback(folder: Path) -> None:
    write(folder, "plugins: {zebra: {}}\n")
    for command in (["show"], ["schema"], ["plugins"], ["serve"]):
        result = run(*command)
        assert result.exit_code == 1
        assert "proxy.yaml:1:11: error: plugin 'zebra' is not installed" in result.output
        assert "Traceback" not in result.output


def test_an_unknown_command_is_met_with_the_near_one(folder: Path) -> None:
    write(folder, GOOD)
    result = run("serv")
    assert result.exit_code == 2
    assert "Did you mean 'serve'" in result.output


def test_commands_of_plugins_are_commands(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(folder, GOOD)
    assert "explain" in run("--help").output
    elsewhere = folder / "other.yaml"
    elsewhere.write_text(GOOD)
    monkeypatch.setattr("sys.argv", ["pointsman", "explain", "--config", str(elsewhere)])
    result = run("explain", "--config", str(elsewhere), "--model", "fast", "--json")
    assert json.loads(result.output)["choice"] == "lab/x"


def test_a_start_that_fails_leaves_the_collector_on(folder: Path) -> None:
    write(folder, GOOD + "nonsense: {}\n")
    assert run("serve").exit_code == 1
    assert gc.isenabled()


def test_only_a_file_can_be_watched(folder: Path) -> None:
    result = run("serve", "--watch")
    assert result.exit_code == 1
    assert result.output == "error: --watch: there is no configuration file to watch\n"


def test_reload_asks_a_server_and_says_where_there_is_none(folder: Path) -> None:
    write(folder, GOOD)
    result = run("reload")
    assert result.exit_code == 1
    assert result.output == "error: no server runs that has the ledger 'sqlite:///pointsman.db' open\n"
