"""Settings: what a rule may not say, and where the operator is told."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.errors import ConfigError
from pointsman.gateway import Gateway
from pointsman.setup import Setup
from pointsman_routes.rehearsal import rehearse


@pytest.mark.parametrize(
    ("sections", "column", "message"),
    [
        ("routes: [{name: a, when: {model: []}}]\n", 34, "an empty list matches nothing"),
        ("routes: [{name: a, when: {key: []}}]\n", 32, "an empty list matches nothing"),
        ("routes: [{name: a, when: {key.tags: {any: []}}}]\n", 43, "an empty list matches nothing"),
        ("routes: [{name: a, when: {key.tags: {}}}]\n", 37, "give `any`, `all` or both"),
        ("routes: [{name: a, when: {modle: x}}]\n", 27, "unknown key `modle`"),
        ("routes: [{name: a, when: {stream: maybe}}]\n", 35, "cannot be the string 'maybe'"),
        ("routes: [{use: {models: [fast]}}]\n", 10, "`name` is missing"),
        ("explain: {sample: 1.5}\n", 19, "must be at most 1"),
        ("explain: {sample: -0.1}\n", 19, "must be at least 0"),
    ],
)
def test_a_wrong_setting_is_refused_at_its_place(
    setup: Callable[[str], Setup], sections: str, column: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        setup(sections)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert (problem.line, problem.column) == (1, column)


async def test_the_example_in_the_readme_starts(setup: Callable[[str], Setup]) -> None:
    readme = (Path(__file__).parents[1] / "README.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", readme, re.DOTALL)
    assert len(blocks) == 4
    async with Gateway.dry(setup("".join(blocks))) as gateway:
        assert [route.name for route in gateway.setup.section("routes")] == ["protected", "nightly", "rest"]
        assert len(gateway.setup.section("tests")) == 2
        assert [problem async for problem in rehearse(gateway)] == []


def test_one_record_in_a_hundred_is_kept_unless_the_file_says_otherwise(
    setup: Callable[[str], Setup],
) -> None:
    assert setup("").section("explain").sample == 0.01
    assert setup("explain: {sample: 1}\n").section("explain").sample == 1


def test_a_pattern_may_be_alone_or_in_a_list(setup: Callable[[str], Setup]) -> None:
    one, many = setup("routes: [{name: a, when: {key: x}}, {name: b, when: {key: [x, y]}}]\n").section(
        "routes"
    )
    assert (one.when.extra["key"], many.when.extra["key"]) == ("x", ("x", "y"))


@pytest.mark.parametrize(
    ("sections", "column", "message"),
    [
        ("routes: [{name: a, when: {any: []}}]\n", 32, "an empty list joins nothing"),
        (
            "routes: [{name: a, when: {any: [{tokns: 3}]}}]\n",
            34,
            "unknown key `tokns` in `routes.0.when.any.0`",
        ),
        ("routes: [{name: a, when: {tokens: many}}]\n", 35, "'many' compares nothing with a number"),
        ("routes: [{name: a, when: {time: night}}]\n", 33, "'night' are no hours of a day"),
        ('routes: [{name: a, when: {time: "22:00-06:00"}}]\n', 33, "names no zone"),
        ("routes: [{name: a, when: {day: [sat, sunday]}}]\n", 38, "'sunday' are no days"),
        ("routes: [{name: a, when: {headers.x: []}}]\n", 27, "an empty list matches nothing"),
        ("routes: [{name: a, when: {header.x: y}}]\n", 27, "unknown key `header.x`"),
        ("routes: [{name: a, when: {not: 3}}]\n", 32, "this cannot be the integer 3"),
        ("routes: [{name: a, use: {deadline: 0s}}]\n", 36, "must be at least"),
        ("routes: [{name: a, use: {attempts: 0}}]\n", 36, "must be at least 1"),
        ("routes: [{name: a, use: {on_loss: shout}}]\n", 35, "this cannot be the string 'shout'"),
        (
            "routes: [{name: a, use: {max_price: {prompt: 1}, preferences: {max_price: {prompt: 2}}}}]\n",
            37,
            "it stands in `preferences`, too: say it once",
        ),
        (
            "routes: [{name: a, use: {endpoints: [lab/large], preferences: {only: [lab]}}}]\n",
            37,
            "`preferences` say which and in what order, too: say it once",
        ),
        ("tests: [{name: a, request: {model: x}, expect: {}}]\n", 48, "a test that expects nothing"),
        (
            "tests: [{name: a, request: {model: x}, expect: {rule: b, no_rule: true}}]\n",
            48,
            "contradict each other",
        ),
        (
            "tests: [{name: a, request: {model: x, at: noon}, expect: {rule: b}}]\n",
            43,
            "'noon' is not a moment",
        ),
    ],
)
def test_wrong_conditions_uses_and_tests_are_refused_at_their_place(
    setup: Callable[[str], Setup], sections: str, column: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        setup(sections)
    (problem,) = caught.value.problems
    assert message in problem.message
    assert (problem.line, problem.column) == (1, column)
