from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from pointsman.config import (
    Config,
    Problem,
    Schema,
    SettingError,
    Usd,
    render_github,
    render_json,
    render_text,
    setting,
)
from pointsman.secrets import Secret

Load = Callable[..., Config]
Refuse = Callable[..., list[Problem]]


def lines(problems: list[Problem]) -> list[str]:
    return [f"{problem.line}:{problem.column} {problem.message}" for problem in problems]


def test_every_kind_of_setting_is_built(load: Load, tmp_path: Path) -> None:
    text = """
plugins:
  cache:
    max_size: 2MB
    ttl: never
    share: 20%
    mode: 1
    seeds: [a, "${B}"]
    ratio: 1
    exact: 0.10
    data: {a: [1, {b: ~}], c: true}
    either: {x: true}
    folder: sub
"""
    cache = load(text, {"B": "b"}).plugin("cache")
    assert (cache.max_size, cache.ttl, cache.share, cache.mode) == (2_000_000, "never", 0.2, 1)
    assert cache.seeds == (Secret("a"), Secret("b"))
    assert (cache.ratio, cache.exact, cache.folder) == (1.0, Decimal("0.10"), tmp_path / "sub")
    assert cache.data == {"a": [1, {"b": None}], "c": True}
    assert cache.either == {"x": True}


@pytest.mark.parametrize(
    ("text", "value"), [("a", "a"), ("[1, 2]", [1, 2]), ("{}", {}), ("", []), ("[]", [])]
)
def test_a_node_s_shape_decides_between_the_options_of_a_union(load: Load, text: str, value: Any) -> None:
    assert load(f"plugins: {{cache: {{either: {text}}}}}").plugin("cache").either == value


def test_a_problem_has_file_line_column_source_line_and_caret(refuse: Refuse) -> None:
    (problem,) = refuse("server:\n  host: 0.0.0.0\n  prot: 4141\n")
    assert str(problem) == (
        "proxy.yaml:3:3: error: unknown key `prot` in `server`\n"
        "      prot: 4141\n"
        "      ^\n"
        "    did you mean `port`?"
    )


def test_all_problems_are_found_in_one_run(refuse: Refuse) -> None:
    problems = refuse(
        "server: {port: 99999, host: [a]}\nlogg: {}\nattempts: 0\n"
        "log:\n  level: loud\nkeys:\n  - {tags: x}\na: *b\n"
    )
    assert lines(problems) == [
        "1:16 `server.port` must be at most 65535, not 99999",
        "1:29 `server.host`: this cannot be a list",
        "2:1 unknown key `logg`",
        "3:11 `attempts` must be at least 1, not 0",
        "5:10 `log.level`: this cannot be the string 'loud'",
        "7:5 `name` is missing in `keys.0`",
        "7:12 `keys.0.tags`: this cannot be the string 'x'",
        "8:1 unknown key `a`",
        "8:4 alias *b refers to no anchor above it",
    ]


def test_more_than_fifty_problems_are_counted(refuse: Refuse) -> None:
    problems = refuse("".join(f"k{number}: 1\n" for number in range(60)))
    assert len(problems) == 51
    assert problems[-1].message == "10 more problems are not shown; fix these first"


def test_an_unknown_key_far_from_any_lists_the_valid_ones(refuse: Refuse) -> None:
    (problem,) = refuse("log: {zzzzzz: 1}")
    assert problem.expected == "one of `level`, `format`, `access`"
    (problem,) = refuse("zzzzzz: 1")
    assert problem.expected.endswith("and 11 more")
    (problem,) = refuse("plugins: {plain: {zzzzzz: 1}}")
    assert problem.expected == "one of `order`"


def test_keys_with_x_are_free_among_declared_keys(load: Load) -> None:
    config = load(
        'x-a: {b: "${UNSET}"}\nserver: {x-b: 1}\nkeys: [{name: n, x-c: [{}]}]\n'
        "plugins: {x-d: {e: 1}, cache: {x-f: ~}}\n"
    )
    assert config.section("keys")[0].name == "n"


def test_where_names_are_the_operator_s_own_x_is_a_name(load: Load) -> None:
    config = load("providers: {x-lab: {headers: {x-team: a}}}\nmodels: {x-lab/m: {}}")
    assert config.core.providers.entries["x-lab"].headers == {"x-team": "a"}
    assert "x-lab/m" in config.core.models


def test_an_unset_variable_is_told_once_and_only_where_it_is_used(refuse: Refuse) -> None:
    problems = refuse("x-d: &d\n  host: ${NOPE}\nserver: {<<: *d}\nlog: {level: *e}\nx-f: *d\n")
    assert lines(problems)[0] == "2:9 environment variable NOPE is not set"
    assert sum("NOPE" in problem.message for problem in problems) == 1


