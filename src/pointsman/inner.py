"""Inner requests: what a plugin asks models itself, by the way of every request.

They pass all hooks but `authenticate`: they are routed, priced and recorded as any other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec

from . import pipeline
from .exchange import Actor, Exchange

if TYPE_CHECKING:
    from .gateway import Gateway
    from .streams import Headers

__all__ = ["KEY_ID", "Reply", "ask", "inner_actor"]

KEY_ID = "system"
"""Under which key rows of inner requests stand."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What an inner request was answered: `headers` by lower-case name."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it was answered, and not refused."""
        return self.status == 200

    @property
    def generation_id(self) -> str:
        """The id of its generation."""
        return self.headers.get("x-generation-id", "")

    def json(self) -> Any:
        """The body. Raises msgspec.DecodeError where it is no JSON."""
        return msgspec.json.decode(self.body)


class _Collected:
    """A sink that keeps what is written. See `pointsman.streams.Sink`."""

    full = False

    def __init__(self) -> None:
        self.status = 0
        self.headers: Headers = []
        self.body = bytearray()

    def start(self, status: int, headers: Headers) -> None:
        self.status, self.headers = status, headers

    def write(self, data: bytes) -> None:
        self.body += data

    def end(self) -> None:
        """Nothing follows."""

    def whole(self, status: int, headers: Headers, body: bytes) -> None:
        self.start(status, headers)
        self.write(body)

    async def drained(self) -> None:
        """There is always room."""


def inner_actor(plugin: str, behalf: Actor | None) -> Actor:
    """Who asks an inner request. On somebody's behalf it may use what they may, and tell its data to whom
    they may; their limits, budgets and credentials are not touched."""
    if behalf is None:
        return Actor(plugin, KEY_ID, inner=True)
    return Actor(
        plugin,
        KEY_ID,
        models=behalf.models,
        levels=tuple(replace(level, extra={}) for level in behalf.levels),
        inner=True,
    )


async def ask(
    gateway: Gateway,
    body: Mapping[str, Any],
    *,
    plugin: str,
    dialect: str,
    surface: str,
    headers: Mapping[str, str],
    behalf: Actor | None,
) -> Reply:
    """See `Gateway.ask`."""
    codec = gateway.setup.dialects.get(dialect, surface)
    if gateway.draining:
        return Reply(503, {}, b"")
    exchange = Exchange(gateway, codec, dict(headers), prefix=codec.prefixes[0])
    exchange.actor = inner_actor(plugin, behalf)
    raw, sink = msgspec.json.encode(body), _Collected()
    await gateway.run(exchange, pipeline.serve(exchange, sink, lambda: raw))
    return Reply(sink.status, {name.lower(): value for name, value in sink.headers}, bytes(sink.body))
