"""Peeking: what routing needs of a request, from its top-level members alone."""

from __future__ import annotations

import msgspec

from pointsman.errors import BadRequest
from pointsman.members import mentioned, names, read, wrong
from pointsman.types import Peek, Request
from pointsman_openai.peek import asks_accounting

__all__ = ["peek"]

_flag = msgspec.json.Decoder(bool | None)
_number = msgspec.json.Decoder(int | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)


class _Item(msgspec.Struct, gc=False):
    """An object, whatever is in it."""


_input = msgspec.json.Decoder(str | list[_Item] | None)
_NONE = msgspec.Raw(b"")
CONTEXT = ("previous_response_id", "conversation", "prompt")
"""Members that may stand in place of an input."""
EXPECTED = "a string or a list of objects"


def peek(request: Request) -> Peek:
    """Read what routing needs. Raises BadRequest that names the field at fault.

    A stream tells its usage unasked.
    """
    fields = request.fields
    model, further = names(fields)
    given = fields.get("input", _NONE)
    if read(fields, "input", _input, EXPECTED) is None and not any(name in fields for name in CONTEXT):
        raise BadRequest(f"`input` is missing: it must be {EXPECTED}", param="input")
    instructions = fields.get("instructions", _NONE)
    most = read(fields, "max_output_tokens", _number, "a whole number")
    if most is not None and most < 0:
        raise wrong("max_output_tokens", "a whole number of at least 0")
    return Peek(
        model,
        stream=bool(read(fields, "stream", _flag, "true or false")),
        max_tokens=most,
        characters=len(memoryview(given)) + len(memoryview(instructions)),
        has_tools=bool(read(fields, "tools", _list, "a list")),
        usage_in_stream=True,
        cost_in_body=asks_accounting(fields) or False,
        models=further,
        user=mentioned(fields, "user"),
    )
