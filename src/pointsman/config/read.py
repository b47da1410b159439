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
    findings = Findings()
    text = _read_file(path, findings)
    if text is None:
        return _incomplete(str(path), path.parent, path, findings)
    return _document(text, Source(str(path), text, path.parent), env, path, findings)


def read_text(text: str, name: str, env: Mapping[str, str], base: Path) -> Document:
    """Read a text under a name for problems; relative paths in it start at `base`. Never raises."""
    findings = Findings()
    if len(text.encode(errors="surrogatepass")) > LARGEST_FILE:
        _too_large(name, base, findings)
        return _incomplete(name, base, None, findings)
    return _document(text, name, env, base, None, findings)


def _document(
    text: str, name: str, env: Mapping[str, str], base: Path, path: Path | None, findings: Findings
) -> Document:
    root = _root(text, name, env, base, findings)
    if root is None:
        return _incomplete(name, base, path, findings)

    def load(file: Path) -> MappingNode | None:
        content = _read_file(file, findings)
        return None if content is None else _root(content, str(file), env, file.parent, findings)

    includer = Includer(load, findings)
    merged = includer.merge_includes(root, path)
    return Document(merged, findings, path, base, includer.complete)


def _root(text: str, name: str, env: Mapping[str, str], base: Path, findings: Findings) -> MappingNode | None:
    """One file's own mapping, interpolated."""
    node = compose(text, name, base, findings)
    if node is None:
        return None
    interpolate(node, env)
    if isinstance(node, ScalarNode) and node.value is None and node.failure is None:
        return MappingNode(node.mark, node.end)
    if isinstance(node, MappingNode):
        return node
    findings.add(Finding(f"the file is {describe(node)}", node.mark, "a mapping of sections"))
    return None


def _read_file(path: Path, findings: Findings) -> str | None:
    try:
        with path.open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a path"
        _tell(str(path), path.parent, findings, f"this file cannot be read: {reason}")
        return None
    if len(content) > LARGEST_FILE:
        _too_large(str(path), path.parent, findings)
        return None
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        before = content[: error.start].decode()
        lines = LINE_BREAK.split(before)
        source = Source(str(path), content.decode(errors="replace"), path.parent)
        findings.add(
            Finding("this is not UTF-8", Mark(source, len(lines), len(lines[-1]) + 1), "text in UTF-8")
        )
        return None


def _too_large(name: str, base: Path, findings: Findings) -> None:
    _tell(name, base, findings, "this is larger than 1 MiB", "a smaller file; `include` takes several")


def _tell(name: str, base: Path, findings: Findings, message: str, expected: str = "") -> None:
    findings.add(Finding(message, Mark(Source(name, "", base), 0, 0), expected))


def _incomplete(name: str, base: Path, path: Path | None, findings: Findings) -> Document:
    root = MappingNode(Mark(Source(name, "", base), 1, 1), (1, 1))
    return Document(root, findings, path, base, complete=False)
