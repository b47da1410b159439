from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from pointsman.config.compose import DEEPEST, MOST_NODES, compose
from pointsman.config.document import ListNode, MappingNode, Node, ScalarNode
from pointsman.config.problems import Findings, Problem

LOADERS = [yaml.SafeLoader, *([yaml.CSafeLoader] if yaml.__with_libyaml__ else [])]


def parse(text: str, loader: Any = LOADERS[-1]) -> tuple[Node | None, list[Problem]]:
    findings = Findings()
    node = compose(text, "a.yaml", Path(), findings, loader=loader)
    return node, findings.problems()


def plain(node: Node | None) -> Any:
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key: plain(entry.node) for key, entry in node.entries.items()}
    return None


def the_problem(text: str) -> Problem:
    _, problems = parse(text)
    assert len(problems) == 1, problems
    return problems[0]


@pytest.mark.parametrize("loader", LOADERS)
def test_nodes_have_values_and_places(loader: Any) -> None:
    node, problems = parse("a: 1\nb:\n  - 'x'\n  - [true, ~]\n", loader)
    assert problems == []
    assert plain(node) == {"a": 1, "b": ["x", [True, None]]}
    assert isinstance(node, MappingNode)
    assert str(node.entries["b"].mark) == "a.yaml:2:1"
    items = node.entries["b"].node
    assert isinstance(items, ListNode)
    assert [str(item.mark) for item in items.items] == ["a.yaml:3:5", "a.yaml:4:5"]


def test_scalars_keep_their_source_text() -> None:
    node, _ = parse("a: 0.10\nb: '0.10'")
    assert isinstance(node, MappingNode)
    a, b = node.entries["a"].node, node.entries["b"].node
    assert isinstance(a, ScalarNode)
    assert isinstance(b, ScalarNode)
    assert (a.text, a.value, a.plain) == ("0.10", 0.1, True)
    assert (b.text, b.value, b.plain) == ("0.10", "0.10", False)


@pytest.mark.parametrize("text", ["", "# nothing\n", "\ufeff", "---\n"])
def test_an_empty_text_is_an_empty_mapping_or_null(text: str) -> None:
    node, problems = parse(text)
    assert problems == []
    assert not plain(node)


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert plain(parse("\ufeffa: 1")[0]) == {"a": 1}


def test_tags_of_the_core_schema_are_heeded() -> None:
    node, problems = parse(
        "{a: !!str 1, b: !!int 1, c: !!float 1.5, d: !!null ~, e: !!map {}, f: !!seq [], g: ! 1}"
    )
    assert problems == []
    assert plain(node) == {"a": "1", "b": 1, "c": 1.5, "d": None, "e": {}, "f": [], "g": "1"}


@pytest.mark.parametrize(
    "text",
    ["a: !!python/object/apply:os.system [x]", "a: !Ref x", "a: !!binary x", "a: !!int x", "a: !!set {x}"],
)
def test_other_tags_are_refused(text: str) -> None:
    problem = the_problem(text)
    assert "has no meaning here" in problem.message
    assert (problem.line, problem.column, problem.source_line) == (1, 4, text)


def test_a_key_twice_is_refused_and_shows_the_first() -> None:
    problem = the_problem("a: 1\nb: 2\na: 3\n")
    assert str(problem) == (
        "a.yaml:3:1: error: key `a` stands here twice\n    a: 3\n    ^\n    first at a.yaml:1:1"
    )


def test_a_quoted_key_is_the_same_key() -> None:
    assert the_problem("a: 1\n'a': 2").line == 2


def test_aliases_and_merge_keys_work() -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3, c: 4}\nz: {<<: [*x, *y], a: 0}\nw: {<<: *y}\nv: [*x]\n"
    node, problems = parse(text)
    assert problems == []
    assert plain(node)["z"] == {"a": 0, "b": 2, "c": 4}
    assert plain(node)["w"] == {"b": 3, "c": 4}
    assert plain(node)["v"] == [{"a": 1, "b": 2}]


def test_a_quoted_merge_key_is_a_key() -> None:
    assert plain(parse("{'<<': 1}")[0]) == {"<<": 1}


