"""The top level of a request's JSON: members read one by one, changed one by one, all else as it came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from .dialects import Quirks
from .errors import BadRequest
from .types import Request

__all__ = [
    "BAD_JSON",
    "PRESET",
    "add_defaults",
    "mentioned",
    "names",
    "read",
    "rendered",
    "suit",
    "supplied",
    "together",
    "with_model",
    "wrong",
]

BAD_JSON = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises for text that is not the JSON it wants."""
PRESET = "@preset/"
"""What stands before the name of a preset in the place of a model."""
MOST_MODELS = 100
LONGEST_MODEL = 1000
"""Models that one request may name beside the first, and characters of a name."""
MOST_NAMES = 1024
"""Names of models whose JSON is remembered."""
_text = msgspec.json.Decoder(str | None)
_texts = msgspec.json.Decoder(list[str] | None)


def wrong(path: str, expected: str) -> BadRequest:
    """The error for a member that is not what it must be."""
    return BadRequest(f"`{path}` must be {expected}", param=path)


def read(
    fields: Mapping[str, msgspec.Raw], name: str, decoder: msgspec.json.Decoder[Any], expected: str
) -> Any:
    """One member, decoded; None where it is absent. Raises BadRequest."""
    raw = fields.get(name)
    if raw is None:
        return None
    try:
        return decoder.decode(raw)
    except BAD_JSON:
        raise wrong(name, expected) from None


def mentioned(fields: Mapping[str, msgspec.Raw], name: str) -> str | None:
    """One member that is a text; None where it is absent or anything else: others refuse it."""
    try:
        found: str | None = _text.decode(fields[name]) if name in fields else None
    except BAD_JSON:
        return None
    return found


def names(fields: Mapping[str, msgspec.Raw], fallbacks: Sequence[str] = ()) -> tuple[str, tuple[str, ...]]:
    """The model asked for, and those to try after it: those of `models`, else `fallbacks`. A request that
    names none asks for what its `preset` says.

    Raises BadRequest.
    """
    model: str | None = read(fields, "model", _text, "a non-empty string")
    models = read(fields, "models", _texts, "a list of model names") or []
    further = models or fallbacks
    if further and not _are_names(further):
        expected = (
            f"a list of non-empty model names, {MOST_MODELS} at most, of {LONGEST_MODEL} characters at most"
        )
        raise wrong("models" if models else "fallbacks", expected)
    if model is None:
        if models:
            return models[0], tuple(models[1:])
        preset = mentioned(fields, "preset")
        if not preset:
            raise BadRequest("`model` is missing: it must name the model to ask", param="model")
        if len(preset) > LONGEST_MODEL:
            raise wrong("preset", f"the name of a preset, of {LONGEST_MODEL} characters at most")
        return f"{PRESET}{preset.removeprefix(PRESET)}", tuple(fallbacks)
    if not model or len(model) > LONGEST_MODEL:
        raise wrong("model", f"a non-empty string of {LONGEST_MODEL} characters at most")
    return model, tuple(further)


def _are_names(models: Sequence[str]) -> bool:
    """Whether a list may name models: what clients write is looked for, and put on record."""
    return len(models) <= MOST_MODELS and all(0 < len(name) <= LONGEST_MODEL for name in models)


def with_model(request: Request, model: str) -> dict[str, msgspec.Raw]:
    """A request's members, asking for `model`: a copy to be changed further."""
    return {**request.fields, "model": _encoded(model)}


@lru_cache(MOST_NAMES)
def _encoded(model: str) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(model))


def supplied(request: Request, name: str, value: Any, *others: str) -> Request:
    """The request with a member that it lacks: neither `name` nor one of the `others`, which mean the same,
    says anything."""
    fields = request.fields
    if any(bytes(fields.get(each, b"null")) != b"null" for each in (name, *others)):
        return request
    return Request(msgspec.json.encode({**fields, name: value}))


def together(first: Mapping[str, Any], then: Mapping[str, Any]) -> Mapping[str, Any]:
    """Two sets of defaults as one, in which those of the first stand and count before the others."""
    return {**first, **{name: value for name, value in then.items() if name not in first}} if first else then


def add_defaults(
    fields: dict[str, msgspec.Raw], params: Mapping[str, Any], spellings: Mapping[str, str]
) -> None:
    """Add an endpoint's defaults that a request lacks, each as its dialect spells it."""
    for given, value in params.items():
        name = spellings.get(given, given)
        if name not in fields:
            fields[name] = msgspec.Raw(msgspec.json.encode(value))


def suit(fields: dict[str, msgspec.Raw], quirks: Quirks) -> list[str]:
    """Rename and drop what a host calls otherwise or refuses; return what was dropped."""
    if not quirks.rename and quirks.drop.isdisjoint(fields):
        return []
    for name, other in quirks.rename.items():
        if name in fields:
            value = fields.pop(name)
            fields.setdefault(other, value)
    dropped = [name for name in fields if name in quirks.drop]
    for name in dropped:
        del fields[name]
    return dropped


def rendered(request: Request, fields: Mapping[str, msgspec.Raw]) -> bytes:
    """A request with these members: the very bytes that came where nothing has changed."""
    return request.raw if fields == request.fields else msgspec.json.encode(fields)
