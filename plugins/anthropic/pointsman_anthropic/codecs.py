"""The codecs: two surfaces of one dialect."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import msgspec

from pointsman.dialects import Codec, ErrorView, Quirks, StreamDecoder, StreamEncoder, Tap, Translator
from pointsman.errors import BadRequest, UpstreamStatus
from pointsman.losses import Losses
from pointsman.members import names, supplied
from pointsman.money import Cost
from pointsman.sse import format_event
from pointsman.types import Chat, Embeddings, Peek, Request, Response

from .answer import decode_answer, encode_answer
from .decode import decode_chat
from .errors import encode_error, refine
from .forward import forward
from .names import DIALECT, VERSION
from .peek import peek
from .request import encode_chat
from .stream import MessagesStream
from .tap import CountTap, MessagesTap
from .unstream import MessagesDecoder

__all__ = ["CountTokensCodec", "MessagesCodec"]

REFUSED = frozenset(
    {"max_tokens", "temperature", "top_p", "top_k", "stop_sequences", "metadata", "service_tier", "stream"}
)
"""Members that a count of tokens does not take."""


class _MessagesCodec(Codec):
    """What the surfaces share."""

    dialect = DIALECT
    forward_headers = frozenset({"anthropic-version", "anthropic-beta"})
    default_headers = MappingProxyType({"anthropic-version": VERSION})
    ping = format_event(b'{"type": "ping"}', name="ping")
    bookkeeping = frozenset({"metadata"})
    stateful = frozenset({"container"})

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`. Streams of this dialect always tell their usage."""
        return peek(request)

    def instructed(self, request: Request, text: str) -> Request:
        """See `Codec.instructed`."""
        return supplied(request, "system", text)

    def refine(self, error: UpstreamStatus) -> UpstreamStatus:
        """See `Codec.refine`."""
        return refine(error)

    def with_cost(self, data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
        """See `Codec.with_cost`. The cost is told elsewhere: clients of this dialect check its objects."""
        return data

    def encode_error(self, error: ErrorView) -> bytes:
        """See `Codec.encode_error`."""
        return encode_error(error)

    def encode_stream_error(self, error: ErrorView) -> bytes:
        """See `Codec.encode_stream_error`."""
        return format_event(encode_error(error), name="error")

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_chat(request, model=names(request.fields)[0])


class MessagesCodec(_MessagesCodec, Translator):
    """`/messages`."""

    surface = "chat"
    path = "/messages"

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`. A request without `max_tokens`, which must be there, gets one."""
        return forward(request, model=model, quirks=quirks, params=params)

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return MessagesTap()

    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        """See `Translator.encode_request`."""
        return encode_chat(chat, losses=losses)

    def decode_response(self, body: bytes, *, quirks: Quirks) -> Response:
        """See `Translator.decode_response`."""
        return decode_answer(body)

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        if not isinstance(response, Response):
            raise TypeError(f"{type(response).__name__} cannot answer a request for text")
        return encode_answer(response, losses=losses)

    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        """See `Translator.decode_stream`."""
        return MessagesDecoder()

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """See `Codec.encode_stream`."""
        return MessagesStream(peek, losses)


class CountTokensCodec(_MessagesCodec):
    """`/messages/count_tokens`: how many tokens a request would have. It is never a stream."""

    surface = "count_tokens"
    path = "/messages/count_tokens"
    local = True

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`."""
        peeked = peek(request)
        peeked.stream = False
        return peeked

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`. Parameters of the answer have no part in this."""
        return forward(request, model=model, quirks=quirks, params=params, refused=REFUSED)

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return CountTap()

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """The count, which is a member of this dialect's own; else what the answer used as its input."""
        tokens = response.usage.input if response.usage is not None else 0
        own = response.extra.get(DIALECT, {}) if isinstance(response, Response) else {}
        return msgspec.json.encode({"input_tokens": own.get("input_tokens", tokens)})

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """Raises BadRequest: there is no such stream."""
        raise BadRequest("a count of tokens cannot be streamed", param="stream")
