"""Forwarding: the client's JSON with only those top-level members changed that must be."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from pointsman.dialects import Quirks
from pointsman.errors import BadRequest
from pointsman.members import add_defaults, rendered, suit, with_model
from pointsman.sealing import MARK
from pointsman.types import Request

from .decode import NAMED, ROUTING
from .fit import lacks_thought, most_tokens

__all__ = ["forward"]

_MARK = MARK.encode()
SPELLINGS = {"stop": "stop_sequences", "max_completion_tokens": "max_tokens"}
"""What an endpoint's defaults may call otherwise."""
_OPAQUE = {"thinking": "signature", "redacted_thinking": "data"}
"""Where a block holds what only its maker can read."""


def forward(
    request: Request,
    *,
    model: str,
    quirks: Quirks,
    params: Mapping[str, Any],
    refused: Collection[str] = (),
) -> tuple[bytes, list[str]]:
    """The request for a provider of this dialect, and the names of fields that were lost.

    `refused` are members that the surface does not take; `max_tokens` among them is not added. A request in
    which nothing changes goes out as the very bytes that came.
    """
    lost: list[str] = []
    fields = with_model(request, model)
    for name in [each for each in fields if each in ROUTING]:
        if name not in quirks.keeps:
            del fields[name]
            if name not in NAMED:
                lost.append(name)
    if params:
        taken = {name: value for name, value in params.items() if SPELLINGS.get(name, name) not in refused}
        add_defaults(fields, taken, SPELLINGS)
    if _MARK in request.raw and _unsealed(fields):
        lost.append("reasoning")
    if "max_tokens" not in fields and "max_tokens" not in refused:
        thinking = msgspec.json.decode(fields["thinking"]) if "thinking" in fields else None
        fields["max_tokens"] = msgspec.Raw(b"%d" % most_tokens(model, thinking))
    lost += suit(fields, quirks)
    return rendered(request, fields), lost


def _unsealed(fields: dict[str, msgspec.Raw]) -> bool:
    """Take out the thoughts of other dialects' models, and the messages that held nothing else. Returns
    whether there were any.

    A turn under way that has lost its thoughts cannot go on thinking within a budget: then nor does it.
    """
    try:
        messages = msgspec.json.decode(fields["messages"])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"`messages` cannot be read: {error}", param="messages") from None
    kept = []
    found = False
    for message in messages:
        content = message.get("content")
        if isinstance(content, list):
            rest = [block for block in content if not _sealed(block)]
            if len(rest) < len(content):
                found = True
                if not rest:
                    continue
                message["content"] = rest
        kept.append(message)
    if found:
        fields["messages"] = msgspec.Raw(msgspec.json.encode(kept))
        if b'"enabled"' in bytes(fields.get("thinking", b"")) and lacks_thought(kept):
            del fields["thinking"]
    return found


def _sealed(block: Any) -> bool:
    if not isinstance(block, dict):
        return False
    opaque = block.get(_OPAQUE.get(str(block.get("type")), ""))
    return isinstance(opaque, str) and opaque.startswith(MARK)
