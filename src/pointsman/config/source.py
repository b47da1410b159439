"""Sources: the text of a configuration file, and places in it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mark", "Source", "Span"]

LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
"""What YAML's scanner counts as the end of a line."""
SHORTEST_SCRUBBED = 4

Span = tuple[tuple[int, int], tuple[int, int]]
"""From (line, column) up to (line, column), both from 1, the end not included."""


class Source:
    """One file (or text) by its name for people; `base` is where its relative paths start.

    `hide` notes the place of a literal secret: from then on it is masked in lines and messages.
    """

    def __init__(self, name: str, text: str, base: Path) -> None:
        self.name = name
        self.base = base
        self._lines = LINE_BREAK.split(text)
        self._hidden: dict[int, set[tuple[int, int | None]]] = {}
        self._secrets: set[str] = set()

    def line(self, number: int) -> str:
        """A line by its number from 1, hidden places masked; empty beyond the end."""
        if not 1 <= number <= len(self._lines):
            return ""
        line = self._lines[number - 1]
        for start, end in self._hidden.get(number, ()):
            stop = len(line) if end is None else min(end, len(line))
            line = line[:start] + "*" * (stop - start) + line[stop:]
        return line

    def hide(self, span: Span) -> None:
        """Mask a place, which may go over several lines."""
        (first, start), (last, end) = span
        for number in range(first, last + 1):
            begin = start - 1 if number == first else 0
            self._hidden.setdefault(number, set()).add((begin, end - 1 if number == last else None))

    def hide_value(self, value: str) -> None:
        """Mask a secret's value in messages."""
        if len(value) >= SHORTEST_SCRUBBED:
            self._secrets.add(value)

    def scrub(self, text: str) -> str:
        """A message without the secrets noted."""
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text


@dataclass(frozen=True, slots=True)
class Mark:
    """A place: `line` and `column` count from 1."""

    source: Source
    line: int
    column: int

    @property
    def source_line(self) -> str:
        """The line it is on, secrets masked."""
        return self.source.line(self.line)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"
