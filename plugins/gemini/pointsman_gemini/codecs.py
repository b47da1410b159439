"""The codec of chat, and what the surfaces share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from pointsman.dialects import (
    PREFIXES,
    Codec,
    ErrorView,
    Quirks,
    StreamDecoder,
    StreamEncoder,
    Tap,
    Translator,
)
from pointsman.errors import BadRequest, UpstreamStatus
from pointsman.losses import Losses
from pointsman.members import names, supplied
from pointsman.money import Cost
from pointsman.sse import format_event
from pointsman.types import Chat, Embeddings, Peek, Request, Response

from .answer import decode_answer, encode_answer
from .decode import TOP, decode_chat
from .errors import encode_error, refine
from .forward import forward
from .names import DIALECT, snake
from .peek import peek
from .request import encode_chat
from .stream import GeminiStream
from .tap import GeminiTap
from .unstream import GeminiDecoder

__all__ = ["ContentCodec", "GeminiCodec", "named", "resource"]

WHOLE, STREAM = "generateContent", "streamGenerateContent"
SSE = "alt=sse"
FOLDERS = ("models", "tunedModels")


def resource(model: str) -> str:
    """A model's name as it stands in an address: those that are tuned have a folder of their own. One that
    leads out of its folder would be another model than the key was asked about: its slashes are no path."""
    folder = model.partition("/")[0]
    folder = folder if folder in FOLDERS else FOLDERS[0]
    safe = ":@" if ".." in model else "/:@"
    return f"{folder}/{quote(model.removeprefix(f'{folder}/'), safe=safe)}"


def named(raw: bytes, place: str, **members: Any) -> bytes:
    """A JSON object with the model that a path names, and members, behind its own; anything else as it is,
    for others to refuse."""
    path = place.partition("?")[0]
    members["model"] = path.removeprefix("/models/").rpartition(":")[0]
    body = raw.strip()
    if not body.startswith(b"{") or not body.endswith(b"}"):
        return raw
    inside = body[:-1].rstrip()
    return inside + (b"" if inside == b"{" else b",") + msgspec.json.encode(members)[1:]


class GeminiCodec(Codec):
    """What the surfaces share."""

    dialect = DIALECT

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
        return format_event(encode_error(error))


class ContentCodec(GeminiCodec, Translator):
    """`:generateContent` and `:streamGenerateContent`."""

    surface = "chat"
    path = "/models/{model}:generateContent"
    prefixes = ("/v1beta", *PREFIXES)
    places = tuple(f"/models/{{model:path}}:{method}" for method in (WHOLE, STREAM))
    bookkeeping = frozenset({"labels"})
    stateful = frozenset({"cachedContent", "cached_content"})

    def address(self, *, model: str, stream: bool) -> str:
        """See `Codec.address`."""
        return f"/{resource(model)}:{f'{STREAM}?{SSE}' if stream else WHOLE}"

    def placed(self, raw: bytes, place: str) -> bytes:
        """See `Codec.placed`. Model and stream stand in the path: here they become members, whatever the body
        says of them."""
        path, _, query = place.partition("?")
        streams = path.endswith(f":{STREAM}")
        if streams and SSE not in query.split("&"):
            raise BadRequest(f"streams are server-sent events here: ask with ?{SSE}", param="alt")
        return named(raw, path, stream=streams)

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`. Streams of this dialect always tell their usage."""
        return peek(request)

    def instructed(self, request: Request, text: str) -> Request:
        """See `Codec.instructed`."""
        return supplied(request, TOP, {"parts": [{"text": text}]}, snake(TOP))

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`. The model is no member of the body: it stands in the address."""
        return forward(request, quirks=quirks, params=params)

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return GeminiTap()

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`."""
        return decode_chat(request, model=names(request.fields)[0])

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
        return GeminiDecoder()

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """See `Codec.encode_stream`."""
        return GeminiStream(peek, losses)
