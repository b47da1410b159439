"""A script that comes with a request, as its top-level member `echo`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pointsman.config import Schema
from pointsman.config.build import Builder
from pointsman.config.document import Entry, ListNode, MappingNode, Node, ScalarNode
from pointsman.config.kinds import Record
from pointsman.config.problems import Findings
from pointsman.config.source import Mark, Source
from pointsman.errors import BadRequest
from pointsman.types import Request

from .script import ScriptSettings

__all__ = ["script_in"]

MEMBER = "echo"
NOWHERE = (0, 0)


def script_in(request: Request, *, surface: str) -> ScriptSettings | None:
    """The script a request brings, checked as one in the configuration is. Raises BadRequest."""
    if MEMBER not in request.fields:
        return None
    data = request.body[MEMBER]
    if data is None or (surface == "completions" and isinstance(data, bool)):
        return None  # completions have a switch of this name, which repeats the prompt
    findings = Findings()
    mark = Mark(Source("the request", "", Path()), *NOWHERE)
    script = Builder(Schema(), findings).value(Record(ScriptSettings), _node(data, mark), MEMBER)
    if findings.failed:
        problem = findings.problems()[0]
        expected = f"expected {problem.expected}" if problem.expected else ""
        said = "; ".join(filter(None, (problem.message, expected, problem.hint)))
        raise BadRequest(said, param=MEMBER)
    if not isinstance(script, ScriptSettings):
        raise TypeError(f"a script was built as {type(script).__name__}")
    return script


def _node(data: Any, mark: Mark) -> Node:
    """JSON data as the configuration's reader would have read it: a text is nothing but a text."""
    if isinstance(data, dict):
        return MappingNode(mark, NOWHERE, {key: Entry(mark, _node(each, mark)) for key, each in data.items()})
    if isinstance(data, list):
        return ListNode(mark, NOWHERE, [_node(each, mark) for each in data])
    text = "" if data is None else str(data)
    return ScalarNode(mark, NOWHERE, text, data, plain=not isinstance(data, str))
