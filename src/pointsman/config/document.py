"""Documents: a configuration as a tree of nodes that know their place."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

from .problems import Finding, Findings, Problem
from .resolve import Plain
from .source import Mark

__all__ = ["Document", "Entry", "ListNode", "MappingNode", "Node", "ScalarNode", "describe"]

LONGEST_SHOWN = 40


@dataclass(slots=True)
class ScalarNode:
    """A text and what it means.

    `text` is the source text (without quotes), `plain` whether it stands without quotes. `origin` is set when
    the text came from elsewhere: `env NAME`, `file PATH`. `expanded` says whether it had an interpolation,
    `literal` whether any of its text stands in the file itself. `failure` is a problem of its interpolation,
    told when somebody asks for the value.
    """

    mark: Mark
    end: tuple[int, int]
    text: str
    value: Plain
    plain: bool
    origin: str = ""
    expanded: bool = False
    literal: bool = True
    failure: Finding | None = None


@dataclass(slots=True)
class ListNode:
    """A sequence."""

    mark: Mark
    end: tuple[int, int]
    items: list[Node] = field(default_factory=list)


@dataclass(slots=True)
class Entry:
    """One key's place and its value."""

    mark: Mark
    node: Node


@dataclass(slots=True)
class MappingNode:
    """A mapping with text keys, in the order of the file."""

    mark: Mark
    end: tuple[int, int]
    entries: dict[str, Entry] = field(default_factory=dict)


Node = ScalarNode | ListNode | MappingNode


@dataclass(frozen=True, slots=True)
class Document:
    """A configuration as read. `complete` is false when its text could not be understood as a whole.

    `path` is the file, if there is one; `base` the directory that its relative paths start from. `includes`
    are the patterns of the files it includes, each with the path where it starts; an empty one is that file.
    """

    root: MappingNode
    findings: Findings
    path: Path | None
    base: Path
    complete: bool = True
    includes: tuple[tuple[Path, str], ...] = ()

    @property
    def problems(self) -> list[Problem]:
        """What reading found."""
        return self.findings.problems()

    def only(self, *names: str) -> Document:
        """These sections alone, whatever is wrong with all others."""
        root = self.root
        entries = {name: root.entries[name] for name in names if name in root.entries}
        return replace(self, root=MappingNode(root.mark, root.end, entries), findings=Findings())


def describe(node: Node) -> str:
    """What a node is, for the second half of "expected …, found …". Never a value from elsewhere."""
    if isinstance(node, MappingNode):
        return "a mapping"
    if isinstance(node, ListNode):
        return "a list"
    kinds = {bool: "the boolean", int: "the integer", float: "the number", str: "the string"}
    if node.value is None:
        return "nothing" if not node.text else "null"
    kind = kinds[type(node.value)]
    if node.origin:
        return f"{kind.replace('the', 'an' if 'integer' in kind else 'a')} from {node.origin}"
    shown = node.text if len(node.text) <= LONGEST_SHOWN else f"{node.text[:LONGEST_SHOWN]}…"
    return f"{kind} {shown!r}" if isinstance(node.value, str) else f"{kind} {shown}"
