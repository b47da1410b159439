"""Answers: what was asked and what was answered, read from the bytes that the client sent and got."""

from __future__ import annotations

from pointsman.dialects import Quirks, Translator
from pointsman.errors import RequestError
from pointsman.events import accumulate
from pointsman.exchange import Exchange
from pointsman.sse import Splitter
from pointsman.stored import Stored
from pointsman.types import Chat, Response

__all__ = ["chat_of", "response_of"]


def chat_of(exchange: Exchange) -> Chat | None:
    """What was asked, of a chat; None where it cannot be read."""
    if not isinstance(exchange.codec, Translator):
        return None
    try:
        return exchange.codec.decode_request(exchange.request)
    except RequestError:
        return None


def response_of(exchange: Exchange, stored: Stored) -> Response | None:
    """The answer as the client got it; None where that is no chat, or cannot be read."""
    codec = exchange.codec
    if not isinstance(codec, Translator):
        return None
    data = b"".join(frame for frame, _ in stored.frames)
    try:
        if not stored.stream:
            whole = codec.decode_response(data, quirks=Quirks())
            return whole if isinstance(whole, Response) else None
        decoder, splitter = codec.decode_stream(peek=exchange.peek, quirks=Quirks()), Splitter(len(data) + 1)
        events = [event for piece in splitter.feed(data) for event in decoder.feed(piece)]
        return accumulate([*events, *decoder.finish()])
    except (RequestError, ValueError):
        return None
