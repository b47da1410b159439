"""Lanes: in which dialect an endpoint is asked, and what that would lose.

* `bytes`: the endpoint speaks the client's dialect; its bytes are relayed as they come.
* `translated`: it speaks another; request and answer go through the canonical types.
* `canonical`: it names no dialect, and a plugin answers for it in canonical types.
* `local`: it does not have this operation, and a plugin answers in its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec
from msgspec.structs import replace

from .catalogue import Endpoint
from .dialects import Codec, Dialects, Translator
from .errors import NotFound
from .losses import Losses
from .members import together
from .providers import Provider
from .types import PARAMS, Chat, Request

__all__ = ["Lane", "Lanes", "Way", "is_canonical", "own_params", "unread", "with_params"]

Lane = Literal["bytes", "translated", "canonical", "local"]

SPELLINGS = {
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "stop_sequences": "stop",
}
"""Other names under which an endpoint's defaults may give a parameter."""
STORED = "~content"
"""The note with which a codec names members of a request that stand for content stored at a provider."""


class Way(msgspec.Struct, frozen=True):
    """How an endpoint is asked: in which lane, by which codec, with what request where it is not the client's
    own, what that loses, and which of the endpoint's defaults the request does not have yet."""

    lane: Lane
    codec: Codec
    request: Request | None = None
    losses: Losses = msgspec.field(default_factory=Losses)
    params: Mapping[str, Any] = msgspec.field(default_factory=dict)


def unread(codec: Codec, endpoint: Endpoint) -> Way | None:
    """The way on which any request of a codec gets to an endpoint without being read, or None where it has
    to be translated. It is found once and loses nothing."""
    ways = endpoint.ways
    if codec not in ways:
        provider, way = endpoint.provider, None
        if provider.serves(codec.dialect, codec.surface):
            way = Way("bytes" if provider.dialects else "canonical", codec, params=endpoint.params)
        ways[codec] = way
    return ways[codec]


class Lanes:
    """The ways from one request to endpoints. It is decoded once, and encoded once for each endpoint.
    `params` are defaults that count before an endpoint's."""

    __slots__ = ("_chat", "_codec", "_dialects", "_params", "_request", "_ways")

    def __init__(
        self, codec: Codec, request: Request, dialects: Dialects, params: Mapping[str, Any] | None = None
    ) -> None:
        self._codec = codec
        self._request = request
        self._dialects = dialects
        self._params = params or {}
        self._chat: Chat | None = None
        self._ways: dict[tuple[str, int], Way] = {}

    def way(self, endpoint: Endpoint) -> Way | None:
        """The way to an endpoint, or None where there is none.

        Where it speaks several other dialects, the one that loses least, and among equals the one its
        codec says is the better. Raises BadRequest for a request that cannot be read.
        """
        way = unread(self._codec, endpoint)
        if way is not None:
            return replace(way, params=together(self._params, way.params)) if self._params else way
        best: Way | None = None
        for translator in self._translators(endpoint.provider):
            way = self._translated(translator, endpoint)
            if best is None or _severity(way.losses) < _severity(best.losses):
                best = way
            if not any(_severity(best.losses)):
                break
        if best is None and self._codec.local:
            return Way("local", self._codec)
        return best

    def _translators(self, provider: Provider) -> Iterator[Translator]:
        """The codecs this provider can be asked with, the better ones first."""
        found = []
        for dialect in provider.dialects:
            if not provider.serves(dialect, self._codec.surface):
                continue
            try:
                codec = self._dialects.get(dialect, self._codec.surface)
            except NotFound:
                continue
            if isinstance(codec, Translator):
                found.append(codec)
        return iter(sorted(found, key=lambda codec: (-codec.preference, codec.dialect)))

    def _translated(self, codec: Translator, endpoint: Endpoint) -> Way:
        quirks = endpoint.provider.quirks
        key = (codec.dialect, id(endpoint))
        way = self._ways.get(key)
        if way is None:
            chat, losses = self._asked(endpoint), Losses()
            for name in chat.extra.get(chat.dialect, {}).get(STORED, ()):
                losses.part(name, "only an endpoint of this dialect knows what it stands for")
            body = codec.encode_request(chat, quirks=quirks, losses=losses)
            rest = own_params(together(self._params, endpoint.params))
            way = self._ways[key] = Way("translated", codec, Request.of(body), losses, rest)
        return way

    def _asked(self, endpoint: Endpoint) -> Chat:
        """The request for one endpoint, with defaults for what it does not say itself."""
        chat, given = self._decoded(), together(self._params, endpoint.params)
        chat.model = endpoint.native_id
        return with_params(chat, given) if given else chat

    def _decoded(self) -> Chat:
        if self._chat is None:
            self._chat = self._codec.decode_request(self._request)
        return self._chat


def is_canonical(name: str) -> bool:
    """Whether an endpoint's default is a canonical parameter, under whichever of its names."""
    return SPELLINGS.get(name, name) in PARAMS


def with_params(chat: Chat, given: Mapping[str, Any]) -> Chat:
    """A request with the canonical ones of some defaults, for what it does not say itself."""
    known: dict[str, Any] = {}
    for name, value in given.items():
        if is_canonical(name):
            known.setdefault(SPELLINGS.get(name, name), value)
    if isinstance(known.get("stop"), str):
        known["stop"] = [known["stop"]]
    return replace(chat, params={**known, **chat.params})


def own_params(given: Mapping[str, Any]) -> dict[str, Any]:
    """The other ones of some defaults."""
    return {name: value for name, value in given.items() if not is_canonical(name)}


def _severity(losses: Losses) -> tuple[int, int]:
    return len(losses.content), len(losses.parameters)
