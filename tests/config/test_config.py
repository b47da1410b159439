from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.config import Config, ConfigError, Problem, Schema, build, read, read_text
from pointsman.errors import StartupError

Load = Callable[..., Config]
Refuse = Callable[..., list[Problem]]

TEXT = """\
providers:
  lab.eu:
    base_url: http://x
models:
  vendor/model-1.5:
    endpoints:
      - lab.eu/m
      - {endpoint: lab.eu/n}
"""


def test_sections_and_plugins_are_found_by_name(load: Load) -> None:
    config = load("server: {port: 1}\nplugins: {cache: {mode: fifo}}")
    assert config.section("server") is config.core.server
    assert config.plugin("cache").mode == "fifo"
    with pytest.raises(LookupError, match="no section 'sever'"):
        config.section("sever")
    with pytest.raises(LookupError, match="no plugin 'cahce'"):
        config.plugin("cahce")


def test_a_schema_without_the_core_has_no_core(load: Load) -> None:
    with pytest.raises(LookupError):
        _ = load("", use=Schema()).core


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("providers.lab.eu.base_url", "proxy.yaml:3:15"),
        ("providers.lab.eu.api_key", "proxy.yaml:3:5"),
        ("models.vendor/model-1.5.endpoints.1.endpoint", "proxy.yaml:8:20"),
        ("models.vendor/model-1.5.endpoints.0", "proxy.yaml:7:9"),
        ("models.vendor/model-1.5.endpoints.0.params.x", "proxy.yaml:7:9"),
        ("server.port", "proxy.yaml:1:1"),
        ("", "proxy.yaml:1:1"),
    ],
)
def test_a_dotted_path_leads_to_its_place_or_what_it_is_in(load: Load, path: str, place: str) -> None:
    assert load(TEXT).mark(path) == place


def test_a_problem_found_at_start_up_points_at_the_file(load: Load) -> None:
    problem = load(TEXT).problem(
        "providers.lab.eu.base_url", "nobody answers", expected="a server", hint="start it"
    )
    assert str(problem) == (
        "proxy.yaml:3:15: error: nobody answers\n"
        "        base_url: http://x\n"
        "                  ^\n"
        "    expected a server\n"
        "    start it"
    )


def test_a_problem_found_at_start_up_shows_no_secret(load: Load) -> None:
    config = load("providers: {lab: {api_key: hunter22, base_url: http://x}}")
    assert "hunter22" not in str(config.problem("providers.lab.base_url", "no hunter22"))


def test_source_and_base_are_those_of_the_file(load: Load, schema: Schema, tmp_path: Path) -> None:
    path = tmp_path / "proxy.yaml"
    path.write_text("")
    config = build(read(path, {}), schema)
    assert (config.source, config.base) == (path, tmp_path)
    assert (load("").source, load("").base) == (None, tmp_path)


def test_warnings_do_not_keep_a_configuration_from_being_built(load: Load) -> None:
    config = load("plugins: {none: false}")
    assert [problem.severity for problem in config.problems] == ["warning"]


def test_problems_of_reading_and_building_come_together(refuse: Refuse) -> None:
    assert [problem.line for problem in refuse("log: {}\nlog: {}\nsever: {}\n")] == [2, 3]


def test_the_message_of_the_error_is_the_text_of_all(schema: Schema) -> None:
    with pytest.raises(ConfigError) as caught:
        build(read_text("a: 1\nb: 2", "proxy.yaml", {}, Path()), schema)
    assert "proxy.yaml:1:1: error: unknown key `a`" in str(caught.value)
    assert "proxy.yaml:2:1: error: unknown key `b`" in str(caught.value)


def test_claims_that_contradict_are_told_before_the_file(schema: Schema) -> None:
    schema.field("endpont", "a", str, owner="me", help="A.")
    with pytest.raises(StartupError, match="me adds key 'a' to unknown record 'endpont'"):
        build(read_text("bad: 1", "proxy.yaml", {}, Path()), schema)


def test_included_values_are_built_with_the_places_of_their_file(schema: Schema, tmp_path: Path) -> None:
    (tmp_path / "proxy.yaml").write_text("include: more.yaml\nserver: {host: a}\n")
    (tmp_path / "more.yaml").write_text("server:\n  prot: 1\n  tls: {cert: c.pem, key: k.pem}\n")
    with pytest.raises(ConfigError) as caught:
        build(read(tmp_path / "proxy.yaml", {}), schema)
    assert [problem.place for problem in caught.value.problems] == [f"{tmp_path}/more.yaml:2:3"]
