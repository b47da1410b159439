from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.config import Document, read, read_text, sources
from pointsman.config.document import ListNode, MappingNode, Node, ScalarNode


def write(base: Path, **files: str) -> None:
    """Write files; `__` in a name stands for a slash."""
    for name, text in files.items():
        path = base / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)


def plain(node: Node) -> Any:
    match node:
        case ScalarNode():
            return node.value
        case ListNode():
            return [plain(item) for item in node.items]
        case MappingNode():
            return {key: plain(entry.node) for key, entry in node.entries.items()}


@pytest.fixture
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def main() -> Document:
    return read(Path("main.yaml"), {"A": "from env"})


def messages(document: Document) -> list[str]:
    return [f"{problem.place}: {problem.message}" for problem in document.problems]


def test_mappings_merge_lists_append_and_the_including_file_wins(base: Path) -> None:
    write(
        base,
        main="include: conf.d/*.yaml\na: {x: main, l: [1]}\nb: main\n",
        conf__2="a: {l: [3], z: two}\nb: two\n",
        conf__1="a: {x: one, l: [2], y: one}\nc: ${A}\n",
    )
    (base / "conf").rename(base / "conf.d")
    document = main()
    assert document.problems == []
    assert plain(document.root) == {
        "include": "conf.d/*.yaml",
        "a": {"x": "main", "l": [1, 2, 3], "y": "one", "z": "two"},
        "b": "main",
        "c": "from env",
    }


def test_every_value_keeps_the_place_in_its_own_file(base: Path) -> None:
    write(base, main="include: [sub/*.yaml]\na: {x: 1}\n", sub__one="\na:\n  y: 2\n")
    root = main().root
    assert isinstance(a := root.entries["a"].node, MappingNode)
    assert str(a.entries["x"].mark) == "main.yaml:2:5"
    assert str(a.entries["y"].mark) == "sub/one.yaml:3:3"


def test_the_same_scalar_in_two_included_files_is_a_problem(base: Path) -> None:
    write(base, main="include: [one.yaml, two.yaml]", one="a: {b: 1}", two="a: {b: 1}")
    document = main()
    assert messages(document) == ["two.yaml:1:5: `b` is set in two included files"]
    assert "first at one.yaml:1:5" in document.problems[0].hint


def test_a_list_and_a_mapping_in_two_included_files_are_a_problem(base: Path) -> None:
    write(base, main="include: [one.yaml, two.yaml]", one="a: [1]", two="a: {b: 1}")
    assert messages(main()) == ["two.yaml:1:1: `a` is set in two included files"]


def test_the_including_file_wins_over_another_shape(base: Path) -> None:
    write(base, main="include: one.yaml\na: false\n", one="a: {b: 1}")
    document = main()
    assert document.problems == []
    assert plain(document.root)["a"] is False


def test_a_missing_file_is_a_problem_and_an_empty_pattern_is_not(base: Path) -> None:
    write(base, main="include: [none/*.yaml, none.yaml]")
    assert messages(main()) == ["main.yaml:1:24: there is no file none.yaml"]


def test_included_files_include_from_where_they_are(base: Path) -> None:
    write(base, main="include: sub/one.yaml", sub__one="include: two.yaml\na: 1", sub__two="b: 2")
    document = main()
    assert document.problems == []
    assert plain(document.root) == {"include": "sub/one.yaml", "a": 1, "b": 2}


def test_a_file_that_two_others_include_is_read_once(base: Path) -> None:
    write(
        base,
        main="include: [one.yaml, two.yaml]",
        one="include: d.yaml",
        two="include: d.yaml",
        d="a: [1]\nb: 2",
    )
    document = main()
    assert document.problems == []
    assert plain(document.root)["a"] == [1]


@pytest.mark.parametrize("text", ["include: main.yaml", "include: '*.yaml'", "include: other.yaml"])
def test_cycles_are_problems(base: Path, text: str) -> None:
    write(base, main=text, other="include: main.yaml")
    assert any(message.endswith("main.yaml includes itself") for message in messages(main()))


def test_chains_of_includes_are_bounded(base: Path) -> None:
    for number in range(200):
        write(base, **{f"f{number}": f"include: f{number + 1}.yaml"})
    write(base, main="include: f0.yaml")
    (message,) = messages(main())
    assert message.endswith("files include each other more than 16 deep")


def test_the_number_of_files_is_bounded(base: Path) -> None:
    (base / "many").mkdir()
    for number in range(1001):
        (base / "many" / f"{number}.yaml").write_text("")
    write(base, main="include: many/*.yaml")
    assert messages(main()) == ["main.yaml:1:10: more than 1000 files are included"]


def test_patterns_are_sorted_recursive_and_skip_hidden_files(base: Path) -> None:
    write(base, main="include: sub/**/*.yaml", sub__b="l: [b]", sub__a="l: [a]")
    write(base / "sub", deep__c="l: [c]")
    (base / "sub" / ".hidden.yaml").write_text("l: [hidden]")
    (base / "sub" / "dir.yaml").mkdir()
    assert plain(main().root)["l"] == ["a", "b", "c"]


def test_absolute_patterns_and_interpolated_ones_work(base: Path) -> None:
    write(base, one="a: 1", two="b: 2", main=f"include: ['{base}/o*.yaml', \"${{NAME}}.yaml\"]")
    document = read(Path("main.yaml"), {"NAME": "two"})
    assert document.problems == []
    assert plain(document.root)["a"] == 1
    assert plain(document.root)["b"] == 2


def test_a_pattern_that_cannot_be_looked_up_is_a_problem(base: Path) -> None:
    write(base, main='include: ["x**/y", "a\\0*"]')
    assert all("cannot be looked up" in message for message in messages(main()))
    assert messages(main())


def test_problems_of_included_files_are_told_and_make_the_document_incomplete(base: Path) -> None:
    write(base, main="include: [one.yaml, two.yaml]\na: 1", one="a: [", two="b: 1\nb: 2")
    document = main()
    assert not document.complete
    assert [problem.place for problem in document.problems] == ["one.yaml:2:1", "two.yaml:2:1"]


def test_a_malformed_include_is_left_to_the_schema(base: Path) -> None:
    write(base, main="include: {a: b}")
    assert main().problems == []


def test_the_files_of_a_document_are_those_there_are_now(base: Path) -> None:
    write(base, main="include: [conf/*.yaml, missing.yaml]\na: 1\n", conf__1="b: 2\n")
    document = main()
    found = [str(path) for path in sources(document)]
    assert found == ["main.yaml", "conf/1.yaml", "missing.yaml"]
    write(base, conf__2="c: 3\n")
    (base / "conf" / ".hidden.yaml").write_text("")
    (base / "conf" / "1.yaml").unlink()
    assert [str(path) for path in sources(document)] == ["main.yaml", "conf/2.yaml", "missing.yaml"]
    assert sources(read_text("a: 1", "text", {}, base)) == []
