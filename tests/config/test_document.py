from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pointsman.config import read_text
from pointsman.config.document import Document, ListNode, MappingNode, ScalarNode, describe
from pointsman.config.problems import Finding, Findings
from pointsman.config.source import Mark, Source

MARK = Mark(Source("a.yaml", "", Path()), 1, 1)


@pytest.mark.parametrize(
    ("text", "value", "words"),
    [
        ("", None, "nothing"),
        ("~", None, "null"),
        ("true", True, "the boolean true"),
        ("0x1F", 31, "the integer 0x1F"),
        ("1.50", 1.5, "the number 1.50"),
        ("it's", "it's", 'the string "it\'s"'),
        ("x" * 50, "x" * 50, f"the string '{'x' * 40}…'"),
    ],
)
def test_scalars_are_described_as_written(text: str, value: Any, words: str) -> None:
    assert describe(ScalarNode(MARK, (1, 1), text, value, plain=True)) == words


def test_a_value_from_elsewhere_is_never_shown() -> None:
    node = ScalarNode(MARK, (1, 1), "hunter2", "hunter2", plain=True, origin="env PASSWORD", expanded=True)
    assert describe(node) == "a string from env PASSWORD"
    node.value = 5
    assert describe(node) == "an integer from env PASSWORD"


def test_collections_are_described_by_shape() -> None:
    assert describe(MappingNode(MARK, (1, 1))) == "a mapping"
    assert describe(ListNode(MARK, (1, 1))) == "a list"


def test_a_document_tells_its_problems() -> None:
    findings = Findings()
    findings.add(Finding("bad", MARK))
    document = Document(MappingNode(MARK, (1, 1)), findings, None, Path())
    assert [problem.message for problem in document.problems] == ["bad"]


def test_sections_alone_are_read_whatever_is_wrong_with_all_others() -> None:
    document = read_text("a: 1\nb: ${NOT_SET}\na: 2\n", "text", {}, Path())
    assert document.problems
    alone = document.only("b", "c")
    assert list(alone.root.entries) == ["b"]
    assert alone.problems == []
    assert list(document.root.entries) == ["a", "b"]
