"""Sealing: reasoning of one dialect, carried through a client of another and back.

A signature is worth something to the dialect that made it and to no other. A client that speaks another
dialect gets it sealed: as an opaque text in the place of a signature, which it sends back unchanged in its
next turn. There it is opened again, and a host that did not make it is never shown it.
"""

from __future__ import annotations

import base64
import binascii

import msgspec

from .types import Reasoning

__all__ = ["MARK", "seal", "unseal"]

MARK = "pm1."
"""How a sealed text begins. Its alphabet is that of base64, as clients expect of signatures."""


class _Seal(msgspec.Struct, omit_defaults=True):
    origin: str = ""
    signature: str | None = None
    redacted: str | None = None
    summary: bool = False
    id: str | None = None
    text: str | None = None


_decoder = msgspec.json.Decoder(_Seal)


def seal(reasoning: Reasoning, *, text: bool = False) -> str:
    """What makes a reasoning part opaque, as one; with `text` also what it says."""
    sealed = _Seal(
        reasoning.origin or "",
        reasoning.signature,
        reasoning.redacted,
        reasoning.summary,
        reasoning.id,
        reasoning.text if text else None,
    )
    return MARK + base64.urlsafe_b64encode(msgspec.json.encode(sealed)).decode().rstrip("=")


def unseal(sealed: str, text: str = "") -> Reasoning | None:
    """The reasoning behind a sealed text, or None where it is none of ours. `text` is what it says where
    the seal does not hold that."""
    if not sealed.startswith(MARK):
        return None
    data = sealed[len(MARK) :]
    try:
        found = _decoder.decode(base64.urlsafe_b64decode(data + "=" * (-len(data) % 4)))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, ValueError):
        return None
    return Reasoning(
        found.text if found.text is not None else text,
        signature=found.signature,
        origin=found.origin or None,
        redacted=found.redacted,
        summary=found.summary,
        id=found.id,
    )
