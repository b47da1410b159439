"""Variables: what `when` of a rule may ask of a request. Other plugins add theirs by the same hook."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from pointsman.config.hours import Hours
from pointsman.errors import RequestError
from pointsman.estimates import BYTES_PER_TOKEN
from pointsman.exchange import Exchange
from pointsman.members import BAD_JSON
from pointsman.registers import RegisterRouting
from pointsman.types import Chat, Media, Part, ToolResult

from .moments import Days
from .presets import NOTE, PRESET, Asked
from .tiers import said_tier

__all__ = ["CREDENTIALS", "MODEL", "register_variables"]

MODEL = "model"
CREDENTIALS = frozenset(
    {"authorization", "api-key", "cookie", "proxy-authorization", "x-api-key", "x-goog-api-key"}
)
"""Headers that no rule may ask for: values that rules use are put on record."""
_object = msgspec.json.Decoder(dict[str, Any] | None)


def register_variables(register: RegisterRouting) -> None:
    """Register those that any request has."""
    for name, type_, read, help in FEW:
        register.variable(name, type_, read, help=help, few=True)
    for name, type_, read, help in MANY:
        register.variable(name, type_, read, help=help)


def estimated_tokens(exchange: Exchange) -> int:
    """About how many tokens a request has."""
    return -(-exchange.peek.characters // BYTES_PER_TOKEN)


def has_images(exchange: Exchange) -> bool:
    """Whether there is an image in any message. A request is read for that only where it may have one."""
    raw = exchange.request.raw
    chat = _chat(exchange) if b"image" in raw or b"\\u" in raw else None
    return chat is not None and any(_shows(message.parts) for message in chat.messages)


def has_schema(exchange: Exchange) -> bool:
    """Whether the answer is to fit a JSON schema."""
    raw = exchange.request.raw
    chat = _chat(exchange) if b"chema" in raw or b"\\u" in raw else None
    wanted = chat.params.get("response_format") if chat is not None else None
    return isinstance(wanted, dict) and wanted.get("type") == "json_schema"


def _chat(exchange: Exchange) -> Chat | None:
    """The content; None where it cannot be read, or is none of a chat."""
    if exchange.surface != "chat":
        return None
    try:
        return exchange.codec.decode_request(exchange.request)
    except RequestError:
        return None


def _shows(parts: Iterable[Part]) -> bool:
    return any(
        (isinstance(part, Media) and part.kind == "image")
        or (isinstance(part, ToolResult) and _shows(part.parts))
        for part in parts
    )


def _metadata(exchange: Exchange) -> dict[str, str]:
    raw = exchange.request.fields.get("metadata")
    try:
        found = _object.decode(raw) if raw is not None else None
    except BAD_JSON:
        return {}
    return {name: value for name, value in (found or {}).items() if isinstance(value, str)}


def _level(kind: str) -> Callable[[Exchange], str | None]:
    def read(exchange: Exchange) -> str | None:
        levels = exchange.actor.levels if exchange.actor is not None else ()
        return next((level.name for level in levels if level.kind == kind), None)

    return read


def _preset(exchange: Exchange) -> str | None:
    asked: Asked | None = exchange.notes.get(NOTE)
    return asked.name if asked is not None else None


FEW: tuple[tuple[str, Any, Callable[[Exchange], Any], str], ...] = (
    (MODEL, str, lambda exchange: exchange.peek.model, "The model asked for, as the client wrote it."),
    ("surface", str, lambda exchange: exchange.surface, "The operation asked for: `chat`, `embeddings`, …"),
    ("dialect", str, lambda exchange: exchange.dialect, "The client's wire format: `openai-chat`, …"),
    (
        "key",
        str,
        lambda exchange: exchange.actor.name if exchange.actor else None,
        "The name of the client's key.",
    ),
    (
        "key.tags",
        tuple[str, ...],
        lambda exchange: tuple(exchange.actor.tags) if exchange.actor else (),
        "The tags of the client's key and those above it.",
    ),
    ("team", str, _level("team"), "The name of the key's team."),
    ("organisation", str, _level("organisation"), "The name of the organisation."),
    (PRESET, str, _preset, "The preset that the request asks for."),
    ("stream", bool, lambda exchange: exchange.peek.stream, "Whether the answer is to be streamed."),
    ("has_tools", bool, lambda exchange: exchange.peek.has_tools, "Whether the request offers tools."),
)
"""Those with few values: what rules say to them is kept."""
MANY: tuple[tuple[str, Any, Callable[[Exchange], Any], str], ...] = (
    ("user", str, lambda exchange: exchange.peek.user, "Whom the client says that it asks for."),
    (
        "headers",
        dict[str, str],
        lambda exchange: exchange.headers,
        "Headers by name, also as `headers.<name>`; none that holds a credential.",
    ),
    (
        "metadata",
        dict[str, str],
        _metadata,
        "Texts in the request's member `metadata`, also as `metadata.<name>`.",
    ),
    ("tokens", int, estimated_tokens, "About how many tokens the request has: a quarter of its bytes."),
    ("max_tokens", int, lambda exchange: exchange.peek.max_tokens, "How many tokens the answer may have."),
    ("has_images", bool, has_images, "Whether a message of a chat has an image."),
    ("has_schema", bool, has_schema, "Whether the answer of a chat is to fit a JSON schema."),
    (
        "service_tier",
        str,
        said_tier,
        "The service tier asked for, in the client's word: `fast` is another for `priority`.",
    ),
    ("time", Hours, lambda exchange: exchange.at, "When the request comes, by the clocks of a zone."),
    ("day", Days, lambda exchange: exchange.at, "On which day it comes, in UTC or a zone."),
)
"""All others."""
