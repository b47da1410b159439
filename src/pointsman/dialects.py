"""Dialects: wire formats, each a set of codecs keyed (dialect, surface).

A codec knows one operation of one wire format, on the client's side and on the provider's. Bytes that
need no change are relayed as they came (lane A): `forward` changes only what must change on the way out,
a `Tap` reads what the gateway must know on the way back.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntFlag
from types import MappingProxyType
from typing import Any, Protocol

import msgspec

from .errors import NotFound, PluginError, UpstreamStatus
from .events import Event
from .losses import Losses
from .money import Cost
from .sse import comment
from .types import Chat, Embeddings, Peek, Request, Response, Usage

__all__ = [
    "PREFIXES",
    "Codec",
    "Dialects",
    "ErrorView",
    "Mark",
    "Quirks",
    "StreamDecoder",
    "StreamEncoder",
    "Tap",
    "Translator",
    "plain_error",
]

PREFIXES = ("/v1", "/api/v1")
"""What the paths of surfaces begin with."""


class Mark(IntFlag):
    """What a tap found in one event of a stream.

    CONTENT is what a client waits for: text, reasoning, a tool call; a role or a comment is not content.
    FINISH says that a choice ended; HOLD that this event and all after it wait until the answer is
    priced; DONE is the stream's terminal event; PRIVATE an event the client did not ask for.
    """

    NOTHING = 0
    CONTENT = 1
    FINISH = 2
    HOLD = 4
    DONE = 8
    PRIVATE = 16


@dataclass(frozen=True, slots=True)
class Quirks:
    """How one host departs from its dialect. Data, kept with the vendor or in the configuration.

    `stream_usage` says how usage in streams is had: `ask` for it by option, it comes `always`, or the
    host knows `never` of the option. `drop` names top-level fields the host refuses (reported as lost),
    `rename` fields it calls otherwise, `keeps` fields beside its dialect's that it understands too.
    `reasoning` is the member in which it takes back what it thought in earlier turns; None where that is
    not known, `never` where it refuses them all. `continues` says how it is made to go on with an answer that
    is the last message: by its being that (`last`), by the member `prefix` in it, or by
    `continue_final_message` beside (`final`); None where that is not known.
    """

    stream_usage: str = "ask"
    drop: frozenset[str] = frozenset()
    rename: Mapping[str, str] = field(default_factory=dict)
    keeps: frozenset[str] = frozenset()
    reasoning: str | None = None
    continues: str | None = None


@dataclass(slots=True)
class ErrorView:
    """What a client may be told of an error."""

    status: int
    error_type: str
    message: str
    code: str | None = None
    param: str | None = None
    request_id: str = ""
    attempts: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)


def plain_error(error: ErrorView) -> bytes:
    """An error outside of any dialect, for paths that no codec owns: the members most clients look for. Its
    `code` is the status where it has none of its own."""
    body = {
        "message": error.message,
        "type": error.error_type,
        "param": error.param,
        "code": error.status if error.code is None else error.code,
        "metadata": {**error.extra, "error_type": error.error_type},
    }
    return msgspec.json.encode({"error": body})


class Tap(Protocol):
    """Reads a provider's answer as it passes: usage, finish, errors. Changes nothing."""

    usage: Usage | None
    finish: str | None
    model: str | None
    """The model that answered, where the answer says which."""
    output_characters: int
    complete: bool
    """Whether the answer said itself that it is whole (a finish reason, a terminal event)."""

    def feed(self, event: bytes) -> Mark:
        """Read one whole event. Raises UpstreamStatus for an error event, MalformedAnswer for nonsense."""

    def whole(self, body: bytes) -> None:
        """Read a whole, non-stream answer, its usage first: it counts also where the rest is refused. Raises
        as `feed` does."""


class StreamEncoder(Protocol):
    """Writes canonical events as the bytes of a dialect's stream."""

    def feed(self, event: Event) -> bytes:
        """The bytes for one event; possibly none."""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """The events that end the stream, each with its mark: HOLD on the usage, DONE on the last."""


class StreamDecoder(Protocol):
    """Reads a provider's stream as canonical events: parts in order, each with its end, a choice's
    `Finished` after them, and usage wherever it comes.

    A part ends as soon as it is known to be whole; parts of one choice may overlap.
    """

    complete: bool
    """Whether the stream said itself that its answer is whole."""
    ended: bool
    """Whether its terminal event has come: nothing of the answer follows."""

    def feed(self, event: bytes) -> list[Event]:
        """Read one whole event of the stream. Raises UpstreamStatus for one that tells an error,
        MalformedAnswer for nonsense."""

    def finish(self) -> list[Event]:
        """The events still owed when the stream has ended."""


