"""Canonical types: what every dialect can be read into and written from.

A `Request` keeps the bytes the client sent and reads them only as far as somebody asks. The canonical
content of a chat is `Chat`; an answer is a `Response`, or the `Event`s of a stream. `accumulate` and
`explode` are inverses, and `derive_finish` is the only place where a finish reason is decided, so that a
stream and a whole answer can never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import msgspec

from .errors import BadRequest

__all__ = [
    "Chat",
    "Choice",
    "Embeddings",
    "Event",
    "Extra",
    "Failed",
    "Finish",
    "FinishReason",
    "Finished",
    "Media",
    "Message",
    "Part",
    "PartDelta",
    "PartEnd",
    "PartStart",
    "Peek",
    "Reasoning",
    "Request",
    "Response",
    "Started",
    "Text",
    "Tool",
    "ToolCall",
    "ToolResult",
    "Unknown",
    "Usage",
    "UsageUpdate",
    "accumulate",
    "derive_finish",
    "explode",
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


@dataclass(slots=True)
class Started:
    """An answer begins."""

    id: str
    model: str
    created: int
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class PartStart:
    """Part `index` of `choice` begins; `part` holds what is known of it, its text still empty."""

    choice: int
    index: int
    part: Part


@dataclass(slots=True)
class PartDelta:
    """More of a part: text, reasoning text, or argument JSON."""

    choice: int
    index: int
    text: str


@dataclass(slots=True)
class PartEnd:
    """A part is whole; `extra` and `signature` are what only its end could tell."""

    choice: int
    index: int
    signature: str | None = None


@dataclass(slots=True)
class UsageUpdate:
    """Usage so far; the last one counts."""

    usage: Usage


@dataclass(slots=True)
class Finished:
    """A choice is whole."""

    choice: int
    finish: Finish


@dataclass(slots=True)
class Failed:
    """The answer broke off; nothing follows."""

    message: str
    error_type: str = "server"


Event: TypeAlias = Started | PartStart | PartDelta | PartEnd | UsageUpdate | Finished | Failed


def explode(response: Response) -> Iterator[Event]:
    """A whole answer as the events of a stream. `accumulate` turns them back."""
    yield Started(response.id, response.model, response.created, response.extra)
    for number, choice in enumerate(response.choices):
        for index, part in enumerate(choice.message.parts):
            empty, text, signature = _hollow(part)
            yield PartStart(number, index, empty)
            if text:
                yield PartDelta(number, index, text)
            yield PartEnd(number, index, signature)
        yield Finished(number, choice.finish)
    if response.usage is not None:
        yield UsageUpdate(response.usage)


def _hollow(part: Part) -> tuple[Part, str, str | None]:
    """A part without its text, the text, and the signature that arrives at its end."""
    if isinstance(part, Text):
        return replace(part, text=""), part.text, None
    if isinstance(part, Reasoning):
        return replace(part, text="", signature=None), part.text, part.signature
    if isinstance(part, ToolCall):
        return replace(part, arguments=""), part.arguments, None
    return part, "", None


def accumulate(events: Iterable[Event]) -> Response:
    """The whole answer that a stream's events tell. Raises ValueError for events out of order."""
    response: Response | None = None
    choices: dict[int, Choice] = {}
    for event in events:
        if isinstance(event, Started):
            response = Response(event.id, event.model, event.created, [], None, event.extra)
            continue
        if response is None:
            raise ValueError(f"{type(event).__name__} before Started")
        if isinstance(event, UsageUpdate):
            response.usage = event.usage
        elif isinstance(event, Failed):
            raise ValueError(f"the answer broke off: {event.message}")
        else:
            choice = choices.setdefault(event.choice, Choice(Message("assistant", []), Finish("stop")))
            _extend(choice, event)
    if response is None:
        raise ValueError("no Started event")
    response.choices = [choices[number] for number in sorted(choices)]
    return response


def _extend(choice: Choice, event: PartStart | PartDelta | PartEnd | Finished) -> None:
    parts = choice.message.parts
    if isinstance(event, Finished):
        choice.finish = event.finish
        return
    if isinstance(event, PartStart):
        if event.index != len(parts):
            raise ValueError(f"part {event.index} begins where part {len(parts)} was expected")
        parts.append(replace(event.part) if not isinstance(event.part, Unknown) else event.part)
        return
    if event.index >= len(parts):
        raise ValueError(f"part {event.index} has not begun")
    part = parts[event.index]
    if isinstance(event, PartEnd):
        if event.signature is not None and isinstance(part, Reasoning):
            part.signature = event.signature
    elif isinstance(part, Text | Reasoning):
        part.text += event.text
    elif isinstance(part, ToolCall):
        part.arguments += event.text
    else:
        raise ValueError(f"a {type(part).__name__} takes no text")
