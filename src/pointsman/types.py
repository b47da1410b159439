"""Canonical types: what every dialect can be read into and written from.

A `Request` keeps the bytes the client sent and reads them only as far as somebody asks. The canonical
content of a chat is `Chat`; an answer is a `Response`, or the events of a stream (`pointsman.events`).
`derive_finish` is the only place where a finish reason is decided, so that a stream and a whole answer can
never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

import msgspec

from .errors import BadRequest

__all__ = [
    "Chat",
    "Choice",
    "Embeddings",
    "Extra",
    "Finish",
    "FinishReason",
    "Media",
    "Message",
    "Part",
    "Peek",
    "Reasoning",
    "Request",
    "Response",
    "Text",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Unknown",
    "Usage",
    "derive_finish",
]

Extra: TypeAlias = dict[str, dict[str, Any]]
"""What a dialect knows and the canonical types do not, by dialect: carried, never dropped."""

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]

_split_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Request:
    """A client's request body: raw bytes, split at the top level or parsed whole only on demand."""

    __slots__ = ("_body", "_fields", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self._fields: dict[str, msgspec.Raw] | None = None
        self._body: dict[str, Any] | None = None

    @property
    def fields(self) -> dict[str, msgspec.Raw]:
        """The top-level members, their values still the client's bytes. Raises BadRequest."""
        if self._fields is None:
            self._fields = _decode(_split_fields, self.raw)
        return self._fields

    @property
    def body(self) -> dict[str, Any]:
        """The whole body as Python data. Raises BadRequest."""
        if self._body is None:
            self._body = _decode(msgspec.json.Decoder(dict[str, Any]), self.raw)
        return self._body


def _decode(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    if not raw.strip():
        raise BadRequest("the request has no body; send a JSON object")
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise BadRequest('the body must be a JSON object, as in {"model": …}') from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(f"the body is not valid JSON: {error}") from None


@dataclass(slots=True)
class Peek:
    """What routing needs to know of a request, read without decoding its content.

    `choices` is how many answers are asked for (`n`); `characters` the size of the input in bytes, from
    which tokens are estimated; `usage_in_stream` whether the client asked for usage in its stream;
    `cost_in_body` whether it asked for its cost; `models` further models to try in order.
    """

    model: str
    stream: bool = False
    max_tokens: int | None = None
    choices: int = 1
    characters: int = 0
    has_tools: bool = False
    has_images: bool = False
    usage_in_stream: bool = False
    cost_in_body: bool = False
    models: tuple[str, ...] = ()


@dataclass(slots=True)
class Text:
    """Plain text."""

    text: str
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Media:
    """An image, sound, film or document: by `url`, or inline as base64 `data` of type `mime`."""

    kind: Literal["image", "audio", "video", "document"]
    url: str | None = None
    data: str | None = None
    mime: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Reasoning:
    """What the model thought. A `signature` belongs to the dialect that made it and to no other."""

    text: str
    signature: str | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ToolCall:
    """A call the model wants made; `arguments` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class ToolResult:
    """What a tool call came to."""

    call_id: str
    parts: list[Part]
    is_error: bool = False
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Unknown:
    """A part only `dialect` knows: carried as it came."""

    dialect: str
    data: Any


Part: TypeAlias = Text | Media | Reasoning | ToolCall | ToolResult | Unknown


@dataclass(slots=True)
class Message:
    """One turn. `role` is system, developer, user, assistant or tool."""

    role: str
    parts: list[Part]
    extra: Extra = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The message's text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


@dataclass(slots=True)
class Tool:
    """A function the model may call; `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Chat:
    """The canonical content of a chat request. `params` holds what only tunes the answer."""

    model: str
    messages: list[Message]
    tools: list[Tool] = field(default_factory=list)
    tool_choice: Any = None
    params: dict[str, Any] = field(default_factory=dict)
    stream: bool = False
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Usage:
    """Tokens of one answer.

    `input` counts all of the input, `cache_read` and `cache_write` among it; `output` counts all of the
    output, `reasoning` among it. `estimated` says that the provider did not report and we counted bytes.
    `raw` is the provider's own object.
    """

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    raw: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finish:
    """Why an answer ended: the canonical `reason`, and `native`, the provider's own word for it."""

    reason: FinishReason
    native: str | None = None


_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
}


def derive_finish(native: str | None, parts: Iterable[Part] = ()) -> Finish:
    """The finish reason of an answer with `parts` for which the provider said `native`.

    An answer that "stopped" with a tool call in it finished with `tool_calls`, whatever its provider says.
    """
    reason = _FINISH.get((native or "stop").lower(), "stop")
    if reason == "stop" and any(isinstance(part, ToolCall) for part in parts):
        reason = "tool_calls"
    return Finish(reason, native)


@dataclass(slots=True)
class Choice:
    """One of the answers asked for."""

    message: Message
    finish: Finish
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Response:
    """A whole chat answer. `created` is a Unix time in seconds."""

    id: str
    model: str
    created: int
    choices: list[Choice]
    usage: Usage | None = None
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class Embeddings:
    """Vectors, one for each input, in order."""

    model: str
    vectors: list[list[float]]
    usage: Usage | None = None
