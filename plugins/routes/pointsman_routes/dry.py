"""Dry runs: requests that are decided by the code that serves, and not sent."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pointsman.dialects import Codec
from pointsman.errors import RequestError, StartupError
from pointsman.exchange import Actor, Exchange
from pointsman.gateway import Gateway
from pointsman.json_guard import check_json
from pointsman.pipeline import authenticate, decide, look
from pointsman.setup import Setup
from pointsman.types import Request

from .rules import GIVEN

__all__ = [
    "ADMIN",
    "actor_of",
    "body_of",
    "codec_of",
    "dry_exchange",
    "dry_run",
    "smallest",
    "valued",
    "values_then",
]

OWN = "routes"
"""Whose variables are found in requests themselves."""
ADMIN = Actor("admin", "admin", role="admin")
MINIMAL: dict[str, dict[str, Any]] = {
    "chat": {"messages": [{"role": "user", "content": "Hello"}]},
    "completions": {"prompt": "Hello"},
    "embeddings": {"input": "Hello"},
}
"""What a request needs beside its model, for surfaces whose codecs show no example."""


async def dry_run(
    setup: Setup,
    codec: Codec,
    raw: bytes,
    *,
    actor: Actor | None = None,
    seed: int | None = None,
    at: datetime | None = None,
    again: Mapping[str, Any] | None = None,
    headers: Mapping[str, str] | None = None,
) -> tuple[dict[str, Any], RequestError | None]:
    """The decision record of a request that is not sent, and the error it would be refused with, if any.

    `raw` is its body. Without an `actor` an administrator asks, or where keys are not asked for, anybody.
    `again` is a record by which it is decided: with the seed of that, and at its moment, where no others are
    given, and by what was known then of the endpoints and by plugins. Raises StartupError.
    """
    notes = None
    if again is not None:
        seed = again.get("seed") if seed is None else seed
        at = datetime.fromisoformat(again["at"]) if at is None else at
        notes = {GIVEN: values_then(setup, again)}
    async with Gateway.dry(setup) as gateway:
        exchange, error = await dry_exchange(
            gateway, codec, raw, actor=actor, seed=seed, at=at, headers=headers, notes=notes, again=again
        )
        return exchange.record(), error


async def dry_exchange(
    gateway: Gateway,
    codec: Codec,
    raw: bytes,
    *,
    actor: Actor | None = None,
    seed: int | None = None,
    at: datetime | None = None,
    headers: Mapping[str, str] | None = None,
    notes: Mapping[str, Any] | None = None,
    again: Mapping[str, Any] | None = None,
    prepare: Callable[[Exchange], None] | None = None,
) -> tuple[Exchange, RequestError | None]:
    """As `dry_run`, by a gateway that serves nobody: the exchange, as far as it came. `prepare` may change
    what has been seen of the request before it is decided."""
    exchange = Exchange(gateway, codec, {name.lower(): value for name, value in (headers or {}).items()})
    if actor is None and gateway.setup.core.auth == "none":
        await authenticate(exchange)
    else:
        exchange.actor = actor or ADMIN
    exchange.request = Request(raw)
    exchange.decision.seed, exchange.decision.again = seed, again
    exchange.notes.update(notes or {})
    if at is not None:
        exchange.at = at.astimezone(UTC)
    try:
        check_json(raw)
        look(exchange)
        if prepare is not None:
            prepare(exchange)
        await decide(exchange, admitted=False)
    except RequestError as error:
        return exchange, error
    return exchange, None


def smallest(gateway: Gateway) -> Exchange | None:
    """The smallest request for a chat, to ask endpoints about; None where nobody chats."""
    try:
        codec = codec_of(gateway.setup, "chat", None)
    except StartupError:
        return None
    exchange = Exchange(gateway, codec, {})
    exchange.actor = ADMIN
    exchange.request = Request(body_of(codec, "any", None))
    look(exchange)
    return exchange


def values_then(setup: Setup, record: Mapping[str, Any]) -> dict[str, Any]:
    """What plugins knew when a record was made, as values of rules: it is not in the request."""
    found = {}
    for name, value in record["values"].items():
        variable = setup.variables.get(name) or setup.variables.get(name.partition(".")[0])
        if variable is not None and variable.owner != OWN:
            found[name] = valued(value)
    return found


def valued(told: Any) -> Any:
    """A value of a variable, from what records tell of it."""
    return tuple(told) if isinstance(told, list) else told


def codec_of(setup: Setup, surface: str, dialect: str | None) -> Codec:
    """The codec of a surface, in a dialect or the first that has it. Raises StartupError."""
    for codec in setup.dialects:
        if codec.surface == surface and dialect in (None, codec.dialect):
            return codec
    served = ", ".join(f"{codec.surface} in {codec.dialect}" for codec in setup.dialects) or "nothing"
    wanted = f"surface {surface!r}" + (f" in dialect {dialect!r}" if dialect is not None else "")
    raise StartupError(f"{wanted} is not served; served are: {served}")


def actor_of(setup: Setup, name: str) -> Actor:
    """The actor that the key of this name would be. Raises StartupError."""
    section = setup.schema.sections.get("keys")
    owner = setup.plugins.get(section.owner) if section is not None else None
    actor: Actor | None = owner.target.actor(setup, name) if owner is not None else None
    if actor is not None:
        return actor
    keys = setup.section("keys") if section is not None else ()
    near = difflib.get_close_matches(name, [key.name for key in keys], 1)
    hint = (
        f"did you mean {near[0]!r}?"
        if near
        else "list it under `keys:`, or make it by `pointsman keys create`"
    )
    raise StartupError(f"there is no key {name!r}; {hint}")


def body_of(codec: Codec, model: str | None, given: bytes | None) -> bytes:
    """A request: what was given, `model` put into it, or else the smallest for `model`. Raises
    StartupError."""
    if model is None:
        return given or b""
    if given is None:
        example = codec.example(model)
        if example is not None:
            return example.encode()
        if codec.surface not in MINIMAL:
            raise StartupError(f"surface {codec.surface!r} needs a request: give one with --body")
        return msgspec.json.encode({"model": model, **MINIMAL[codec.surface]})
    try:
        fields = Request(given).fields
    except RequestError as error:
        raise StartupError(f"--body: {error.message}") from None
    return msgspec.json.encode({**fields, "model": msgspec.Raw(msgspec.json.encode(model))})
