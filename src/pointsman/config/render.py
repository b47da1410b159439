"""Rendering: values as they would be written in YAML."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pointsman.secrets import Secret

from .resolve import resolve

__all__ = ["render"]

PLAIN = re.compile(r"[\w./][\w./@:+-]*(?<!:)")


def render(value: Any) -> str:
    """One line of YAML: value types by their canonical spelling, secrets by their fingerprint."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_string(str(key))}: {render(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(render(each) for each in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Secret):
        return str(value)
    spelling = getattr(value, "text", None)
    if isinstance(spelling, str):
        return spelling
    return str(value) if isinstance(value, int | float) else _string(str(value))


def _string(text: str) -> str:
    """A text without quotes where YAML would still read it as that text."""
    if PLAIN.fullmatch(text) and isinstance(resolve(text), str):
        return text
    return json.dumps(text, ensure_ascii=False)
