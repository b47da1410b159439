"""Arguments of tool calls: JSON text here, and an object in the dialects that want one."""

from __future__ import annotations

from typing import Any

import msgspec

from .members import BAD_JSON

__all__ = ["UNPARSED", "are_arguments", "arguments_object", "arguments_text"]

UNPARSED = "_raw"
"""The member that holds arguments which are no JSON object: such dialects have no other place for them."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def arguments_text(given: Any) -> str:
    """The object of a call, or whatever stands in its place, as text."""
    if isinstance(given, dict) and len(given) == 1 and isinstance(given.get(UNPARSED), str):
        return str(given[UNPARSED])
    return _encode(given).decode()


def arguments_object(arguments: str) -> dict[str, Any]:
    """Arguments as an object: empty for no text, and under `_raw` a text that is no JSON object, as some
    models write them."""
    if not arguments.strip():
        return {}
    try:
        found = _decode(arguments)
    except BAD_JSON:
        return {UNPARSED: arguments}
    if isinstance(found, str) and found.lstrip().startswith("{"):  # encoded twice, as some models do
        return arguments_object(found)
    return {} if found is None else found if isinstance(found, dict) else {UNPARSED: arguments}


def are_arguments(text: str) -> bool:
    """Whether a model's text is what a tool can be called with."""
    return UNPARSED not in arguments_object(text)
