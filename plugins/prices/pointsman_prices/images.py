"""Images of a request: counted where a price asks for each of them."""

from __future__ import annotations

from msgspec.structs import replace

from pointsman.errors import RequestError
from pointsman.exchange import Exchange
from pointsman.types import Media, Part, ToolResult, Usage, UsageDetails

__all__ = ["with_images"]

NOTE = "prices.images"


def with_images(exchange: Exchange, usage: Usage) -> Usage | None:
    """The usage with the images of its request; None where that cannot be read. It is read once."""
    images = exchange.notes.get(NOTE)
    if images is None:
        try:
            chat = exchange.codec.decode_request(exchange.request)
        except RequestError:
            return None
        images = exchange.notes[NOTE] = sum(_images(message.parts) for message in chat.messages)
    return replace(usage, details=replace(usage.details or UsageDetails(), images=images))


def _images(parts: list[Part]) -> int:
    found = 0
    for part in parts:
        if isinstance(part, Media):
            found += part.kind == "image"
        elif isinstance(part, ToolResult):
            found += _images(part.parts)
    return found
