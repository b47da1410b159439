"""Canonical types: what every dialect can be read into and written from.

A `Request` keeps the bytes the client sent and reads them only as far as somebody asks. The canonical
content of a chat is `Chat`; an answer is a `Response`, or the events of a stream (`pointsman.events`).
`derive_finish` is the only place where a finish reason is decided, so that a stream and a whole answer can
never disagree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from .counts import Usage, UsageDetails, token_count
from .errors import BadRequest

__all__ = [
    "PARAMS",
    "Chat",
    "Choice",
    "Citation",
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
    "ToolChoice",
    "ToolResult",
    "Unknown",
    "Usage",
    "UsageDetails",
    "derive_finish",
    "token_count",
]

Extra: TypeAlias = dict[str, dict[str, Any]]
"""What a dialect knows and the canonical types do not, by dialect: carried, never dropped.

A name that begins with `~` is a codec's own note of how it found something (a text that stood alone and
not in a list): written by no dialect, and no loss in any other.
"""

FinishReason = Literal["stop", "length", "tool_calls", "content_filter", "error"]

_split_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_whole = msgspec.json.Decoder(dict[str, Any])
_encode = msgspec.json.Encoder().encode


class Request:
    """A client's request body: raw bytes, split at the top level or parsed whole only on demand."""

    __slots__ = ("_body", "_fields", "raw", "thoughtless")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.thoughtless = False
        """Its codec has seen that no turn holds what a model thought, but for a null in its place."""
        self._fields: dict[str, msgspec.Raw] | None = None
        self._body: dict[str, Any] | None = None

    @classmethod
    def of(cls, body: dict[str, Any]) -> Request:
        """The request with this body: what a rewritten one is made of."""
        return cls(msgspec.json.encode(body))

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
            self._body = _decode(_whole, self.raw)
        return self._body


def _decode(decoder: msgspec.json.Decoder[Any], raw: bytes) -> Any:
    try:
        return decoder.decode(raw)
    except msgspec.ValidationError:
        raise BadRequest('the body must be a JSON object, as in {"model": …}') from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        if not raw.strip():
            raise BadRequest("the request has no body; send a JSON object") from None
        raise BadRequest(f"the body is not valid JSON: {error}") from None


class Peek(msgspec.Struct):
    """What routing needs to know of a request, read without decoding its content.

    `choices` is how many answers are asked for (`n`); `characters` the size of the input in bytes, from
    which tokens are estimated; `usage_in_stream` whether the client asked for usage in its stream;
    `cost_in_body` whether it asked for its cost; `dressed` whether its answer goes through `Codec.dress`;
    `models` further models to try in order; `user` whom the client says that it asks for.
    """

    model: str
    stream: bool = False
    max_tokens: int | None = None
    choices: int = 1
    characters: int = 0
    has_tools: bool = False
    usage_in_stream: bool = False
    cost_in_body: bool = False
    dressed: bool = False
    models: tuple[str, ...] = ()
    user: str | None = None


class Citation(msgspec.Struct):
    """Where a text says it has something from: a page by `url` and `title`, and the words quoted.

    `start` and `end` are the place in the text that is backed by it, in characters.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    extra: Extra = {}


class Text(msgspec.Struct):
    """Plain text. `refusal` says that the model declines with it.

    `cache` is a prompt-cache mark behind this part, as `{"type": "ephemeral", "ttl": "1h"}`. `logprobs`
    are of its tokens: objects of token, logprob, bytes and top_logprobs.
    """

    text: str
    extra: Extra = {}
    refusal: bool = False
    citations: list[Citation] = []
    cache: dict[str, Any] | None = None
    logprobs: list[Any] | None = None


class Media(msgspec.Struct):
    """An image, sound, film or document: by `url`, or inline as base64 `data` of type `mime`.

    `detail` is how closely to look (low, high, auto), `name` a file's name or title, `cache` as in `Text`.
    """

    kind: Literal["image", "audio", "video", "document"]
    url: str | None = None
    data: str | None = None
    mime: str | None = None
    extra: Extra = {}
    detail: str | None = None
    name: str | None = None
    cache: dict[str, Any] | None = None

    def take(self, url: str) -> None:
        """Take a URL, or what a `data:` URL holds inline."""
        head, comma, data = url.partition(",")
        if comma and head.startswith("data:") and head.endswith(";base64"):
            self.data, self.mime = data, head[len("data:") : -len(";base64")] or None
        else:
            self.url = url

    @property
    def link(self) -> str:
        """The URL, or a `data:` URL of what is inline."""
        return self.url or f"data:{self.mime or ''};base64,{self.data or ''}"


class Reasoning(msgspec.Struct):
    """What the model thought.

    `signature` and `redacted` (the thought itself, unreadable) are opaque, and belong to `origin`, the
    dialect that made them, and to no other. `summary` says that `text` only sums up the thought. `id` is
    the provider's own.
    """

    text: str
    signature: str | None = None
    extra: Extra = {}
    origin: str | None = None
    redacted: str | None = None
    summary: bool = False
    id: str | None = None


class ToolCall(msgspec.Struct):
    """A call the model wants made; `arguments` is JSON text exactly as the model wrote it."""

    id: str
    name: str
    arguments: str
    extra: Extra = {}
    cache: dict[str, Any] | None = None


class ToolResult(msgspec.Struct):
    """What a tool call came to."""

    call_id: str
    parts: list[Part]
    is_error: bool = False
    extra: Extra = {}
    cache: dict[str, Any] | None = None


class Unknown(msgspec.Struct):
    """A part only `dialect` knows: carried as it came."""

    dialect: str
    data: Any


Part: TypeAlias = Text | Media | Reasoning | ToolCall | ToolResult | Unknown


class Message(msgspec.Struct):
    """One turn. `role` is system, developer, user, assistant or tool.

    Results of tools stand in a message of role tool, or before what the user says next. `path` is where
    the message stands in the client's request.
    """

    role: str
    parts: list[Part]
    extra: Extra = {}
    path: str = ""

    @property
    def text(self) -> str:
        """The message's text parts, joined."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))


