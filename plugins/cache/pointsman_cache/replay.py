"""Replay: a stored answer as this client asked for it. The option about usage in a stream has no part in the
fingerprint, so that one entry serves those who want it told and those who do not."""

from __future__ import annotations

from msgspec.structs import replace

from pointsman.dialects import Mark, Quirks, Tap
from pointsman.exchange import Exchange
from pointsman.stored import Stored

from .store import Entry

__all__ = ["replay"]


def replay(entry: Entry, exchange: Exchange) -> Stored | None:
    """The answer for this client; None where it asks for usage that the one who stored it did not get."""
    stored, asks = entry.stored, exchange.peek.usage_in_stream
    if not stored.stream or entry.usage_told == asks:
        return stored
    if asks and not any(mark & Mark.HOLD for _, mark in stored.frames):
        return None
    tap = exchange.codec.tap(peek=exchange.peek, quirks=Quirks())
    frames = tuple((data, _marked(data, mark, tap)) for data, mark in stored.frames)
    return replace(stored, frames=frames)


def _marked(data: bytes, mark: int, tap: Tap) -> int:
    """The mark of an event for this client: one that tells usage alone is private where nobody asked."""
    if not mark & Mark.HOLD:
        return mark
    return (mark & ~Mark.PRIVATE) | (tap.feed(data) & Mark.PRIVATE)
