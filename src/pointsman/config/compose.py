"""Composition: YAML text into nodes, without ever constructing an object by a tag.

The scanner's events come from the C library where there is one. Depth and the number of nodes, each alias
counted as all that it stands for, are bounded while composing, before anything is expanded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from yaml import events

from .document import Entry, ListNode, MappingNode, Node, ScalarNode
from .problems import Finding, Findings
from .resolve import resolve
from .source import LINE_BREAK, Mark, Source

__all__ = ["DEEPEST", "MOST_NODES", "compose"]

DEEPEST = 64
MOST_NODES = 100_000
TAG = "tag:yaml.org,2002:"
MERGE = "<<"
FASTEST_LOADER: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

HINTS = {
    "mapping values are not allowed": "put quotes around a value with `: ` in it, or check the indentation",
    "cannot start any token": "put quotes around a value that begins with @, ` or %",
    "could not find expected ':'": "each key is followed by a colon and a space",
    "expected <block end>": "check the indentation: it must be that of the lines above",
    "did not find expected key": "check the indentation: it must be that of the lines above",
    "quoted scalar": "a quote is not closed",
}


class _Stop(Exception):
    """Composing cannot go on; the finding is made."""


@dataclass(slots=True)
class _Anchored:
    """A finished node that aliases can stand for, its number of nodes and how many levels it nests."""

    node: Node
    size: int
    height: int


@dataclass(slots=True)
class _Frame:
    """A collection being composed."""

    node: ListNode | MappingNode
    anchor: str | None
    before: int
    height: int = 0
    key: ScalarNode | None = None
    at_value: bool = False
    merged: list[Node] = field(default_factory=list)


class _Composer:
    def __init__(self, source: Source, findings: Findings) -> None:
        self.source = source
        self.findings = findings
        self.root: Node | None = None
        self.frames: list[_Frame] = []
        self.anchors: dict[str, _Anchored] = {}
        self.count = 0

    def feed(self, event: events.Event) -> None:
        match event:
            case events.ScalarEvent():
                self._anchor(event.anchor, node := self._scalar(event), self.count)
                self._grow(1, node.mark)
                self._attach(node, 0)
            case events.SequenceStartEvent() | events.MappingStartEvent():
                self._open(event)
            case events.SequenceEndEvent() | events.MappingEndEvent():
                self._close(event)
            case events.AliasEvent():
                self._alias(event.anchor or "", event)
            case events.DocumentStartEvent() if self.root is not None:
                self._tell("there is a second document", self._mark(event), "one document in a file")
                raise _Stop
            case _:
                pass

    def _open(self, event: events.SequenceStartEvent | events.MappingStartEvent) -> None:
        mark = self._mark(event)
        sequence = isinstance(event, events.SequenceStartEvent)
        if event.tag not in (None, "!", f"{TAG}{'seq' if sequence else 'map'}"):
            self._tell(f"tag {_tag(event.tag)} has no meaning here", mark, "plain data")
        node: ListNode | MappingNode = (
            ListNode(mark, _end(event)) if sequence else MappingNode(mark, _end(event))
        )
        self.frames.append(_Frame(node, event.anchor, self.count))
        self._grow(1, mark)
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)
        self._check_depth(len(self.frames), mark)

    def _close(self, event: events.Event) -> None:
        frame = self.frames.pop()
        node = frame.node
        node.end = _end(event)
        if isinstance(node, MappingNode):
            for merged in frame.merged:
                self._merge(node, merged)
        self._anchor(frame.anchor, node, frame.before, frame.height + 1)
        self._attach(node, frame.height + 1)

    def _alias(self, name: str, event: events.AliasEvent) -> None:
        mark = self._mark(event)
        anchored = self.anchors.get(name)
        if anchored is None:
            within = any(frame.anchor == name for frame in self.frames)
            problem = "stands inside what it refers to" if within else "refers to no anchor above it"
            failure = Finding(f"alias *{name} {problem}", mark)
            self.findings.add(failure)
            self._attach(ScalarNode(mark, _end(event), "", None, plain=True, failure=failure), 0)
            return
        self._grow(anchored.size, mark)
        self._check_depth(len(self.frames) + anchored.height, mark)
        self._attach(anchored.node, anchored.height)

    def _scalar(self, event: events.ScalarEvent) -> ScalarNode:
        mark = self._mark(event)
        plain = not event.style and event.tag is None
        node = ScalarNode(mark, _end(event), event.value, event.value, plain)
        if plain:
            node.value = resolve(event.value)
        elif event.tag not in (None, "!", f"{TAG}str"):
            kind = {bool: "bool", int: "int", float: "float", type(None): "null"}.get(
                type(resolve(event.value))
            )
            if event.tag == f"{TAG}{kind}":
                node.value = resolve(event.value)
            else:
                self._tell(f"tag {_tag(event.tag)} has no meaning here", mark, "plain data")
        return node

    def _anchor(self, name: str | None, node: Node, before: int, height: int = 0) -> None:
        if name is not None:
            self.anchors[name] = _Anchored(node, max(1, self.count - before), height)

    def _attach(self, node: Node, height: int) -> None:
        """Put a finished node into what is being composed."""
        if not self.frames:
            self.root = node
            return
        frame = self.frames[-1]
        frame.height = max(frame.height, height)
        if isinstance(frame.node, ListNode):
            frame.node.items.append(node)
        elif not frame.at_value:
            frame.key = self._key(node)
            frame.at_value = True
        else:
            frame.at_value = False
            if frame.key is not None:
                self._entry(frame, frame.node, frame.key, node)

    def _key(self, node: Node) -> ScalarNode | None:
        if not isinstance(node, ScalarNode):
            self._tell("a key cannot be a list or a mapping", node.mark, "a text as key")
            return None
        if node.plain and not node.text:
            self._tell("there is a value without a key", node.mark, "a key before the colon")
            return None
        if "${" in node.text:
            self._tell("a key cannot be interpolated", node.mark, "the key itself; `${…}` works in values")
            return None
        return node

    def _entry(self, frame: _Frame, mapping: MappingNode, key: ScalarNode, node: Node) -> None:
        if key.plain and key.text == MERGE and not frame.merged:
            frame.merged += node.items if isinstance(node, ListNode) else [node]
        elif key.plain and key.text == MERGE:
            self._tell("`<<` stands here twice", key.mark, "one `<<` with a list of aliases")
        elif key.text in mapping.entries:
            first = mapping.entries[key.text].mark
            self._tell(f"key `{key.text}` stands here twice", key.mark, hint=f"first at {first}")
        else:
            mapping.entries[key.text] = Entry(key.mark, node)

    def _merge(self, node: MappingNode, merged: Node) -> None:
        if not isinstance(merged, MappingNode):
            self._tell("`<<` merges mappings only", merged.mark, "an alias of a mapping, or a list of them")
            return
        for key, entry in merged.entries.items():
            node.entries.setdefault(key, entry)

    def _grow(self, nodes: int, mark: Mark) -> None:
        self.count += nodes
        if self.count > MOST_NODES:
            self._tell(f"this comes to more than {MOST_NODES:,} values with all aliases expanded", mark)
            raise _Stop

    def _check_depth(self, depth: int, mark: Mark) -> None:
        if depth > DEEPEST:
            self._tell(f"this is nested deeper than {DEEPEST} levels", mark)
            raise _Stop

    def _mark(self, event: events.Event) -> Mark:
        return Mark(self.source, *_position(event.start_mark))

    def _tell(self, message: str, mark: Mark, expected: str = "", hint: str = "") -> None:
        self.findings.add(Finding(message, mark, expected, hint))


def compose(
    text: str, name: str, base: Path, findings: Findings, loader: type[Any] = FASTEST_LOADER
) -> Node | None:
    """The root node of a text; None if it cannot be understood as a whole, with the reason in `findings`.

    An empty text is an empty mapping.
    """
    text = text.removeprefix("\ufeff")
    source = Source(name, text, base)
    composer = _Composer(source, findings)
    try:
        for event in _events(text, loader):
            composer.feed(event)
    except _Stop:
        return None
    except UnicodeEncodeError as error:
        findings.add(Finding("there is half a character here", _mark_at(source, text, error.start), "UTF-8"))
        return None
    except yaml.YAMLError as error:
        findings.add(_syntax(error, text, source))
        return None
    root = composer.root
    return root if root is not None else MappingNode(Mark(source, 1, 1), (1, 1))


def _events(text: str, loader: type[Any]) -> Iterator[events.Event]:
    return yaml.parse(text, Loader=loader)


def _syntax(error: yaml.YAMLError, text: str, source: Source) -> Finding:
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        position = getattr(error, "position", 0)
        place = len(text.encode()[:position].decode(errors="ignore"))
        return Finding("there is a control character here", _mark_at(source, text, place), "printable text")
    mark = Mark(source, error.problem_mark.line + 1, error.problem_mark.column + 1)
    problem, context = error.problem or "", error.context or ""
    if mark.source_line[mark.column - 1 :].startswith("\t"):
        return Finding("a tab is used to indent", mark, "spaces")
    hint = next((hint for words, hint in HINTS.items() if words in f"{context} {problem}"), "")
    if "flow" in context and "${" in mark.source_line:
        hint = 'inside {…} and […] an interpolation needs quotes: "${NAME}"'
    begun = ""
    if error.context_mark is not None and error.context_mark.line + 1 != mark.line:
        begun = f" (begun in line {error.context_mark.line + 1})"
    reason = f"{context}: {problem}" if context else problem
    return Finding(f"this is not YAML: {reason}{begun}", mark, hint=hint)


def _mark_at(source: Source, text: str, offset: int) -> Mark:
    """The place of a character by its offset."""
    lines = LINE_BREAK.split(text[:offset])
    return Mark(source, len(lines), len(lines[-1]) + 1)


def _end(event: events.Event) -> tuple[int, int]:
    return _position(event.end_mark)


def _position(mark: Any) -> tuple[int, int]:
    return mark.line + 1, mark.column + 1


def _tag(tag: str) -> str:
    return f"!!{tag.removeprefix(TAG)}" if tag.startswith(TAG) else tag
