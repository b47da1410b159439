"""Instructions for a model, added to requests that have none."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.members import read
from pointsman.types import Request

__all__ = ["instructed"]

ROLES = frozenset({"system", "developer"})
_messages = msgspec.json.Decoder(list[msgspec.Raw])


class _Turn(msgspec.Struct, gc=False):
    role: Any = None


_turn = msgspec.json.Decoder(_Turn)


def instructed(request: Request, text: str) -> Request:
    """The request with a first message of the system, where it has none anywhere. Raises BadRequest."""
    messages = read(request.fields, "messages", _messages, "a list of messages") or []
    if any(_turn.decode(each).role in ROLES for each in messages):
        return request
    told = [{"role": "system", "content": text}, *messages]
    return Request(msgspec.json.encode({**request.fields, "messages": told}))
