"""Peeking: what routing needs of a request, from its top-level members alone."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.errors import BadRequest
from pointsman.members import names, read, wrong
from pointsman.types import Peek, Request

from .names import pick, snake
from .params import CONFIG

__all__ = ["peek"]

_flag = msgspec.json.Decoder(bool | None)
_contents = msgspec.json.Decoder(list[dict[str, msgspec.Raw]] | dict[str, msgspec.Raw])
_config = msgspec.json.Decoder(dict[str, Any] | None)
_tools = msgspec.json.Decoder(list[msgspec.Raw] | dict[str, msgspec.Raw] | None)
MEASURED = ("contents", "systemInstruction", "system_instruction", "tools")
"""What a model is given to read."""


def peek(request: Request) -> Peek:
    """Read what routing needs. Raises BadRequest that names the field at fault."""
    fields = request.fields
    for name in fields:
        if name.startswith("~"):  # our own notes begin so
            raise BadRequest(f"`{name}` is not a member of this dialect", param=name)
    model, further = names(fields)
    if "contents" not in fields:
        raise BadRequest("`contents` is missing", param="contents")
    if not read(fields, "contents", _contents, "a list of objects with `role` and `parts` each"):
        raise wrong("contents", "a list of at least one content")
    name = CONFIG if CONFIG in fields else snake(CONFIG)
    config = read(fields, name, _config, "an object") or {}
    most, choices = pick(config, "maxOutputTokens"), pick(config, "candidateCount")
    if most is not None and (not isinstance(most, int) or isinstance(most, bool) or most < 1):
        raise wrong(f"{name}.maxOutputTokens", "a whole number of at least 1")
    return Peek(
        model,
        stream=bool(read(fields, "stream", _flag, "true or false")),
        max_tokens=most,
        choices=choices if isinstance(choices, int) and choices > 0 else 1,
        characters=sum(len(memoryview(fields[each])) for each in MEASURED if each in fields),
        has_tools=bool(read(fields, "tools", _tools, "a list")),
        usage_in_stream=True,
        models=further,
    )
