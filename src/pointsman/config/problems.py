"""Problems: what is wrong with a configuration, where, and how it is shown.

A `Finding` is collected with its place; when all are in, `Findings.problems()` turns them into `Problem`
records, whose source lines are masked by then wherever a literal secret stands.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from .masking import mask_shapes, mask_text
from .source import Mark

__all__ = [
    "LIMIT",
    "Finding",
    "Findings",
    "Problem",
    "Severity",
    "render_github",
    "render_json",
    "render_text",
]

LIMIT = 50
"""At most so many problems are told; one more says how many are left."""
WIDTH = 160
LONGEST_SHOWN = 4000
"""Of a longer line nothing is shown: what has to be masked in it is not looked for."""

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` and `column` count from 1; 0 means that there is no place.

    `source_line` is the line as written, secrets masked, long lines cut; `caret` is the place's offset in it
    where a cut made that another one than `column - 1`.
    """

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    source_line: str = ""
    expected: str = ""
    hint: str = ""
    severity: Severity = "error"
    caret: int | None = None

    @property
    def place(self) -> str:
        """`file:line:column`, as much of it as is known."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def __str__(self) -> str:
        return _text(self)


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem before its source line is known to be safe to print."""

    message: str
    mark: Mark
    expected: str = ""
    hint: str = ""
    severity: Severity = "error"

    def problem(self) -> Problem:
        """The record to show."""
        line, caret = _window(self.mark.source_line, self.mark.column - 1)
        return Problem(
            message=self._safe(self.message),
            file=self.mark.source.name,
            line=self.mark.line,
            column=self.mark.column,
            source_line=line,
            expected=self._safe(self.expected),
            hint=self._safe(self.hint),
            severity=self.severity,
            caret=caret,
        )

    def _safe(self, text: str) -> str:
        return _printable(mask_shapes(self.mark.source.scrub(text)))


class Findings:
    """All that one run finds, each once. `failed` says whether there is any error, as opposed to warnings."""

    def __init__(self) -> None:
        self.failed = False
        self._found: dict[Finding, None] = {}
        self._more = 0

    def add(self, finding: Finding) -> None:
        """Keep a finding, or only count it when there are enough."""
        if finding in self._found:
            return
        self.failed = self.failed or finding.severity == "error"
        if self.full:
            self._more += 1
        else:
            self._found[finding] = None

    def extend(self, other: Findings) -> None:
        """Take over the findings of another run."""
        for finding in other._found:
            self.add(finding)
        self._more += other._more
        self.failed = self.failed or other.failed

    @property
    def full(self) -> bool:
        """Whether further findings are only counted; a suggestion need not be searched for them."""
        return len(self._found) >= LIMIT

    def problems(self) -> list[Problem]:
        """The findings by file (in order of appearance), line and column."""
        files: dict[str, int] = {}
        for finding in self._found:
            files.setdefault(finding.mark.source.name, len(files))
        found = [finding.problem() for finding in self._found]
        found.sort(key=lambda problem: (files[problem.file], problem.line, problem.column))
        if self._more:
            found.append(Problem(f"{self._more} more problems are not shown; fix these first"))
        return found


def render_text(problems: Sequence[Problem]) -> str:
    """Problems for a terminal, a blank line between them."""
    return "\n\n".join(_text(problem) for problem in problems)


def render_json(problems: Sequence[Problem]) -> str:
    """Problems as a JSON array of objects."""
    return json.dumps([asdict(problem) for problem in problems], ensure_ascii=False, indent=2)


def render_github(problems: Sequence[Problem]) -> str:
    """Problems as workflow commands, which annotate the lines of a change under review."""
    return "\n".join(_github(problem) for problem in problems)


def _text(problem: Problem) -> str:
    where = f"{problem.place}: " if problem.place else ""
    lines = [f"{where}{problem.severity}: {problem.message}"]
    if problem.source_line:
        caret = problem.column - 1 if problem.caret is None else problem.caret
        indent = "".join("\t" if char == "\t" else " " for char in problem.source_line[:caret])
        lines += [f"    {problem.source_line}", f"    {indent}^"]
    if problem.expected:
        lines.append(f"    expected {problem.expected}")
    if problem.hint:
        lines.append(f"    {problem.hint}")
    return "\n".join(lines)


def _github(problem: Problem) -> str:
    properties = {"file": problem.file, "line": problem.line, "col": problem.column}
    shown = ",".join(f"{name}={_escape_property(str(value))}" for name, value in properties.items() if value)
    parts = [problem.message]
    if problem.expected:
        parts.append(f"expected {problem.expected}")
    if problem.hint:
        parts.append(problem.hint)
    head = f"::{problem.severity} {shown}".rstrip()
    return f"{head}::{_escape_data('; '.join(parts))}"


def _escape_data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escape_property(text: str) -> str:
    return _escape_data(text).replace(":", "%3A").replace(",", "%2C")


def _printable(text: str) -> str:
    """Without characters that a terminal would act on."""
    return "".join(
        char if char.isprintable() or char == "\t" else "\N{REPLACEMENT CHARACTER}" for char in text
    )


def _window(line: str, offset: int) -> tuple[str, int | None]:
    """A masked, printable stretch of a line around an offset, and the offset in it if that is another one."""
    if len(line) > LONGEST_SHOWN:
        return "", None
    line = _printable(mask_text(line)).rstrip()
    if len(line) <= WIDTH:
        return line, None
    start = max(0, offset - WIDTH // 2)
    head, tail = "…" if start else "", "…" if start + WIDTH < len(line) else ""
    return f"{head}{line[start : start + WIDTH]}{tail}", offset - start + len(head)
