"""Peeking: what routing needs of a request, from its top-level members alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec

from pointsman.errors import BadRequest
from pointsman.members import BAD_JSON, mentioned, names, read, wrong
from pointsman.types import Peek, Request

__all__ = ["asks_accounting", "peek"]


class _Message(msgspec.Struct, gc=False):
    role: str


class _Plain(_Message, gc=False):
    """A turn without thoughts, its content unread."""

    reasoning: None = None
    reasoning_content: None = None
    reasoning_details: None = None


_Amount = Annotated[int, msgspec.Meta(ge=0)]
MESSAGES = "messages"
UNUSUAL = frozenset({"models", "usage", "functions"})
"""Members that are read one by one."""


class _StreamOptions(msgspec.Struct, gc=False):
    include_usage: bool | None = None


class _Asked(msgspec.Struct, gc=False):
    """A request for an answer in which all that is looked at is what it must be, and nothing is unusual."""

    model: Annotated[str, msgspec.Meta(min_length=1)]
    stream: bool | None = None
    stream_options: _StreamOptions | None = None
    max_tokens: _Amount | None = None
    max_completion_tokens: _Amount | None = None
    n: Annotated[int, msgspec.Meta(ge=1)] | None = None
    tools: list[msgspec.Raw] | None = None
    user: str | None = None
    messages: list[_Plain] = []


class _UsageOption(msgspec.Struct, gc=False):
    include: bool | msgspec.UnsetType | None = msgspec.UNSET


_asked = msgspec.json.Decoder(_Asked)
_flag = msgspec.json.Decoder(bool | None)
_number = msgspec.json.Decoder(int | None)
_list = msgspec.json.Decoder(list[msgspec.Raw] | None)
_messages = msgspec.json.Decoder(list[_Message])
_stream_options = msgspec.json.Decoder(_StreamOptions | None)
_usage_option = msgspec.json.Decoder(_UsageOption)
_any = msgspec.json.Decoder(Any)


def peek(request: Request, *, content: str) -> Peek:
    """Read what routing needs. `content` names the member that holds the input; messages are required to be
    a list of objects with a role each, their content unread.

    Raises BadRequest that names the field at fault.
    """
    fields = request.fields
    raw = fields.get(content)
    if raw is not None and UNUSUAL.isdisjoint(fields):
        try:
            seen = _asked.decode(request.raw)
        except BAD_JSON:
            pass  # the members, read one by one, tell which it is
        else:
            if seen.messages or content != MESSAGES:
                request.thoughtless = True
                most, options = seen.max_completion_tokens, seen.stream_options
                return Peek(
                    seen.model,
                    seen.stream is True,
                    seen.max_tokens if most is None else most,
                    seen.n or 1,
                    len(memoryview(raw)),
                    bool(seen.tools),
                    options is not None and options.include_usage is True,
                    user=seen.user,
                )
    model, further = names(fields)
    if raw is None:
        raise BadRequest(f"`{content}` is missing", param=content)
    if content == MESSAGES:
        _check_messages(raw)
    asked = read(fields, "stream_options", _stream_options, "an object with a boolean `include_usage`")
    accounting = asks_accounting(fields) or False
    most = _whole_number(fields, "max_completion_tokens", least=0)
    return Peek(
        model,
        stream=bool(read(fields, "stream", _flag, "true or false")),
        max_tokens=most if most is not None else _whole_number(fields, "max_tokens", least=0),
        choices=_whole_number(fields, "n", least=1) or 1,
        characters=len(memoryview(raw)),
        has_tools=bool(read(fields, "tools", _list, "a list") or read(fields, "functions", _list, "a list")),
        usage_in_stream=accounting or bool(asked is not None and asked.include_usage),
        cost_in_body=accounting,
        models=further,
        user=mentioned(fields, "user"),
    )


def _check_messages(raw: msgspec.Raw) -> None:
    """Require a list of objects with a role each, their content unread. Raises BadRequest."""
    try:
        if _messages.decode(raw):
            return
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise _fault_in_messages(raw)


def _fault_in_messages(raw: msgspec.Raw) -> BadRequest:
    """What exactly is wrong with messages that were refused."""
    try:
        messages = _any.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return BadRequest(f"`messages` cannot be read: {error}", param="messages")
    if not isinstance(messages, list):
        return wrong("messages", "a list")
    for index, message in enumerate(messages):
        path = f"messages[{index}]"
        if not isinstance(message, dict):
            return wrong(path, "an object with `role` and `content`")
        if not isinstance(message.get("role"), str):
            return wrong(f"{path}.role", "a string such as user")
    return wrong("messages", "a list of at least one message")


def asks_accounting(fields: Mapping[str, msgspec.Raw]) -> bool | None:
    """What `usage: {include: …}` says of putting usage and cost into the answer; None where there is no
    such member, as a `usage` of another shape is none of ours. Raises BadRequest.
    """
    raw = fields.get("usage")
    if raw is None or not bytes(raw).startswith(b"{"):
        return None
    include = read(fields, "usage", _usage_option, "an object with a boolean `include`").include
    return None if include is msgspec.UNSET else bool(include)


def _whole_number(fields: Mapping[str, msgspec.Raw], name: str, *, least: int) -> int | None:
    expected = f"a whole number of at least {least}"
    number: int | None = read(fields, name, _number, expected)
    if number is not None and number < least:
        raise wrong(name, expected)
    return number
