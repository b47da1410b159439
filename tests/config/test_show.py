from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from pointsman.config import Config, Shown, show, show_json, show_text

Load = Callable[..., Config]

TEXT = """\
server:
  port: ${PORT}
  host: ${HOST:-::}
providers:
  lab:
    api_key: ${LAB_KEY}
    headers: {x-token: hunter22, x-team: "${TEAM}"}
plugins:
  cache: {ttl: 5m, seeds: [one, "${LAB_KEY}"], data: {a: [1, {b: ~}]}, order: {after: [plain]}}
  none: false
keys:
  - {name: alice, budget: 20}
state: redis://me:hunter22@db/0
admin_key: hunter22
"""
ENV = {"PORT": "80", "LAB_KEY": "hunter23", "TEAM": "red"}


def rows(config: Config) -> dict[str, Shown]:
    return {row.path: row for row in show(config)}


def test_values_come_with_their_origin(load: Load) -> None:
    shown = rows(load(TEXT, ENV))
    for path, value, origin in [
        ("server.port", "80", "proxy.yaml:2:9 (env PORT)"),
        ("server.host", '"::"', "proxy.yaml:3:9"),
        ("server.workers", "1", "default"),
        ("providers.lab.headers.x-team", "red", "proxy.yaml:7:42 (env TEAM)"),
        ("providers.lab.vendor", "null", "default"),
        ("plugins.cache.ttl", "5m", "proxy.yaml:9:16"),
        ("plugins.cache.max_size", "1MB", "default"),
        ("plugins.cache.share", "5%", "default"),
        ("plugins.cache.data.a.1.b", "null", "proxy.yaml:9:66"),
        ("plugins.cache.order.after.0", "plain", "proxy.yaml:9:88"),
        ("plugins.plain", "{}", "default"),
        ("plugins.none", "false", "proxy.yaml:10:9"),
        ("keys.0.budget.usd", "20.00", "proxy.yaml:12:27"),
        ("keys.0.tags", "[]", "default"),
        ("models", "{}", "default"),
    ]:
        assert (shown[path].value, shown[path].origin) == (value, origin), path


def test_secrets_are_fingerprints_and_passwords_stars(load: Load) -> None:
    config = load(TEXT, ENV)
    for text in (show_text(config), show_json(config)):
        assert "hunter2" not in text
        assert text.count("secret:") == 5
    shown = rows(config)
    assert shown["state.url"].value == '"redis://me:********@db/0"'
    assert shown["providers.lab.api_key"].origin == "proxy.yaml:6:14 (env LAB_KEY)"


def test_the_order_is_that_of_the_file_with_defaults_after_it(load: Load) -> None:
    paths = [row.path for row in show(load("log: {access: true}\nserver: {port: 1}\n"))]
    assert paths[:4] == ["log.access", "log.level", "log.format", "server.port"]
    assert paths.index("server.host") < paths.index("include")


def test_text_is_aligned(load: Load) -> None:
    lines = show_text(load("")).splitlines()
    assert len({line.index("  # ") for line in lines}) == 1
    assert lines[0].split() == ["include:", "[]", "#", "default"]


def test_json_is_an_array_of_rows(load: Load) -> None:
    first = json.loads(show_json(load("attempts: 2")))[0]
    assert first == {"path": "attempts", "value": "2", "origin": "proxy.yaml:1:11"}


@pytest.mark.parametrize("text", ["", TEXT])
def test_every_row_has_its_own_path(load: Load, text: str) -> None:
    paths = [row.path for row in show(load(text, ENV))]
    assert len(paths) == len(set(paths))
