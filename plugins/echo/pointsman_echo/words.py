"""Words: what this provider counts as tokens, and what it cuts a stream into."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pointsman.types import Part, Reasoning, Text, ToolCall, ToolResult, Unknown

__all__ = ["count", "cut", "words_in"]

_WORD = re.compile(r"\s*\S+|\s+")


def count(text: str) -> int:
    """The words of a text."""
    return len(text.split())


def words_in(parts: Iterable[Part]) -> int:
    """The words of all texts in some parts; token numbers count one each, media nothing."""
    total = 0
    for part in parts:
        if isinstance(part, Text | Reasoning):
            total += count(part.text)
        elif isinstance(part, ToolCall):
            total += count(part.arguments)
        elif isinstance(part, ToolResult):
            total += words_in(part.parts)
        elif isinstance(part, Unknown) and isinstance(part.data, list):
            total += len(part.data)
    return total


def cut(text: str, size: int | None) -> list[str]:
    """A text in chunks of `size` characters, or of a word each with the space before it."""
    if size is None:
        return _WORD.findall(text)
    return [text[start : start + size] for start in range(0, len(text), size)]
