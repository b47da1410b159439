"""The codecs: three surfaces of one dialect."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import Codec, ErrorView, Quirks, StreamDecoder, StreamEncoder, Tap, Translator
from pointsman.errors import BadRequest, UpstreamStatus
from pointsman.losses import Losses
from pointsman.members import names, wrong
from pointsman.money import Cost
from pointsman.sse import format_event
from pointsman.types import Chat, Embeddings, Peek, Request, Response

from .answer import decode_response
from .chunks import ChatChunks
from .decode import decode_chat, decode_inputs
from .dress import dressed_answer, dressed_events
from .encode import encode_chat, encode_completion, encode_embeddings
from .errors import DIALECT, encode_error, refine
from .forward import forward
from .instructions import instructed
from .peek import peek
from .request import encode_request
from .splice import with_cost
from .stream import ChatStream, CompletionStream
from .tap import OpenAITap
from .tools import custom_names

__all__ = ["ChatCodec", "CompletionsCodec", "EmbeddingsCodec"]

BOOKKEEPING = frozenset(
    {
        *("user", "metadata", "safety_identifier", "prompt_cache_key"),
        *("usage.include", "stream_options.include_usage"),
    }
)
_prompt = msgspec.json.Decoder(str | list[msgspec.Raw])


class _OpenAICodec(Codec):
    """What the surfaces share. `streams` says whether answers may come as a stream, `holds` which member
    of a whole answer holds the answer itself."""

    dialect = DIALECT
    bookkeeping = BOOKKEEPING
    streams = True
    holds = "choices"

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`."""
        return forward(request, model=model, peek=peek, quirks=quirks, params=params, asks_usage=self.streams)

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return OpenAITap(peek=peek, quirks=quirks, holds=self.holds)

    def refine(self, error: UpstreamStatus) -> UpstreamStatus:
        """See `Codec.refine`."""
        return refine(error)

    def with_cost(self, data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
        """See `Codec.with_cost`."""
        return with_cost(data, cost, stream=stream)

    def dress(self, data: bytes, generation_id: str, *, stream: bool) -> bytes:
        """See `Codec.dress`."""
        if self.holds != "choices":
            return data
        return dressed_events(data, generation_id) if stream else dressed_answer(data, generation_id)

    def encode_error(self, error: ErrorView) -> bytes:
        """See `Codec.encode_error`."""
        return encode_error(error)

    def encode_stream_error(self, error: ErrorView) -> bytes:
        """One event with the error object alone: with choices beside it some clients would not see it."""
        return format_event(encode_error(error))


class ChatCodec(_OpenAICodec, Translator):
    """`/chat/completions`."""

    surface = "chat"
    path = "/chat/completions"

    def example(self, model: str) -> str | None:
        """See `Codec.example`."""
        if not model.isprintable() or set(model) & set("'\"\\"):
            return None
        return f'{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello"}}]}}'

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`."""
        return peek(request, content="messages")

    def instructed(self, request: Request, text: str) -> Request:
        """See `Codec.instructed`."""
        return instructed(request, text)

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_chat(request, model=names(request.fields)[0])

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        return encode_chat(_response(response), request=request, losses=losses)

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """See `Codec.encode_stream`."""
        return ChatStream(peek, losses=losses, custom=custom_names(request))

    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        """See `Translator.encode_request`."""
        return encode_request(chat, quirks=quirks, losses=losses)

    def decode_response(self, body: bytes, *, quirks: Quirks) -> Response:
        """See `Translator.decode_response`."""
        return decode_response(body)

    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        """See `Translator.decode_stream`."""
        return ChatChunks(peek=peek)


class CompletionsCodec(_OpenAICodec):
    """`/completions`."""

    surface = "completions"
    path = "/completions"

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`. Each prompt of a list gets its own answers."""
        peeked = peek(request, content="prompt")
        peeked.choices *= _inputs(request, "prompt")
        return peeked

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_inputs(request, model=names(request.fields)[0], member="prompt")

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        return encode_completion(_response(response), losses=losses)

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """See `Codec.encode_stream`."""
        return CompletionStream(peek, losses=losses)


class EmbeddingsCodec(_OpenAICodec):
    """`/embeddings`."""

    surface = "embeddings"
    path = "/embeddings"
    streams = False
    holds = "data"

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`. Embeddings are never streamed, whatever the request says."""
        peeked = peek(request, content="input")
        _inputs(request, "input")
        peeked.stream = False
        return peeked

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_inputs(request, model=names(request.fields)[0], member="input")

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        if not isinstance(response, Embeddings):
            raise TypeError(f"a {type(response).__name__} cannot answer a request for embeddings")
        return encode_embeddings(response, request=request)

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """Raises BadRequest: there is no such stream."""
        raise BadRequest("embeddings cannot be streamed", param="stream")


def _inputs(request: Request, member: str) -> int:
    """How many inputs a request has: one, or as many texts or token lists as its list holds.

    Raises BadRequest.
    """
    try:
        given = _prompt.decode(request.fields[member])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise wrong(member, "a string or a list") from None
    if isinstance(given, str):
        return 1
    return max(1, sum(1 for each in given if bytes(each)[:1] in b'"['))


def _response(answer: Response | Embeddings) -> Response:
    if not isinstance(answer, Response):
        raise TypeError(f"{type(answer).__name__} cannot answer a request for text")
    return answer