class Codec(ABC):
    """One surface of one dialect. Stateless: streams get an encoder or a tap of their own."""

    dialect: str
    surface: str
    path: str
    """Where clients find it, below `/v1`: `/chat/completions`."""
    prefixes: tuple[str, ...] = PREFIXES
    """What stands before it."""
    places: tuple[str, ...] = ()
    """Where clients find it, as patterns, where a path says more than that: `/models/{model:path}:ask`."""
    forward_headers: frozenset[str] = frozenset()
    """Client headers that are part of the dialect and travel on to the provider."""
    default_headers: Mapping[str, str] = MappingProxyType({})
    """Headers that every request to a provider has in this dialect, where the client sent none."""
    ping: bytes = comment("keep-alive")
    """What keeps a quiet stream open."""
    local = False
    """Whether a plugin answers this surface itself for endpoints that cannot."""
    bookkeeping: frozenset[str] = frozenset()
    """Members of a request that cannot change its answer: whom it is for, how it is accounted. What an answer
    repeats is not among them. A dot leads into an object: `usage.include`."""
    stateful: frozenset[str] = frozenset()
    """Members of a request whose answer depends on what its provider keeps: the same request again may be
    answered otherwise."""

    def address(self, *, model: str, stream: bool) -> str:
        """Where providers have it, below their base URL: in some dialects that names the model."""
        return self.path

    def placed(self, raw: bytes, place: str) -> bytes:
        """The body of a request with what its place says beside it: the path below the prefix, and the query.

        Raises BadRequest.
        """
        return raw

    def instructed(self, request: Request, text: str) -> Request | None:
        """The request with these instructions for its model, where it has none of its own; None where this
        surface has no place for any. Raises BadRequest."""
        return None

    def refine(self, error: UpstreamStatus) -> UpstreamStatus:
        """A provider's error with what its body tells in this dialect beyond its status."""
        return error

    def example(self, model: str) -> str | None:
        """The smallest request body for `model`, as JSON without quotes of the shell's; None if this
        surface is not the one to show a newcomer."""
        return None

    @abstractmethod
    def peek(self, request: Request) -> Peek:
        """Read what routing needs. Raises BadRequest that names the field at fault."""

    @abstractmethod
    def forward(
        self, request: Request, *, model: str, peek: Peek, quirks: Quirks, params: Mapping[str, Any]
    ) -> tuple[bytes, list[str]]:
        """The request for a provider of the same dialect, and the names of fields that were lost.

        Only `model`, a forced usage option, `params` the request lacks, and the host's quirks change; and
        what another dialect's signature marks as its own is taken out.
        """

    @abstractmethod
    def tap(self, *, peek: Peek, quirks: Quirks) -> Tap:
        """A fresh tap for one answer."""

    @abstractmethod
    def with_cost(self, data: bytes, cost: Cost | None, *, stream: bool) -> bytes:
        """An answer's (or usage event's) bytes with the cost spliced into its usage object."""

    def dress(self, data: bytes, generation_id: str, *, stream: bool) -> bytes:
        """A whole answer, or whole events of a stream, as clients below `/api/v1` know them: by the id of
        their generation, for one."""
        return data

    @abstractmethod
    def encode_error(self, error: ErrorView) -> bytes:
        """The body of an error answer."""

    @abstractmethod
    def encode_stream_error(self, error: ErrorView) -> bytes:
        """The bytes that tell an error inside a stream that has begun; nothing follows them."""

    @abstractmethod
    def decode_request(self, request: Request) -> Chat:
        """The canonical content of a request. Raises BadRequest that names the field at fault."""

    @abstractmethod
    def encode_response(self, response: Response | Embeddings, *, request: Request, losses: Losses) -> bytes:
        """A canonical answer as the body a client of this dialect expects to its `request`."""

    @abstractmethod
    def encode_stream(self, *, peek: Peek, request: Request, losses: Losses) -> StreamEncoder:
        """A fresh encoder for one stream."""


class Translator(Codec):
    """A codec that endpoints can be called with for clients of any dialect (lane C)."""

    preference = 0
    """Among the dialects of one host that lose equally little, the highest is taken."""

    @abstractmethod
    def encode_request(self, chat: Chat, *, quirks: Quirks, losses: Losses) -> dict[str, Any]:
        """The body of a request with this content for `chat.model`, the endpoint's own name of its model,
        which `forward` then suits to the endpoint.

        What this dialect has no place for goes to `losses`. Written back into the dialect it was read
        from, a request is what it was, member by member.
        """

    @abstractmethod
    def decode_response(self, body: bytes, *, quirks: Quirks) -> Response | Embeddings:
        """A provider's whole answer. Raises as `Tap.whole` does."""

    @abstractmethod
    def decode_stream(self, *, peek: Peek, quirks: Quirks) -> StreamDecoder:
        """A fresh decoder for one provider's stream."""


class Dialects:
    """The registered codecs: by (dialect, surface), and by path."""

    def __init__(self) -> None:
        self._codecs: dict[tuple[str, str], Codec] = {}
        self._paths: dict[str, Codec] = {}
        self._owners: dict[tuple[str, str], str] = {}

    def add(self, codec: Codec, owner: str) -> None:
        """Register a codec. Raises PluginError where (dialect, surface) or the path is taken."""
        key = (codec.dialect, codec.surface)
        taken = self._owners.get(key)
        if taken is None and codec.path in self._paths:
            other = self._paths[codec.path]
            taken = self._owners[(other.dialect, other.surface)]
        if taken is not None:
            raise PluginError(
                f"plugin {owner!r} registers dialect {codec.dialect!r}, surface {codec.surface!r} at "
                f"{codec.path}, which plugin {taken!r} has registered already: turn one of them off"
            )
        self._codecs[key] = codec
        self._paths[codec.path] = codec
        self._owners[key] = owner

    def get(self, dialect: str, surface: str) -> Codec:
        """The codec of a surface. Raises NotFound."""
        try:
            return self._codecs[(dialect, surface)]
        except KeyError:
            raise NotFound(f"dialect {dialect!r} has no surface {surface!r} here") from None

    def names(self) -> list[str]:
        """The dialects there are."""
        return sorted({dialect for dialect, _ in self._codecs})

    def __iter__(self) -> Iterator[Codec]:
        return iter(self._codecs.values())
