"""Keys and teams of the configuration, and what is wrong among them, at its place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pointsman.config import read_text
from pointsman.errors import ConfigError
from pointsman.setup import Setup, assemble
from pointsman_keys.configured import configured

BASE = "providers: {lab: {vendor: echo}}\nmodels: {acme/large: {endpoints: [lab/echo]}}\n"


@pytest.fixture
def setup(digest: Callable[[str], str], tmp_path: Path) -> Callable[[str], Setup]:
    """A setup of these sections; `#alice` stands for a digest."""

    def make(text: str) -> Setup:
        written = BASE + text.replace("#alice", digest("alice"))
        return assemble(read_text(written, name="proxy.yaml", env={}, base=tmp_path), env={})

    return make


def test_who_is_there(setup: Callable[[str], Setup], digest: Callable[[str], str]) -> None:
    directory = configured(
        setup(
            "keys: [{name: alice, key_hash: #alice, team: red, data_policy: {zdr: true}}]\n"
            "teams: {red: {tags: [a]}, blue: {}}\norganisation: {name: us}\n"
        )
    )
    (key,) = directory
    assert (key.hash, key.origin, key.maker) == (digest("alice"), "configuration", None)
    assert list(directory.teams) == ["red", "blue"]
    actor = directory.known[bytes.fromhex(key.hash)].actor
    assert [(level.kind, level.forgotten) for level in actor.levels] == [
        ("key", True),
        ("team", False),
        ("organisation", False),
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("keys:\n- name: alice\n  key_hash: #alice\n  team: rde\nteams: {red: {}}\n", 6, "team 'rde'"),
        (
            "keys:\n- name: alice\n  key_hash: #alice\n  team: red\n  data_policy: {zdr: false}\n"
            "teams: {red: {data_policy: {zdr: true}}}\n",
            7,
            "lets data be kept, and team 'red' does not",
        ),
        (
            "teams:\n  red:\n    data_policy: {collection: allow}\n"
            "organisation: {data_policy: {collection: deny}}\n",
            5,
            "allows data to be collected, and organisation 'organisation' denies it",
        ),
        (
            "keys:\n- name: alice\n  key_hash: #alice\n  providers: [lab]\norganisation: {providers: [x]}\n",
            6,
            "may use 'lab', and organisation 'organisation' may not",
        ),
    ],
)
def test_a_contradiction_is_told_at_its_place(
    setup: Callable[[str], Setup], text: str, line: int, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        configured(setup(text))
    (problem,) = caught.value.problems
    assert message in problem.message
    assert problem.line == line
    assert problem.expected or problem.hint


def test_all_that_is_wrong_is_told_in_one_run(setup: Callable[[str], Setup]) -> None:
    text = "keys: [{name: alice, key_hash: #alice, role: admin, providers: [lab], team: red}]\n"
    with pytest.raises(ConfigError) as caught:
        configured(setup(f"{text}teams: {{red: {{providers: [x]}}}}\norganisation: {{role: member}}\n"))
    assert len(caught.value.problems) == 3