def test_nothing_behind_a_key_is_an_empty_section(load: Load) -> None:
    config = load("server:\nkeys:\nmodels:\nproviders:\n  lab:\nplugins:\n  cache:\n")
    assert config.core.server.port == 4141
    assert config.section("keys") == ()
    assert config.core.providers.entries["lab"].vendor is None
    assert config.plugin("cache").mode == "lru"


def test_a_shorthand_stands_for_the_whole(load: Load) -> None:
    config = load(
        "ledger: sqlite:///x.db\nkeys: [{name: a, budget: 20}, {name: b, budget: {usd: 0.5, per: day}}]"
    )
    assert config.core.ledger.url == "sqlite:///x.db"
    keys = config.section("keys")
    assert [(key.budget.usd, key.budget.per) for key in keys] == [(20 * 10**9, "month"), (5 * 10**8, "day")]


def test_a_refused_shorthand_points_at_the_scalar(refuse: Refuse) -> None:
    assert lines(refuse("keys: [{name: a, budget: lots}]")) == [
        "1:26 `keys.0.budget.usd`: 'lots' is not a number of US dollars"
    ]


def test_a_class_may_hold_itself(load: Load, refuse: Refuse) -> None:
    tree = load("tree: {name: a, children: [{name: b, children: [{name: c}]}]}").section("tree")
    assert tree.children[0].children[0].name == "c"
    assert refuse("tree: {children: [{children: [{nam: c}]}]}")[0].message == (
        "unknown key `nam` in `tree.children.0.children.0`"
    )


def test_an_added_key_arrives_in_extra(load: Load) -> None:
    config = load("models: {m: {endpoints: [a/b, {endpoint: c/d, weight: 3}]}}\nproviders: {a: {price: 1.5}}")
    assert [row.extra for row in config.core.models["m"].endpoints] == [{"weight": 1}, {"weight": 3}]
    assert config.core.providers.entries["a"].extra == {"price": Usd(1_500_000_000)}


def test_an_added_key_is_checked_like_any(refuse: Refuse) -> None:
    problems = refuse("models: {m: {endpoints: [{endpoint: c/d, weight: -1}, {endpoint: e/f, wieght: 1}]}}")
    assert problems[0].message == "`models.m.endpoints.0.weight` must be at least 0, not -1"
    assert problems[1].hint == "did you mean `weight`?"


def test_limits_are_shown_as_they_would_be_written(refuse: Refuse) -> None:
    problems = refuse(
        "plugins: {cache: {max_size: 2GB, ratio: 1.5}}\nhook_timeout: 0\nserver: {max_body: 0}\n"
    )
    assert [problem.message for problem in problems] == [
        "`plugins.cache.max_size` must be at most 1GB, not 2GB",
        "`plugins.cache.ratio` must be at most 1.0, not 1.5",
        "`hook_timeout` must be at least 1ms, not 0s",
        "`server.max_body` must be at least 1B, not 0B",
    ]


def test_a_value_from_the_environment_is_not_told(refuse: Refuse) -> None:
    problems = refuse(
        "server: {port: 1}\nattempts: ${N}\nlog:\n  access: ${S}\n", {"N": "4242", "S": "hunter2"}
    )
    assert "4242" not in str(problems)
    assert "hunter2" not in str(problems)
    assert problems[1].message == "`log.access`: this cannot be a string from env S"


def test_rules_over_several_fields_point_at_the_field(refuse: Refuse) -> None:
    (problem,) = refuse("plugins:\n  cache:\n    ttl: never\n    mode: fifo\n")
    assert (problem.line, problem.column, problem.message) == (3, 10, "`plugins.cache.ttl`: fifo needs a ttl")
    assert (problem.expected, problem.hint) == ("a duration", "30s is usual")
    (problem,) = refuse("plugins:\n  cache:\n    ratio: 0.5\n")
    assert (problem.line, problem.column, problem.message) == (3, 5, "`plugins.cache`: one half is no ratio")


@dataclass(frozen=True)
class StrictSettings:
    """Breaks several rules at once, or has a bug."""

    name: str = setting(default="", help="A name.")

    def check(self) -> None:
        errors: list[Exception] = [SettingError("name", "odd", severity="warning")]
        if self.name == "bad":
            errors.append(ValueError("bad"))
        if self.name == "bug":
            errors.append(KeyError("bug"))
        raise ExceptionGroup("rules", errors)


def test_a_rule_may_find_several_things(load: Load, refuse: Refuse) -> None:
    schema = Schema()
    schema.section("strict", StrictSettings, owner="test")
    assert [problem.severity for problem in load("strict: {name: fine}", use=schema).problems] == ["warning"]
    assert [problem.severity for problem in refuse("strict: {name: bad}", use=schema)] == ["error", "warning"]
    with pytest.raises(ExceptionGroup):
        load("strict: {name: bug}", use=schema)


