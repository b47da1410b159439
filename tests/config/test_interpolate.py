from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from pointsman.config.compose import compose
from pointsman.config.document import MappingNode, ScalarNode
from pointsman.config.interpolate import interpolate
from pointsman.config.problems import Findings, Problem

ENV = {"A": "one", "EMPTY": "", "PORT": "4242", "EVIL": "x, y: [1]\nz: 2", "LAB_API_KEY": "k"}


def expand(text: str, env: Mapping[str, str] = ENV, base: Path = Path()) -> ScalarNode:
    """The node of `v: <text>`, expanded."""
    root = compose(f"v: {text}", "a.yaml", base, Findings())
    assert isinstance(root, MappingNode)
    interpolate(root, env)
    node = root.entries["v"].node
    assert isinstance(node, ScalarNode)
    return node


def failure(text: str, base: Path = Path()) -> Problem:
    finding = expand(text, base=base).failure
    assert finding is not None
    return finding.problem()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${A}", "one"),
        ("a-${A}-${A}", "a-one-one"),
        ("${B:-two}", "two"),
        ("${A:-two}", "one"),
        ("${EMPTY:-two}", "two"),
        ("${EMPTY}", None),
        ('"${EMPTY}"', ""),
        ("${B:-}", None),
        ('"${B:-}"', ""),
        ("${A:?must be}", "one"),
        ("${PORT}", 4242),
        ('"${PORT}"', "4242"),
        ("${B:-4141}", 4141),
        ("${B:-true}", True),
        ("${PORT}${EMPTY}", "4242"),
        ("x${EMPTY}1", "x1"),
        ("$$", "$"),
        ("$${A}", "${A}"),
        ("$$$${A}", "$${A}"),
        ("$5", "$5"),
        ("a$", "a$"),
        ("US$ $A", "US$ $A"),
        ("${B:-a:-b}", "a:-b"),
        ("${B:-$}", "$"),
        ("${B:-https://x/y?z=1}", "https://x/y?z=1"),
    ],
)
def test_texts_are_expanded(text: str, value: Any) -> None:
    node = expand(text)
    assert node.failure is None
    assert node.value == value
    assert type(node.value) is type(value)


def test_a_value_never_adds_structure() -> None:
    node = expand("${EVIL}")
    assert node.value == "x, y: [1]\nz: 2"


def test_a_value_is_not_expanded_again() -> None:
    assert expand("${A}", {"A": "${B}", "B": "no"}).value == "${B}"


@pytest.mark.parametrize(
    ("text", "origin", "literal"),
    [
        ("${A}", "env A", False),
        ("a${A}", "env A", True),
        ("${A}${PORT}${A}", "env A, env PORT", False),
        ("${A:-x}", "env A", True),
        ("${A:-}", "env A", False),
        ("${A:?x}", "env A", False),
        ("${B:-x}", "", True),
        ("$$", "", True),
        ("plain", "", True),
    ],
)
def test_nodes_remember_where_their_text_came_from(text: str, origin: str, literal: bool) -> None:
    node = expand(text)
    assert (node.origin, node.literal) == (origin, literal)


def test_an_unset_variable_is_named_at_its_place() -> None:
    problem = failure("${LAB_API_KEZ}")
    assert problem.message == "environment variable LAB_API_KEZ is not set"
    assert problem.hint == "did you mean LAB_API_KEY? write ${LAB_API_KEZ:-} if it may be missing"
    assert (problem.line, problem.column, problem.source_line) == (1, 4, "v: ${LAB_API_KEZ}")


def test_a_message_of_the_operator_is_shown() -> None:
    assert failure("${B:?get one from the lab}").message == "get one from the lab"
    assert failure("${EMPTY:?}").message == "environment variable EMPTY must be set"


@pytest.mark.parametrize("text", ["${}", "${1A}", "${A-B}", "${A:x}", "${A b}"])
def test_what_is_no_interpolation_is_refused(text: str) -> None:
    assert failure(text).message == f"`{text}` is no interpolation"


@pytest.mark.parametrize("text", ["'${A'", "'${A:-${B}}'", "'x ${'"])
def test_open_and_nested_ones_are_refused(text: str) -> None:
    problem = failure(text)
    assert problem.message == "`${` is not closed"
    assert "$${" in problem.hint


def test_a_file_is_read_without_its_last_line_end(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"hunter2\r\n")
    node = expand("${file:key}", base=tmp_path)
    assert (node.value, node.origin, node.literal) == ("hunter2", "file key", False)
    assert expand(f"${{file:{tmp_path / 'key'}}}").value == "hunter2"


def test_a_number_in_a_file_is_a_number(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("80\n")
    assert expand("${file:port}", base=tmp_path).value == 80


def test_files_that_cannot_be_read_are_problems(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * (2**20 + 1))
    messages = [
        failure(f"${{file:{name}}}", tmp_path).message for name in ("none", "binary", "huge", ".", "\\0")
    ]
    assert messages[0] == "file none cannot be read: No such file or directory"
    assert messages[1] == "file 'binary' cannot be read"
    assert messages[2] == "file huge is larger than 1 MiB"
    assert messages[3] == "file . cannot be read: Is a directory"
    assert failure('"${file:a\\0b}"', tmp_path).message == "file 'a\\x00b' cannot be read"


def test_a_node_that_aliases_share_is_expanded_once() -> None:
    root = compose("a: &a $${A}\nb: *a", "a.yaml", Path(), Findings())
    assert isinstance(root, MappingNode)
    interpolate(root, ENV)
    assert root.entries["a"].node is root.entries["b"].node
    assert isinstance(node := root.entries["b"].node, ScalarNode)
    assert node.value == "${A}"
