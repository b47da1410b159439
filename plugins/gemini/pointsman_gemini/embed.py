"""Embeddings: `:batchEmbedContents`, a request for each text, and a vector for each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from pointsman.dialects import PREFIXES, Mark, Quirks, StreamDecoder, StreamEncoder, Tap, Translator
from pointsman.errors import BadRequest
from pointsman.losses import Losses
from pointsman.members import names, read, rendered, suit, wrong
from pointsman.types import Chat, Embeddings, Message, Peek, Request, Response, Text, Unknown, Usage

from .codecs import GeminiCodec, named, resource
from .decode import Ids
from .errors import nonsense
from .forward import asked
from .names import DIALECT, extra_of, rest_of
from .parts import read_part
from .tap import parse_whole
from .usage import read_usage, usage_object

__all__ = ["EmbedCodec", "EmbedTap"]

METHOD = "batchEmbedContents"
FORM = frozenset({"encoding_format"})
"""Members of other dialects that say how vectors are written, which is theirs to do."""
SIZE = "dimensions"
"""What others call the length of a vector."""
_requests = msgspec.json.Decoder(list[dict[str, Any]])


class EmbedTap:
    """See `pointsman.dialects.Tap`. Not every host counts tokens here."""

    finish: str | None = None
    model: str | None = None
    output_characters = 0

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.complete = False

    def feed(self, event: bytes) -> Mark:
        """Raises MalformedAnswer: vectors are no stream."""
        raise nonsense("the provider answered with a stream where vectors were asked for")

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`."""
        self.usage = read_usage(parse_whole(body, "embeddings").get("usageMetadata"))
        self.complete = True


class EmbedCodec(GeminiCodec, Translator):
    """`:batchEmbedContents`."""

    surface = "embeddings"
    path = f"/models/{{model}}:{METHOD}"
    prefixes = ("/v1beta", *PREFIXES)
    places = (f"/models/{{model:path}}:{METHOD}",)

    def address(self, *, model: str, stream: bool) -> str:
        """See `Codec.address`."""
        return f"/{resource(model)}:{METHOD}"

    def placed(self, raw: bytes, place: str) -> bytes:
        """See `Codec.placed`."""
        return named(raw, place)

    def peek(self, request: Request) -> Peek:
        """See `Codec.peek`."""
        model, further = names(request.fields)
        _read(request)
        return Peek(model, characters=len(memoryview(request.fields["requests"])), models=further)

    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """See `Codec.forward`. Each single request names the model, too; defaults are for each of them."""
        fields, lost = asked(request, quirks)
        each = [{**params, **one, "model": resource(model)} for one in _read(request)]
        fields["requests"] = msgspec.Raw(msgspec.json.encode(each))
        lost += suit(fields, quirks)
        return rendered(request, fields), lost

    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """See `Codec.tap`."""
        return EmbedTap()

    def decode_request(self, request: Request) -> Chat:
        """See `Codec.decode_request`: a message for each text."""
        chat = Chat(names(request.fields)[0], [], dialect=DIALECT)
        for index, each in enumerate(_read(request)):
            path = f"requests[{index}]"
            content = each.get("content")
            parts = content.get("parts") if isinstance(content, dict) else None
            if not isinstance(parts, list):
                raise wrong(f"{path}.content", "an object with `parts`")
            ids = Ids(path)
            found = [part for data in parts for part in read_part(data, ids.call)]
            extra = extra_of(rest_of(each, "model", "content"))
            chat.messages.append(Message("user", found, extra, path))
        return chat

    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        """See `Translator.encode_request`."""
        size = None
        for dialect, own in chat.extra.items():
            size = own.get(SIZE, size)
            rest = {name: value for name, value in own.items() if name not in (SIZE, *FORM)}
            losses.extras({dialect: rest}, own=DIALECT)
        for name in chat.params:
            losses.parameter(chat.called(name))
        texts = []
        for message in chat.messages:
            one: dict[str, Any] = {"content": {"parts": _texts(message, losses)}}
            if size is not None:
                one["outputDimensionality"] = size
            texts.append({**one, **message.extra.get(DIALECT, {})})
        return {"model": chat.model, "requests": texts}

    def decode_response(self, body: bytes, *, quirks: Quirks) -> Embeddings:
        """See `Translator.decode_response`."""
        answer = parse_whole(body, "embeddings")
        vectors = [each.get("values") if isinstance(each, dict) else None for each in answer["embeddings"]]
        if not all(isinstance(each, list) for each in vectors):
            raise nonsense("the provider's answer has an embedding without values", phase="body")
        return Embeddings("", vectors, read_usage(answer.get("usageMetadata")))  # type: ignore[arg-type]

    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """See `Codec.encode_response`."""
        if not isinstance(response, Embeddings):
            raise TypeError(f"a {type(response).__name__} cannot answer a request for embeddings")
        body: dict[str, Any] = {"embeddings": [{"values": each} for each in response.vectors]}
        if response.usage is not None:
            body["usageMetadata"] = usage_object(response.usage, own=False)
        return msgspec.json.encode(body)

    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        """Raises MalformedAnswer: there is no such stream."""
        raise nonsense("vectors are no stream")

    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """Raises BadRequest: there is no such stream."""
        raise BadRequest("embeddings cannot be streamed", param="stream")


def _read(request: Request) -> list[dict[str, Any]]:
    """The single requests. Raises BadRequest."""
    found: list[dict[str, Any]] | None = read(
        request.fields, "requests", _requests, "a list of objects with a `content` each"
    )
    if not found:
        raise wrong("requests", "a list of at least one object with a `content`")
    return found


def _texts(message: Message, losses: Losses) -> list[Any]:
    """The parts of a text to embed; tokens of another dialect have no place."""
    parts: list[Any] = []
    for part in message.parts:
        if isinstance(part, Text):
            parts.append({"text": part.text})
        elif isinstance(part, Unknown) and part.dialect == DIALECT:
            parts.append(part.data)
        else:
            losses.part(message.path, "what is no text")
    return parts
