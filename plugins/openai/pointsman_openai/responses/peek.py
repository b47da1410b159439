"""Peeking: what routing needs of a request, from its top-level members alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.errors import BadRequest
from pointsman.types import Peek, Request
from pointsman_openai.peek import asks_accounting, wrong

__all__ = ["names", "peek"]

_text = msgspec.json.Decoder(str | None)
_flag = msgspec.json.Decoder(bool | None)
_number = msgspec.json.Decoder(int | None)
_texts = msgspec.json.Decoder(list[str] | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)


class _Item(msgspec.Struct, gc=False):
    """An object, whatever is in it."""


_input = msgspec.json.Decoder(str | list[_Item] | None)
_BAD = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
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
    if _read(fields, "input", _input, EXPECTED) is None and not any(name in fields for name in CONTEXT):
        raise BadRequest(f"`input` is missing: it must be {EXPECTED}", param="input")
    instructions = fields.get("instructions", _NONE)
    most = _read(fields, "max_output_tokens", _number, "a whole number")
    if most is not None and most < 0:
        raise wrong("max_output_tokens", "a whole number of at least 0")
    return Peek(
        model,
        stream=bool(_read(fields, "stream", _flag, "true or false")),
        max_tokens=most,
        characters=len(memoryview(given)) + len(memoryview(instructions)),
        has_tools=bool(_read(fields, "tools", _list, "a list")),
        has_images=b'"input_image"' in bytes(given),
        usage_in_stream=True,
        cost_in_body=asks_accounting(fields) or False,
        models=further,
    )


def names(fields: Mapping[str, msgspec.Raw]) -> tuple[str, tuple[str, ...]]:
    """The model asked for, and those to try after it."""
    model: str | None = _read(fields, "model", _text, "a non-empty string")
    models = _read(fields, "models", _texts, "a list of model names") or []
    if "" in models:
        raise wrong("models", "a list of non-empty model names")
    if model is None:
        if not models:
            raise BadRequest("`model` is missing: it must name the model to ask", param="model")
        return models[0], tuple(models[1:])
    if not model:
        raise wrong("model", "a non-empty string")
    return model, tuple(models)


def _read(
    fields: Mapping[str, msgspec.Raw], name: str, decoder: msgspec.json.Decoder[Any], expected: str
) -> Any:
    """One member, decoded; None where it is absent. Raises BadRequest."""
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except _BAD:
        raise wrong(name, expected) from None
