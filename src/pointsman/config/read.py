"""Reading: files and texts into documents."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from .compose import compose
from .document import Document, MappingNode, ScalarNode, describe
from .include import Includer
from .interpolate import interpolate
from .problems import Finding, Findings
from .source import LINE_BREAK, Mark, Source

__all__ = ["DEFAULT_FILE", "find_config", "read", "read_text"]

DEFAULT_FILE = "proxy.yaml"
LARGEST_FILE = 2**20


def find_config(explicit: Path | None) -> Path | None:
    """The file asked for, else `proxy.yaml` in the working directory if there is one."""
    if explicit is not None:
        return explicit
    path = Path(DEFAULT_FILE)
    return path if path.is_file() else None


def read(path: Path, env: Mapping[str, str]) -> Document:
    """Read a file and what it includes. Never raises: what is wrong is in the document's findings."""
    reader = _Reader(env)
    root = reader.load(path)
    return reader.document(root, str(path), path.parent, path)


def read_text(text: str, name: str, env: Mapping[str, str], base: Path) -> Document:
    """Read a text under a name for problems; relative paths in it start at `base`. Never raises."""
    reader = _Reader(env)
    root = None
    if len(text.encode(errors="surrogatepass")) > LARGEST_FILE:
        reader.findings.add(_too_large(name, base))
    else:
        root = reader.root(text, name, base)
    return reader.document(root, name, base, None)


class _Reader:
    def __init__(self, env: Mapping[str, str]) -> None:
        self.env = env
        self.findings = Findings()

    def load(self, path: Path) -> MappingNode | None:
        """One file's own mapping."""
        try:
            text = _read_file(path)
        except _Unreadable as error:
            self.findings.add(error.finding)
            return None
        return self.root(text, str(path), path.parent)

    def root(self, text: str, name: str, base: Path) -> MappingNode | None:
        """One text's own mapping, interpolated."""
        node = compose(text, name, base, self.findings)
        if node is None:
            return None
        interpolate(node, self.env)
        if isinstance(node, ScalarNode) and node.value is None and node.failure is None:
            return MappingNode(node.mark, node.end)
        if isinstance(node, MappingNode):
            return node
        self.findings.add(Finding(f"the file is {describe(node)}", node.mark, "a mapping of sections"))
        return None

    def document(self, root: MappingNode | None, name: str, base: Path, path: Path | None) -> Document:
        """The document of a root, what it includes merged in."""
        if root is None:
            start = Mark(Source(name, "", base), 1, 1)
            return Document(MappingNode(start, (1, 1)), self.findings, path, base, complete=False)
        includer = Includer(self.load, self.findings)
        merged = includer.merge_includes(root, path)
        return Document(merged, self.findings, path, base, includer.complete, tuple(includer.includes))


class _Unreadable(Exception):
    """A file has no text to parse."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def _read_file(path: Path) -> str:
    base = path.parent
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        raise _Unreadable(_nowhere(str(path), base, f"this file cannot be read: {reason}")) from None
    if len(content) > LARGEST_FILE:
        raise _Unreadable(_too_large(str(path), base))
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        lines = LINE_BREAK.split(content[: error.start].decode())
        source = Source(str(path), content.decode(errors="replace"), base)
        mark = Mark(source, len(lines), len(lines[-1]) + 1)
        raise _Unreadable(Finding("this is not UTF-8", mark, "text in UTF-8")) from None


def _too_large(name: str, base: Path) -> Finding:
    return _nowhere(name, base, "this is larger than 1 MiB", "a smaller file; `include` takes several")


def _nowhere(name: str, base: Path, message: str, expected: str = "") -> Finding:
    return Finding(message, Mark(Source(name, "", base), 0, 0), expected)
