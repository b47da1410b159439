"""Includes: further files, merged under the one that names them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from .document import Document, Entry, ListNode, MappingNode, Node, ScalarNode
from .problems import Finding, Findings

__all__ = ["INCLUDE", "Includer", "sources"]

INCLUDE = "include"
MOST_FILES = 1000
DEEPEST = 16
MAGIC = frozenset("*?[")


def sources(document: Document) -> list[Path]:
    """The files that a document is read from, as they are now: its own and all that it includes, also one
    that is named and not there."""
    found = [document.path] if document.path is not None else []
    for start, pattern in document.includes:
        found += _matching(start, pattern)
    return found


def _matching(start: Path, pattern: str) -> list[Path]:
    """The files of a pattern, sorted. Hidden ones only by their full name."""
    if not pattern:
        return [start]
    found = (
        file
        for file in start.glob(pattern)
        if file.is_file() and not any(part.startswith(".") for part in file.relative_to(start).parts)
    )
    return sorted(found)


class Includer:
    """Merges what `include:` names into a file's root; `load` reads one file, None if it cannot."""

    def __init__(self, load: Callable[[Path], MappingNode | None], findings: Findings) -> None:
        self._load = load
        self._findings = findings
        self._open: list[Path] = []
        self._done: set[Path] = set()
        self.complete = True
        self.includes: list[tuple[Path, str]] = []

    def merge_includes(self, root: MappingNode, path: Path | None) -> MappingNode:
        """A file's root with everything it includes: what stands in the file itself wins."""
        resolved = path.resolve() if path is not None else None
        if resolved is not None:
            self._open.append(resolved)
        included: MappingNode | None = None
        for pattern in self._patterns(root):
            for file in self._files(pattern):
                inner = self._include(file, pattern)
                if inner is not None:
                    included = inner if included is None else self._merge(included, inner, siblings=True)
        if resolved is not None:
            self._open.pop()
            self._done.add(resolved)
        return root if included is None else self._merge(root, included, siblings=False)

    def _include(self, file: Path, pattern: ScalarNode) -> MappingNode | None:
        resolved = file.resolve()
        if resolved in self._open:
            self._refuse(f"{file} includes itself", pattern, "by way of the files it includes")
            return None
        if resolved in self._done:
            return None
        if len(self._open) > DEEPEST:
            self._refuse(f"files include each other more than {DEEPEST} deep", pattern, "a flat list")
            return None
        if len(self._done) >= MOST_FILES:
            self._refuse(f"more than {MOST_FILES} files are included", pattern, "a narrower pattern")
            return None
        root = self._load(file)
        if root is None:
            self.complete = False
            return None
        merged = self.merge_includes(root, file)
        own = {key: entry for key, entry in merged.entries.items() if key != INCLUDE}
        return MappingNode(merged.mark, merged.end, own)

    def _patterns(self, root: MappingNode) -> list[ScalarNode]:
        entry = root.entries.get(INCLUDE)
        if entry is None:
            return []
        nodes: list[Node] = entry.node.items if isinstance(entry.node, ListNode) else [entry.node]
        return [
            node for node in nodes if isinstance(node, ScalarNode) and node.value and node.failure is None
        ]

    def _files(self, pattern: ScalarNode) -> list[Path]:
        """The files of a pattern."""
        base = pattern.mark.source.base
        parts = Path(pattern.text).parts
        plain = next((at for at, part in enumerate(parts) if MAGIC & set(part)), len(parts))
        start = base.joinpath(*parts[:plain])
        rest = str(Path(*parts[plain:])) if plain < len(parts) else ""
        self.includes.append((start, rest))
        try:
            if not rest and not start.is_file():
                self._refuse(f"there is no file {start}", pattern, "a file, or a pattern with `*`")
                return []
            return _matching(start, rest)
        except (OSError, ValueError) as error:
            self._refuse(f"`{pattern.text}` cannot be looked up: {error}", pattern, "a path or a pattern")
            return []

    def _merge(self, over: MappingNode, under: MappingNode, *, siblings: bool) -> MappingNode:
        """Mappings merge, lists append; else `over` wins, except between two included files."""
        entries = dict(over.entries)
        for key, entry in under.entries.items():
            mine = entries.get(key)
            if mine is None:
                entries[key] = entry
                continue
            match mine.node, entry.node:
                case MappingNode(), MappingNode():
                    merged = self._merge(mine.node, entry.node, siblings=siblings)
                    entries[key] = Entry(mine.mark, merged)
                case ListNode(items=first), ListNode(items=second):
                    entries[key] = Entry(
                        mine.mark, ListNode(mine.node.mark, mine.node.end, [*first, *second])
                    )
                case _ if siblings:
                    self._findings.add(
                        Finding(
                            f"`{key}` is set in two included files",
                            entry.mark,
                            hint=f"first at {mine.mark}; set it in the including file to choose",
                        )
                    )
                case _:
                    pass
        return MappingNode(over.mark, over.end, entries)

    def _refuse(self, message: str, pattern: ScalarNode, expected: str) -> None:
        self._findings.add(Finding(message, pattern.mark, expected))
