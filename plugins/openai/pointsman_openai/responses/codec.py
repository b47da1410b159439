"""The codec of `/responses`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.dialects import ErrorView, Quirks, StreamDecoder, StreamEncoder, Tap, Translator
from pointsman.errors import UpstreamStatus
from pointsman.losses import Losses
from pointsman.members import names, supplied
from pointsman.money import Cost
from pointsman.types import Chat, Embeddings, Peek, Request, Response
from pointsman_openai.errors import encode_error, refine

from .answer import decode_response, encode_response
from .cost import with_cost
from .decode import decode_request
from .encode import encode_request
from .errors import encode_stream_error
from .forward import forward
from .notes import DIALECT
from .peek import peek
from .stream_decoder import ResponsesDecoder
from .stream_encoder import ResponsesStream
from .tap import ResponsesTap

__all__ = ["ResponsesCodec"]


class ResponsesCodec(Translator):
    """`/responses`."""

    dialect = DIALECT
    surface = "chat"
    path = "/responses"
    bookkeeping = frozenset({"usage.include"})
    stateful = frozenset({"conversation", "prompt", "background"})
    preference = 1
    """Where a host speaks other dialects too, in this one its reasoning comes back to it."""

    def refine(self, error: UpstreamStatus) -> UpstreamStatus:
        """See `Codec.refine`."""
        return refine(error)

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`."""
        return peek(request)

    def instructed(self, request: Request, text: str) -> Request:
        """See `Codec.instructed`."""
        return supplied(request, "instructions", text)

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`."""
        return forward(request, model=model, quirks=quirks, params=params)

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return ResponsesTap()

    def with_cost(self, data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
        """See `Codec.with_cost`."""
        return with_cost(data, cost, stream=stream)

    def encode_error(self, error: ErrorView) -> bytes:
        """See `Codec.encode_error`."""
        return encode_error(error)

    def encode_stream_error(self, error: ErrorView) -> bytes:
        """See `Codec.encode_stream_error`."""
        return encode_stream_error(error)

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_request(request, model=names(request.fields)[0])

    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        """See `Translator.encode_request`."""
        return encode_request(chat, losses=losses)

    def decode_response(self, body: bytes, *, quirks: Quirks) -> Response:
        """See `Translator.decode_response`."""
        return decode_response(body)

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        if not isinstance(response, Response):
            raise TypeError(f"{type(response).__name__} cannot answer a request for text")
        return encode_response(response, request=request, losses=losses)

    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        """See `Translator.decode_stream`."""
        return ResponsesDecoder()

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """See `Codec.encode_stream`."""
        return ResponsesStream(request, losses)
