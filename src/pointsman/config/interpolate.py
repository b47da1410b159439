"""Interpolation: `${VAR}` and `${file:…}` in scalars, after parsing, so that a value never adds structure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping

from .document import ListNode, MappingNode, Node, ScalarNode
from .problems import Finding
from .resolve import resolve

__all__ = ["interpolate"]

TOKEN = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?:(:-|:\?)(.*))?", re.DOTALL)
FILE = "file:"
LARGEST_FILE = 2**20


class _Failure(Exception):
    """Why a text cannot be interpolated."""

    def __init__(self, message: str, expected: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.hint = hint


def interpolate(root: Node, env: Mapping[str, str]) -> None:
    """Expand every scalar of a tree in place, nodes that aliases share once.

    A scalar that cannot be expanded gets a `failure`, which is told where its value is used.
    """
    seen: set[int] = set()
    pending = [root]
    while pending:
        node = pending.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        match node:
            case ScalarNode():
                if "$" in node.text:
                    _expand(node, env)
            case ListNode(items=items):
                pending += items
            case MappingNode(entries=entries):
                pending += [entry.node for entry in entries.values()]


def _expand(node: ScalarNode, env: Mapping[str, str]) -> None:
    source = node.text
    tokens = list(TOKEN.finditer(source))
    node.literal = bool(TOKEN.sub(_own_text, source))
    parts: list[str] = []
    origins: dict[str, None] = {}
    start = 0
    try:
        for match in tokens:
            text, origin = _token(match, node, env)
            parts += [source[start : match.start()], text]
            start = match.end()
            if origin:
                origins[origin] = None
    except _Failure as failure:
        node.failure = Finding(failure.message, node.mark, failure.expected, failure.hint)
        return
    node.text = "".join([*parts, source[start:]])
    node.expanded = any(match[1] is not None for match in tokens)
    alone = node.expanded and tokens[0][0] == source
    node.value = resolve(node.text) if node.plain and alone else node.text
    node.origin = ", ".join(origins)


def _own_text(match: re.Match[str]) -> str:
    """What of a token stands in the configuration itself: nothing of `${NAME}`, but a default does."""
    variable = VARIABLE.fullmatch(match[1] or "")
    if variable is not None:
        return (variable[3] or "") if variable[2] == ":-" else ""
    return "" if (match[1] or "").startswith(FILE) else match[0]


def _token(match: re.Match[str], node: ScalarNode, env: Mapping[str, str]) -> tuple[str, str]:
    """A token's text, and where it came from if that is not the configuration itself."""
    inner = match[1]
    if match[0] == "$$":
        return "$", ""
    if inner is None:
        raise _Failure(
            "`${` is not closed", "`${NAME}` without braces inside", "write `$${` to mean the text"
        )
    if inner.startswith(FILE):
        path = inner.removeprefix(FILE)
        return _read(path, node), f"file {path}"
    variable = VARIABLE.fullmatch(inner)
    if variable is None:
        raise _Failure(
            f"`{match[0]}` is no interpolation",
            "`${NAME}`, `${NAME:-default}`, `${NAME:?message}` or `${file:path}`",
            "write `$${` to mean the text",
        )
    name, operator, argument = variable.groups()
    value = env.get(name)
    if value or (value is not None and operator is None):
        return value, f"env {name}"
    if operator == ":-":
        return argument, ""
    if operator == ":?":
        raise _Failure(argument.strip() or f"environment variable {name} must be set", f"a value in {name}")
    near = difflib.get_close_matches(name, env, 1, cutoff=0.8)
    hint = f"did you mean {near[0]}? " if near else ""
    raise _Failure(
        f"environment variable {name} is not set", hint=f"{hint}write ${{{name}:-}} if it may be missing"
    )


def _read(path: str, node: ScalarNode) -> str:
    try:
        with (node.mark.source.base / path).open("rb") as stream:
            content = stream.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            raise _Failure(f"file {path} is larger than 1 MiB")
        return content.decode().rstrip("\r\n")
    except OSError as error:
        raise _Failure(f"file {path} cannot be read: {error.strerror or 'no such file'}") from None
    except ValueError:
        raise _Failure(f"file {path!r} cannot be read", "a path, and a file in UTF-8") from None
