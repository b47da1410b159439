"""Checks: what `pointsman check` says of rules, each at its place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.checks import warnings
from pointsman_routes.rules import compile_rules

Make = Callable[[str], Setup]


async def warned(setup: Setup) -> list[tuple[int, int, str]]:
    async with Gateway.dry(setup) as gateway:
        found = list(warnings(gateway, compile_rules(setup)))
    assert {problem.severity for problem in found} <= {"warning"}
    return [(problem.line, problem.column, problem.message) for problem in found]


@pytest.mark.parametrize(
    ("rules", "line", "column", "message"),
    [
        (
            '- {name: a, when: {tokens: "> 10, < 5"}, use: {models: [fast]}}',
            2,
            28,
            "rule 'a' never matches",
        ),
        (
            "- {name: a, when: {stream: true, all: [{stream: false}]}, use: {models: [fast]}}",
            2,
            49,
            "rule 'a' never matches",
        ),
        ("- {name: a, when: {not: {}}, use: {models: [fast]}}", 2, 19, "rule 'a' never matches"),
        (
            "- {name: a, when: {model: b*}}\n- {name: c, when: {model: big, stream: true}}",
            3,
            3,
            "rule 'c' is never reached: rule 'a' at proxy.yaml:2 takes all its requests",
        ),
        (
            "- {name: a, when: {model: [big, acme/lrge]}}",
            2,
            33,
            "rule 'a' is for model 'acme/lrge', which no provider has, and names none to use",
        ),
        (
            "- {name: a, when: {any: [{model: 'amce/*'}, {stream: true}]}}",
            2,
            34,
            "rule 'a' is for model 'amce/*', which no provider has",
        ),
        (
            "- {name: a, use: {models: [fast], preferences: {only: [spare]}}}",
            2,
            18,
            "no endpoint of rule 'a' can answer as it is: lab/small: provider.only: it is not named there",
        ),
        (
            "- {name: a, use: {models: [acme/large], max_price: {prompt: 0.5}}}",
            2,
            18,
            "as it is: lab/large: provider.max_price: it asks 2 USD, more than 0.50, for a million tokens of "
            "the request, and 1 more",
        ),
        (
            "- {name: a, use: {models: [shut/x]}}",
            2,
            18,
            "no endpoint of rule 'a' can answer as it is: shut/x: is closed",
        ),
        (
            "- {name: a, when: {model: [big, '@preset/brief']}}",
            2,
            33,
            "no rule sees '@preset/brief': a preset is seen as what it leads to",
        ),
        (
            "- {name: a, when: {not: {model: acme/large@preset/brief}}}",
            2,
            33,
            "no rule sees 'acme/large@preset/brief'",
        ),
        (
            "- {name: a, when: {model: '~acme/large-latest'}, use: {models: [fast]}}",
            2,
            27,
            "rule 'a' is for family '~acme/large-latest': rules see the model that it leads to",
        ),
        (
            "- {name: a, use: {endpoints: [lab/large, open/lrage]}}",
            2,
            42,
            "endpoint 'open/lrage' of rule 'a' is of no model: it serves who asks for it alone",
        ),
    ],
)
async def test_what_has_no_effect_is_warned_of_at_its_place(
    setup: Make, rules: str, line: int, column: int, message: str
) -> None:
    (found,) = await warned(setup(f"routes:\n{rules}\n"))
    assert found[:2] == (line, column)
    assert message in found[2]


async def test_good_rules_raise_no_warning(setup: Make) -> None:
    rules = """
routes:
  - {name: a, when: {model: ["acme/*", big], stream: true}}
  - {name: b, when: {model: auto}, use: {models: [fast]}}
  - {name: c, when: {model: "nobody-*"}, use: {fallbacks: [fast]}}
  - {name: d, when: {model: ["open/*", "open/x", "lab/large", "acme/large:floor"]}}
  - {name: e, when: {stream: true}, use: {models: [open/y, acme/small], endpoints: [open/y, lab/small]}}
  - {name: f, when: {model: "~acme/nobody-latest"}, use: {models: [fast]}}
  - {name: g, use: {models: [acme/large, shut/x], max_price: {prompt: 1.5}}}
"""
    assert await warned(setup(rules)) == []


@pytest.mark.parametrize(
    ("when", "column", "message"),
    [
        ("surface: [chat, caht]", 43, "surface 'caht' is not served here"),
        ("dialect: gemini", 36, "dialect 'gemini' is not served here"),
        ("not: {any: [{dialect: gemini}]}", 49, "dialect 'gemini' is not served here"),
        ("headers.Authorization: 'Bearer *'", 50, "rule 'a' asks for a credential"),
        ("headers: {x-api-key: x}", 48, "rule 'a' asks for a credential"),
    ],
)
async def test_what_cannot_be_asked_for_stops_the_start_at_its_place(
    setup: Make, when: str, column: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        async with Gateway.dry(setup(f"routes: [{{name: a, when: {{{when}}}}}]\n")):
            pass
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (1, column)
    assert message in problem.message


async def test_without_a_dialect_nothing_is_said_of_endpoints(setup: Make) -> None:
    made = setup("routes: [{name: a, use: {models: [shut/x]}}]\n")
    object.__setattr__(made, "dialects", type(made.dialects)())
    assert await warned(made) == []


@pytest.mark.parametrize(
    ("name", "message", "hint"),
    [
        ("lab/lagre", "uses endpoint 'lab/lagre', which there is not", "did you mean lab/large"),
        ("acme/large", "uses endpoint 'acme/large', which there is not", ""),
    ],
)
async def test_endpoints_of_rules_that_there_are_not_stop_the_start(
    setup: Make, name: str, message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        async with Gateway.dry(setup(f"routes: [{{name: a, use: {{endpoints: [open/any, {name}]}}}}]\n")):
            pass
    (problem,) = caught.value.problems
    assert (problem.line, problem.column) == (1, 48)
    assert message in problem.message
    assert hint in problem.hint


async def test_a_preset_of_a_rule_that_there_is_not_stops_the_start(setup: Make) -> None:
    rules = "presets: {brief: {models: [fast]}}\nroutes: [{name: a, when: {preset: [brief, breif]}}]\n"
    with pytest.raises(ConfigError, match="preset 'breif' is not served here") as caught:
        async with Gateway.dry(setup(rules)):
            pass
    assert caught.value.problems[0].hint == "did you mean brief?"