def test_a_rule_is_not_asked_about_values_that_are_refused(refuse: Refuse) -> None:
    assert len(refuse("plugins: {cache: {ttl: never, mode: fifo, ratio: x}}")) == 1


def test_a_required_section_must_be_there(refuse: Refuse, load: Load) -> None:
    schema = Schema()
    schema.section("name", str, owner="test", help="A name.")
    schema.section("maybe", str | None, owner="test", help="A name or none.")
    schema.section("names", dict[str, str], owner="test", help="Names.")
    schema.section("given", int, owner="test", default=3, help="A number.")
    (problem,) = refuse("x-a: 1\n", use=schema)
    assert (problem.place, problem.message) == ("proxy.yaml:1:1", "`name` is missing")
    config = load("name: a", use=schema)
    assert [config.section(name) for name in ("name", "maybe", "names", "given")] == ["a", None, {}, 3]


SECRETS = [
    "providers: {lab: {api_key: hunter22, bas_url: x}}",
    "providers:\n  lab:\n    api_kye: hunter22\n",
    "providers: {lab: {api_key: [hunter22, hunter22]}}",
    "providers: {lab: {api_key: {a: hunter22}}}",
    "providers: {lab: hunter22}",
    "providers: {lab: {api_key: 'hunter22'}, b: {headers: {Authorization: hunter22}}, c: 1}",
    "plugins: {cache: {seeds: hunter22}}",
    "plugins: {cache: {seeds: [hunter22, {b: hunter22}]}}",
    "plugins: {cache: {sede: [hunter22]}}",
    "admin_key: &k hunter22\nserver: {port: *k}",
    "admin_key: true\nadmin_key: hunter22",
    "admin_key: hunter22: x",
    "admin_key: |\n  hunter22\n  ${UNSET}\n",
    "admin_key: hunter22${UNSET}",
    "admin_key: ${UNSET:-hunter22}\nport: 1",
    "admin_key: !secret hunter22",
    "admin_key: ${KEY}\nserver: {port: ${KEY}}",
    "admin_key: ${KEY}\nserver:\n  port: ${KEY}\n  max_body: x${KEY}\n  host: [${KEY}]",
    "state: {url: [\"redis://me:hunter22@db\"]}",
    "server: {prot: sk-hunter22hunter22}",
    "models: {a: sk-hunter22hunter22}",
    "auth: postgres://me:hunter22@db/x",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_no_renderer_prints_a_secret(refuse: Refuse, text: str) -> None:
    problems = refuse(text, {"KEY": "hunter22"})
    for render in (render_text, render_json, render_github):
        assert "hunter22" not in render(problems)


def test_the_name_of_a_variable_is_shown_where_its_secret_stands(refuse: Refuse) -> None:
    (problem,) = refuse("providers: {lab: {api_key: '${KEY}', bas_url: x}}", {"KEY": "hunter22"})
    assert problem.source_line == "providers: {lab: {api_key: '${KEY}', bas_url: x}}"


def test_what_stands_under_a_wrong_key_is_hidden_where_a_secret_belongs(refuse: Refuse) -> None:
    (problem,) = refuse("providers: {lab: {credential: plain-words}}")
    assert "plain-words" not in problem.source_line
    (problem,) = refuse("servr: {prt: 1}")
    assert "prt: 1" in problem.source_line


@dataclass(frozen=True)
class DottedSettings:
    """Keys may lead into its tables."""

    dotted: ClassVar[bool] = True
    headers: dict[str, str | tuple[str, ...]] | None = setting(default=None, help="By name.")
    plain: int = setting(default=0, help="A number.")


def test_a_key_may_lead_into_a_table(load: Load, schema: Schema, refuse: Refuse) -> None:
    schema.section("rule", DottedSettings, owner="rules", help="A rule.")
    text = "rule: {headers.x-region: eu, headers: {a.b: c}, headers.z: [y], plain: 1}\n"
    config = load(text)
    assert config.section("rule").headers == {"a.b": "c", "x-region": "eu", "z": ("y",)}
    assert config.mark("rule.headers.x-region").endswith(":1:26")
    assert config.mark("rule.headers.a.b").endswith(":1:45")
    (problem,) = refuse("rule: {headers.x: {a: b}}\n")
    assert lines([problem]) == ["1:19 `rule.headers.x`: this cannot be a mapping"]
    for wrong, key in (("plain.x: 1", "plain.x"), ("headers.: a", "headers."), ("hraders.x: a", "hraders.x")):
        (problem,) = refuse(f"rule: {{{wrong}}}\n")
        assert lines([problem]) == [f"1:8 unknown key `{key}` in `rule`"]
    (problem,) = refuse("rule: {headers: {x: a}, headers.x: b}\n")
    assert lines([problem]) == ["1:25 unknown key `headers.x` in `rule`"]
