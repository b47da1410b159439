"""Peeking: what routing needs of a request, from its top-level members alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman import members
from pointsman.errors import BadRequest
from pointsman.members import BAD_JSON, read, wrong
from pointsman.types import Peek, Request

__all__ = ["names", "peek", "wrong"]

MOST_FALLBACKS = 3


class _Message(msgspec.Struct, gc=False):
    role: str
    content: msgspec.Raw


class _Metadata(msgspec.Struct, gc=False):
    user_id: str | None = None


class _Fallback(msgspec.Struct, gc=False):
    model: str


_flag = msgspec.json.Decoder(bool | None)
_number = msgspec.json.Decoder(int | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_fallbacks = msgspec.json.Decoder(list[_Fallback] | None)
_messages = msgspec.json.Decoder(list[_Message])
_metadata = msgspec.json.Decoder(_Metadata | None)
_any = msgspec.json.Decoder(Any)
_NONE = msgspec.Raw(b"")


def peek(request: Request) -> Peek:
    """Read what routing needs. Raises BadRequest that names the field at fault."""
    fields = request.fields
    for name in fields:
        if name.startswith("~"):  # our own notes begin so
            raise BadRequest(f"`{name}` is not a member of this dialect", param=name)
    model, further = names(fields)
    messages = fields.get("messages")
    if messages is None:
        raise BadRequest("`messages` is missing", param="messages")
    _check_messages(messages)
    most = read(fields, "max_tokens", _number, "a whole number of at least 1")
    if most is not None and most < 1:
        raise wrong("max_tokens", "a whole number of at least 1")
    beside = len(memoryview(fields.get("system", _NONE))) + len(memoryview(fields.get("tools", _NONE)))
    return Peek(
        model,
        stream=bool(read(fields, "stream", _flag, "true or false")),
        max_tokens=most,
        characters=len(memoryview(messages)) + beside,
        has_tools=bool(read(fields, "tools", _list, "a list")),
        usage_in_stream=True,
        models=further,
        user=_user(fields.get("metadata")),
    )


def _user(metadata: msgspec.Raw | None) -> str | None:
    """Whom the client asks for; what else may be there is for the provider to refuse."""
    try:
        found = _metadata.decode(metadata) if metadata is not None else None
    except BAD_JSON:
        return None
    return found.user_id if found is not None else None


def _check_messages(raw: msgspec.Raw) -> None:
    """Require a list of objects with role and content each, unread. Raises BadRequest."""
    try:
        if _messages.decode(raw):
            return
    except BAD_JSON:
        pass
    raise _fault_in_messages(raw)


def _fault_in_messages(raw: msgspec.Raw) -> BadRequest:
    """What exactly is wrong with messages that were refused."""
    try:
        messages = _any.decode(raw)
    except BAD_JSON as error:
        return BadRequest(f"`messages` cannot be read: {error}", param="messages")
    if not isinstance(messages, list):
        return wrong("messages", "a list")
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        if not isinstance(message, dict):
            return wrong(path, "an object with `role` and `content`")
        if not isinstance(message.get("role"), str):
            return wrong(f"{path}.role", "user or assistant")
        if "content" not in message:
            return BadRequest(f"`{path}.content` is missing", param=f"{path}.content")
    return wrong("messages", "a list of at least one message")


def names(fields: Mapping[str, msgspec.Raw]) -> tuple[str, tuple[str, ...]]:
    """The model asked for, and those to try after it: by `models`, or by `fallbacks`. Raises BadRequest."""
    if "fallbacks" not in fields:
        return members.names(fields)
    expected = f"a list of at most {MOST_FALLBACKS} objects with a `model` each"
    fallbacks = read(fields, "fallbacks", _fallbacks, expected) or []
    if fallbacks and read(fields, "models", _list, "a list of model names"):
        raise BadRequest("`models` and `fallbacks` say the same; send one of them", param="fallbacks")
    if len(fallbacks) > MOST_FALLBACKS:
        raise wrong("fallbacks", expected)
    return members.names(fields, [each.model for each in fallbacks])
