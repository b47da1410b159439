from __future__ import annotations

import json
from pathlib import Path

from pointsman.config import Problem, render_github, render_json, render_text
from pointsman.config.problems import LIMIT, Finding, Findings
from pointsman.config.source import Mark, Source

PROBLEM = Problem(
    "unknown key `prot`",
    file="conf.d/a,b:c.yaml",
    line=12,
    column=5,
    source_line="\t   prot: 1",
    expected="one of `a`, `b`",
    hint="did you mean `port`?",
)


def mark(text: str, line: int = 1, column: int = 1, name: str = "a.yaml") -> Mark:
    return Mark(Source(name, text, Path()), line, column)


def test_text_has_place_line_caret_expectation_and_hint() -> None:
    assert render_text([PROBLEM, Problem("also")]) == (
        "conf.d/a,b:c.yaml:12:5: error: unknown key `prot`\n"
        "    \t   prot: 1\n"
        "    \t   ^\n"
        "    expected one of `a`, `b`\n"
        "    did you mean `port`?\n"
        "\n"
        "error: also"
    )


def test_json_has_every_field() -> None:
    (row,) = json.loads(render_json([PROBLEM]))
    assert row["message"] == "unknown key `prot`"
    assert (row["file"], row["line"], row["column"], row["severity"]) == ("conf.d/a,b:c.yaml", 12, 5, "error")
    assert (row["source_line"], row["expected"], row["hint"]) == (
        "\t   prot: 1",
        "one of `a`, `b`",
        PROBLEM.hint,
    )


def test_workflow_commands_are_escaped() -> None:
    problem = Problem("50% of\nit", file="a,b:c%.yaml", line=1, column=2, severity="warning")
    assert render_github([problem]) == "::warning file=a%2Cb%3Ac%25.yaml,line=1,col=2::50%25 of%0Ait"
    assert render_github([PROBLEM]).endswith(
        "::unknown key `prot`; expected one of `a`, `b`; did you mean `port`?"
    )
    assert render_github([Problem("x")]) == "::error::x"


def test_findings_come_by_file_and_place_each_once() -> None:
    one, two = Source("one.yaml", "a\nb", Path()), Source("two.yaml", "c", Path())
    findings = Findings()
    for place in (Mark(two, 1, 1), Mark(one, 2, 1), Mark(one, 1, 1), Mark(one, 1, 1)):
        findings.add(Finding("bad", place))
    assert [problem.place for problem in findings.problems()] == [
        "two.yaml:1:1",
        "one.yaml:1:1",
        "one.yaml:2:1",
    ]


def test_beyond_the_limit_problems_are_counted() -> None:
    findings = Findings()
    source = Source("a.yaml", "", Path())
    for line in range(1, LIMIT + 8):
        findings.add(Finding("bad", Mark(source, line, 1)))
    problems = findings.problems()
    assert findings.full
    assert len(problems) == LIMIT + 1
    assert problems[-1] == Problem("7 more problems are not shown; fix these first")


def test_warnings_alone_are_no_failure_however_many() -> None:
    findings = Findings()
    source = Source("a.yaml", "", Path())
    for line in range(1, LIMIT + 8):
        findings.add(Finding("odd", Mark(source, line, 1), severity="warning"))
    assert not findings.failed
    other = Findings()
    other.add(Finding("bad", Mark(source, 1, 1)))
    findings.extend(other)
    assert findings.failed


def test_a_long_line_is_shown_around_its_place() -> None:
    problem = Finding("bad", mark("a" * 300 + "!" + "b" * 300, column=301)).problem()
    _, line, caret = str(problem).splitlines()
    assert line[caret.index("^")] == "!"
    assert line.strip().startswith("…a")
    assert line.endswith("b…")
    assert problem.column == 301


def test_of_a_gigantic_line_nothing_is_shown() -> None:
    assert Finding("bad", mark("a" * 5000)).problem().source_line == ""


def test_what_a_terminal_would_act_on_is_not_printed() -> None:
    problem = Finding("key `\x1b[2J`", mark("\x1b[2J: 1")).problem()
    assert "\x1b" not in render_text([problem])


def test_lines_are_masked_when_the_problem_is_made_not_when_it_is_found() -> None:
    place = mark("lab: hunter22")
    findings = Findings()
    findings.add(Finding("hunter22 is wrong", place, hint="not hunter22"))
    place.source.hide(((1, 6), (1, 14)))
    place.source.hide_value("hunter22")
    for text in (render(findings.problems()) for render in (render_text, render_json, render_github)):
        assert "hunter22" not in text
