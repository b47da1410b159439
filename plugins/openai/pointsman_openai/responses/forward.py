"""Forwarding (lane A): the client's JSON with only those top-level members changed that must be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import Quirks
from pointsman.members import add_defaults, rendered, suit, with_model
from pointsman.sealing import MARK
from pointsman.types import Request
from pointsman_openai.forward import consume

__all__ = ["forward"]

_items = msgspec.json.Decoder(list[msgspec.Raw])
_SEALED = MARK.encode()
SPELLINGS = {"max_tokens": "max_output_tokens", "max_completion_tokens": "max_output_tokens"}
"""What an endpoint's defaults may call otherwise."""


class _Item(msgspec.Struct, gc=False):
    type: Any = None
    encrypted_content: Any = None


_item = msgspec.json.Decoder(_Item)


def forward(
    request: Request, *, model: str, quirks: Quirks, params: Mapping[str, Any]
) -> tuple[bytes, list[str]]:
    """The request for a provider of this dialect, and the names of what was lost.

    A request in which nothing changes goes out as the very bytes that came.
    """
    fields = with_model(request, model)
    consume(fields, quirks)
    add_defaults(fields, params, SPELLINGS)
    lost = suit(fields, quirks)
    if _SEALED in request.raw and _unseal(fields):
        lost.append("reasoning")
    return rendered(request, fields), lost


def _unseal(fields: dict[str, msgspec.Raw]) -> bool:
    """Take sealed reasoning, which no host can read, out of the input; return whether there was any."""
    given = fields.get("input")
    if given is None or not bytes(given).startswith(b"["):
        return False
    items = _items.decode(given)
    kept = [item for item in items if not _is_sealed(bytes(item))]
    if len(kept) == len(items):
        return False
    fields["input"] = msgspec.Raw(msgspec.json.encode(kept))
    return True


def _is_sealed(data: bytes) -> bool:
    if _SEALED not in data:
        return False
    item = _item.decode(data)
    sealed = item.encrypted_content
    return item.type == "reasoning" and isinstance(sealed, str) and sealed.startswith(MARK)