class Tool(msgspec.Struct):
    """A function the model may call; `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = {}
    extra: Extra = {}
    strict: bool | None = None
    cache: dict[str, Any] | None = None


class ToolChoice(msgspec.Struct):
    """Whether tools may (`auto`), may not (`none`) or must (`required`) be called, and which: `names` are
    the only ones allowed; none named means all."""

    mode: Literal["auto", "none", "required"]
    names: tuple[str, ...] = ()
    extra: Extra = {}


class Chat(msgspec.Struct):
    """The canonical content of a chat request, read from `dialect`.

    `params` tune the answer, under the names of `PARAMS`. `names` says how the client wrote a parameter
    that its dialect calls otherwise. What only `dialect` knows is in `extra`, tools of other kinds than
    functions are `Unknown`.
    """

    model: str
    messages: list[Message]
    tools: list[Tool | Unknown] = []
    tool_choice: ToolChoice | None = None
    params: dict[str, Any] = {}
    stream: bool = False
    extra: Extra = {}
    dialect: str = ""
    names: dict[str, str] = {}

    def called(self, param: str) -> str:
        """What the client calls a parameter."""
        return self.names.get(param, param)


PARAMS: Mapping[str, str] = {
    "max_tokens": "most tokens of the answer, reasoning among them",
    "temperature": "a number from 0 to 2",
    "top_p": "a number from 0 to 1",
    "top_k": "a whole number",
    "min_p": "a number from 0 to 1",
    "frequency_penalty": "a number from -2 to 2",
    "presence_penalty": "a number from -2 to 2",
    "repetition_penalty": "a number above 0",
    "logit_bias": "an object: a bias by token",
    "stop": "a list of texts that end the answer",
    "seed": "a whole number",
    "n": "how many answers",
    "logprobs": "whether to tell log probabilities",
    "top_logprobs": "of how many tokens at each place",
    "parallel_tool_calls": "whether several tools may be called at once",
    "response_format": "an object: type text, json_object, or json_schema with name, schema, description and "
    "strict beside it",
    "reasoning": "an object of effort (none … max), max_tokens, enabled, exclude, summary: those given",
    "verbosity": "low, medium or high",
    "service_tier": "the provider's word",
    "user": "whom the request is for, opaque",
    "metadata": "an object of texts",
    "prompt_cache_key": "what the provider's prompt cache goes by",
    "safety_identifier": "who the end user is, hashed",
    "store": "whether the provider keeps the answer",
}
"""The parameters that more than one dialect has, with what they hold. Others stay in `Chat.extra`."""


class Finish(msgspec.Struct, frozen=True):
    """Why an answer ended: the canonical `reason`, and `native`, the provider's own word for it.

    `sequence` is the stop text that ended it, where the provider tells.
    """

    reason: FinishReason
    native: str | None = None
    sequence: str | None = None


_FINISH: Mapping[str, FinishReason] = {
    "stop": "stop",
    "end_turn": "stop",
    "stop_sequence": "stop",
    "eos": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "max_output_tokens": "length",
    "model_context_window_exceeded": "length",
    "pause_turn": "stop",
    "tool_calls": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    "refusal": "content_filter",
    "error": "error",
    "abort": "error",
    "aborted": "error",
    "cancelled": "error",
    "insufficient_system_resource": "error",
    **dict.fromkeys(
        (
            *("safety", "recitation", "blocklist", "prohibited_content", "spii", "model_armor"),
            *("image_safety", "image_prohibited_content", "image_recitation", "language"),
        ),
        "content_filter",
    ),
    **dict.fromkeys(
        (
            *("malformed_function_call", "malformed_response", "missing_thought_signature"),
            *("other", "image_other", "no_image", "too_many_tool_calls"),
        ),
        "error",
    ),
}


def derive_finish(native: str | None, parts: Iterable[Part] = (), *, sequence: str | None = None) -> Finish:
    """The finish reason of an answer with `parts` for which the provider said `native`.

    An answer that "stopped" with a tool call in it finished with `tool_calls`, whatever its provider says.
    """
    reason = _FINISH.get((native or "stop").lower(), "stop")
    if parts and reason == "stop" and any(isinstance(part, ToolCall) for part in parts):
        reason = "tool_calls"
    return Finish(reason, native, sequence)


class Choice(msgspec.Struct):
    """One of the answers asked for."""

    message: Message
    finish: Finish
    extra: Extra = {}


class Response(msgspec.Struct):
    """A whole chat answer. `created` is a Unix time in seconds."""

    id: str
    model: str
    created: int
    choices: list[Choice]
    usage: Usage | None = None
    extra: Extra = {}


class Embeddings(msgspec.Struct):
    """Vectors, one for each input, in order."""

    model: str
    vectors: list[list[float]]
    usage: Usage | None = None
