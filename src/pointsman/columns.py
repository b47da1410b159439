"""Columns: rows as a table of text, for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

__all__ = ["aligned"]


def aligned(columns: Mapping[str, Sequence[str]], *, left: int) -> str:
    """Columns as lines of text, the first `left` of them flush left, the others flush right. What cannot be
    printed is shown as a question mark."""
    lines: list[list[str]] = [[] for _ in range(len(next(iter(columns.values()))) + 1)]
    for number, (heading, cells) in enumerate(columns.items()):
        texts = [heading, *("".join(each if each.isprintable() else "?" for each in cell) for cell in cells)]
        width = max(len(text) for text in texts)
        for line, text in zip(lines, texts, strict=True):
            line.append(text.ljust(width) if number < left else text.rjust(width))
    return "\n".join("  ".join(line).rstrip() for line in lines)
