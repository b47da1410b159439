"""Data: settings that do not come from a file, checked by the same rules."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pointsman.errors import ConfigError

from .build import Builder
from .declare import record_spec
from .document import Entry, ListNode, MappingNode, Node, ScalarNode
from .problems import Findings
from .schema import Schema
from .source import Mark, Source

__all__ = ["build_data"]


def build_data(schema: Schema, type_: type, data: Mapping[str, Any]) -> Any:
    """A settings object of a class out of a JSON object. Nothing in it is expanded: `${…}` is plain text.

    Raises ConfigError with every problem; no problem has a place.
    """
    findings = Findings()
    mark = Mark(Source("", "", Path()), 0, 0)
    made = Builder(schema, findings).record(record_spec(type_), _node(data, mark), "")
    if findings.failed:
        raise ConfigError.of(findings.problems())
    return made


def _node(value: Any, mark: Mark) -> Node:
    """The node that a JSON value would be in a file."""
    nowhere = (0, 0)
    if isinstance(value, Mapping):
        entries = {str(key): Entry(mark, _node(each, mark)) for key, each in value.items()}
        return MappingNode(mark, nowhere, entries)
    if isinstance(value, list | tuple):
        return ListNode(mark, nowhere, [_node(each, mark) for each in value])
    if isinstance(value, str):
        return ScalarNode(mark, nowhere, value, value, plain=False)
    words = {None: "null", True: "true", False: "false"}
    text = words[value] if value is None or isinstance(value, bool) else str(value)
    return ScalarNode(mark, nowhere, text, value, plain=True)