@pytest.mark.parametrize(
    ("text", "message", "place"),
    [
        ("a: {<<: 1}", "`<<` merges mappings only", (1, 9)),
        ("x: &x {a: 1}\nb:\n  <<: *x\n  <<: *x", "`<<` stands here twice", (4, 3)),
        ("a: *b", "alias *b refers to no anchor above it", (1, 4)),
        ("a: &a [*a]", "alias *a stands inside what it refers to", (1, 8)),
        ("a: &a {b: {c: *a}}", "alias *a stands inside what it refers to", (1, 15)),
        ("? [a]\n: b", "a key cannot be a list or a mapping", (1, 3)),
        ("a: 1\n?\n: b", "there is a value without a key", (2, 2)),
        ("${A}: b", "a key cannot be interpolated", (1, 1)),
        ("a: 1\n---\nb: 1", "there is a second document", (2, 1)),
        ("a:\n\t- b", "a tab is used to indent", (2, 1)),
        ("a: b\x01c", "there is a control character here", (1, 5)),
        ("é: b\n\x01", "there is a control character here", (2, 1)),
        ("a: \ud800", "there is half a character here", (1, 4)),
    ],
)
def test_refusals_have_their_place(text: str, message: str, place: tuple[int, int]) -> None:
    problem = the_problem(text)
    assert problem.message == message
    assert (problem.line, problem.column) == place


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: b: c", "put quotes around a value with `: ` in it"),
        ("a: @b", "put quotes around a value that begins with @"),
        ("a: {b: ${C}}", 'inside {…} and […] an interpolation needs quotes: "${NAME}"'),
        ("a: 'b", "a quote is not closed"),
        ("a:\n    b: 1\n  c: 2", "check the indentation"),
    ],
)
def test_syntax_errors_have_a_hint(text: str, hint: str) -> None:
    problem = the_problem(text)
    assert problem.message.startswith("this is not YAML: ")
    assert hint in problem.hint
    assert problem.line > 0


def test_a_syntax_error_says_where_it_began() -> None:
    assert "(begun in line 1)" in the_problem("a: [b\nc: d").message


@pytest.mark.parametrize("loader", LOADERS)
def test_depth_is_bounded_before_the_text_is_read_to_its_end(loader: Any) -> None:
    node, problems = parse("[" * 100_000, loader)
    assert node is None
    assert [(p.message, p.column) for p in problems] == [
        (f"this is nested deeper than {DEEPEST} levels", DEEPEST + 1)
    ]
    assert plain(parse("[" * DEEPEST + "]" * DEEPEST, loader)[0]) is not None


def test_depth_counts_what_aliases_stand_for() -> None:
    half = DEEPEST // 2
    text = f"a: &a {'[' * half}{']' * half}\nb: {'[' * half}*a{']' * half}"
    assert the_problem(text).message == f"this is nested deeper than {DEEPEST} levels"


def bomb(levels: int) -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
    return "\n".join(lines)


def test_an_alias_bomb_is_refused_where_it_passes_the_limit() -> None:
    problem = the_problem(bomb(40))
    assert problem.message == f"this comes to more than {MOST_NODES:,} values with all aliases expanded"
    assert problem.line == 6
    node, problems = parse(bomb(5))
    assert problems == []
    assert plain(node)


def test_a_bomb_of_merge_keys_is_refused() -> None:
    lines = ["a0: &a0 {" + ", ".join(f"k{n}: 1" for n in range(500)) + "}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 10)}], k: 1}}" for n in range(1, 9)]
    assert "values with all aliases expanded" in the_problem("\n".join(lines)).message


def test_a_plain_file_has_the_same_limit() -> None:
    assert "more than" in the_problem("- a\n" * MOST_NODES).message
    assert parse("- a\n" * (MOST_NODES - 1))[1] == []


@settings(max_examples=300, deadline=None)
@given(st.text(st.sampled_from("ab:{}[]&*!<,'\"#|>-?%@ \n\t$~1\u2028\x85"), max_size=60))
def test_both_scanners_agree_or_refuse(text: str) -> None:
    results = [parse(text, loader) for loader in LOADERS]
    for node, problems in results:
        assert node is not None or problems
    if all(not problems for _, problems in results):
        assert len({repr(plain(node)) for node, _ in results}) == 1
