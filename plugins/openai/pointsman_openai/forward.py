"""Forwarding (lane A): the client's JSON with only those top-level members changed that must be.

Opaque thoughts of another host in the history are taken out (lane B).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import Quirks
from pointsman.members import rendered, suit, with_model
from pointsman.sealing import MARK
from pointsman.types import Peek, Request

from .peek import asks_accounting
from .reasoning import THOUGHTS, is_opaque

__all__ = ["consume", "forward"]

_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_messages = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_details = msgspec.json.Decoder(list[Any])
_TRUE = msgspec.Raw(b"true")
_NULL = msgspec.Raw(b"null")
DETAILS = "reasoning_details"
_SEALED = f'"{MARK}'.encode()
HEEDED = ("models", "provider", "session_id")
"""Members that the gateway goes by."""
OURS = frozenset({*HEEDED, "usage"})
"""Members that may be meant for the gateway."""
TOKEN_LIMITS = frozenset({"max_tokens", "max_completion_tokens"})
"""Two names of one parameter: a host refuses a request that has both."""


def forward(
    request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any], asks_usage: bool
) -> tuple[bytes, list[str]]:
    """The request for a provider of this dialect, and the names of fields that were lost.

    `asks_usage` says that this surface has streams whose usage must be asked for. A request in which
    nothing changes goes out as the very bytes that came.
    """
    fields = with_model(request, model)
    if not OURS.isdisjoint(fields):
        consume(fields, quirks)
    if params:
        _add(fields, params)
    if asks_usage and peek.stream and quirks.stream_usage == "ask":
        _ask_for_usage(fields)
    lost = suit(fields, quirks)
    if lost and quirks.stream_usage == "always" and "stream_options" in lost:
        lost.remove("stream_options")  # such a host reports its usage unasked
    if (quirks.reasoning == "never" or not request.thoughtless) and _forget(fields, quirks):
        lost.append("reasoning")
    return rendered(request, fields), lost


def consume(fields: dict[str, msgspec.Raw], quirks: Quirks) -> None:
    """Take out what was meant for the gateway, unless the host is one too."""
    for name in HEEDED:
        if name not in quirks.keeps:
            fields.pop(name, None)
    if "usage" not in quirks.keeps and asks_accounting(fields) is not None:
        del fields["usage"]


def _add(fields: dict[str, msgspec.Raw], params: Mapping[str, Any]) -> None:
    """Add the endpoint's defaults that the request lacks."""
    for name, value in params.items():
        same = TOKEN_LIMITS if name in TOKEN_LIMITS else {name}
        if fields.keys().isdisjoint(same):
            fields[name] = msgspec.Raw(msgspec.json.encode(value))


def _ask_for_usage(fields: dict[str, msgspec.Raw]) -> None:
    """Set `stream_options.include_usage`, keeping the other options."""
    options = _members.decode(fields.get("stream_options", _NULL)) if _given(fields, "stream_options") else {}
    if bytes(options.get("include_usage", _NULL)) != b"true":
        options["include_usage"] = _TRUE
        fields["stream_options"] = msgspec.Raw(msgspec.json.encode(options))


def _given(fields: Mapping[str, msgspec.Raw], name: str) -> bool:
    return bytes(fields.get(name, _NULL)) != b"null"


def _forget(fields: dict[str, msgspec.Raw], quirks: Quirks) -> bool:
    """Take thoughts out of the history that the host must not see; return whether there were any.

    Sealed details belong to another dialect; those of which one is opaque go to no host that is known to
    take thoughts in words, which stand beside them. A host that refuses thoughts gets none.
    """
    never = quirks.reasoning == "never"
    wordy = quirks.reasoning in THOUGHTS
    takes = not never and (quirks.reasoning == DETAILS or DETAILS in quirks.keeps)
    given = fields.get("messages")
    if given is None or b'"reasoning' not in bytes(given):
        return False
    try:
        messages = _messages.decode(given)
    except msgspec.DecodeError:
        return False
    lost = changed = False
    for message in messages:
        if bytes(message.get("role", _NULL)) != b'"assistant"':
            continue
        for name in (*THOUGHTS, DETAILS):
            told = message.get(name)
            if told is None:
                continue
            opaque = name == DETAILS and (
                _SEALED in bytes(told) or (wordy and not takes and _has_opaque(told))
            )
            if never or opaque:
                changed = True
                lost = lost or bytes(told) not in (b"null", b'""', b"[]")
                del message[name]
    if changed:
        fields["messages"] = msgspec.Raw(msgspec.json.encode(messages))
    return lost


def _has_opaque(raw: msgspec.Raw) -> bool:
    try:
        return any(map(is_opaque, _details.decode(raw)))
    except msgspec.DecodeError:
        return False
