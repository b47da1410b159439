"""Rehearsal: rule tests pass, or fail at their place with what was found instead."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pointsman.config import Problem
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.rehearsal import rehearse

Make = Callable[[str], Setup]

RULES = """
routes:
  - name: night
    when: {model: auto, time: "22:00-06:00 Europe/Paris"}
    use: {models: [acme/large], pick: ordered}
  - {name: long, when: {tokens: "> 100k"}, use: {models: [fast]}}
  - {name: eu, when: {headers.x-region: eu, key: alice}, use: {models: [big]}}
  - {name: tagged, when: {key.tags: {any: [batch]}}, use: {models: [fast]}}
keys: [{name: alice, key_hash: x}, {name: bob, key_hash: y, tags: [batch]}]
tests:
"""


async def failures(setup: Setup) -> list[Problem]:
    async with Gateway.dry(setup) as gateway:
        return [problem async for problem in rehearse(gateway)]


@pytest.fixture
def setup(setup: Make) -> Make:
    """With the picker that the tests name."""
    return lambda sections: setup(sections.replace(", pick: ordered", ""))


@pytest.mark.parametrize(
    "test",
    [
        'request: {model: auto, at: "2026-11-27T23:30+01:00"}, expect: {rule: night, provider: lab}',
        'request: {model: auto, at: "2026-11-27T23:30Z"}, expect: {endpoints: [lab/large, spare/large]}',
        'request: {model: auto, at: "2026-11-27T12:00Z"}, expect: {no_rule: true, error: model_not_found}',
        "request: {model: big, values: {tokens: 200000}}, expect: {rule: long, models: [fast]}",
        "request: {model: fast, key: alice, headers: {X-Region: eu}}, expect: {rule: eu, models: [big]}",
        "request: {model: fast, key: alice, values: {headers.x-region: eu}}, expect: {rule: eu}",
        "request: {model: fast, key: bob}, expect: {rule: tagged}",
        "request: {model: fast, body: {models: [big]}}, expect: {no_rule: true, models: [fast, big]}",
        "request: {model: fast, surface: embeddings, dialect: openai-chat}, expect: {provider: lab}",
        "request: {model: fast, body: {provider: {only: [x]}}}, expect: {error: no_endpoints}",
    ],
)
async def test_tests_that_are_fulfilled_say_nothing(setup: Make, test: str) -> None:
    assert await failures(setup(f"{RULES}  - {{name: t, {test}}}\n")) == []


@pytest.mark.parametrize(
    ("test", "column", "message", "expected"),
    [
        (
            "request: {model: fast}, expect: {rule: long}",
            54,
            "rule test 't' fails: rule is none",
            "long",
        ),
        (
            "request: {model: fast}, expect: {models: [big, fast]}",
            56,
            "rule test 't' fails: models is fast",
            "big, fast",
        ),
        (
            "request: {model: big}, expect: {provider: spare}",
            57,
            "rule test 't' fails: provider is lab",
            "spare",
        ),
        (
            "request: {model: fast}, expect: {endpoints: [lab/x]}",
            59,
            "rule test 't' fails: endpoints is lab/small",
            "lab/x",
        ),
        (
            "request: {model: nope}, expect: {models: [nope]}",
            47,
            "rule test 't' fails: error is model_not_found: there is no model 'nope'",
            "an answer",
        ),
        ("request: {model: fast}, expect: {error: x}", 55, "rule test 't' fails: error is none", "x"),
        (
            "request: {model: fast, key: bob}, expect: {no_rule: true}",
            67,
            "rule test 't' fails: no_rule is tagged",
            "no rule",
        ),
        (
            "request: {model: fast, key: alcie}, expect: {rule: x}",
            24,
            "rule test 't' cannot run: there is no key 'alcie'; did you mean 'alice'?",
            "",
        ),
        (
            "request: {model: fast, surface: songs}, expect: {rule: x}",
            24,
            "rule test 't' cannot run: surface 'songs' is not served",
            "",
        ),
        (
            "request: {model: fast, values: {tokns: 3}}, expect: {rule: x}",
            54,
            "rules know no variable 'tokns'",
            "one of",
        ),
        (
            "request: {model: fast, values: {model: x}}, expect: {rule: x}",
            54,
            "the model of a test is `request.model`",
            "",
        ),
    ],
)
async def test_a_test_that_fails_is_told_at_its_place(
    setup: Make, test: str, column: int, message: str, expected: str
) -> None:
    (problem,) = await failures(setup(f"{RULES}  - {{name: t, {test}}}\n"))
    assert message in problem.message
    assert (problem.line, problem.column) == (11, column)
    assert problem.expected.startswith(expected)
    assert problem.severity == "error"


async def test_a_failure_says_what_spoke_against_each_rule_and_endpoint(setup: Make) -> None:
    test = "  - {name: t, request: {model: fast, body: {provider: {only: [x]}}}, expect: {rule: long}}\n"
    problems = await failures(setup(RULES + test))
    assert problems[0].hint == (
        "night: model is 'fast'; long: tokens is 10; eu: key is 'admin'; tagged: key.tags is []; "
        "lab/small is left out by routes: provider.only: it is not named there"
    )
