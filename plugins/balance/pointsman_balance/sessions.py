"""Sessions: which requests belong together, so that they go where their beginning is in the provider's cache.

A client may say it: by `session_id` or `prompt_cache_key` in the body, or by a header. Otherwise requests of
one key that begin alike, with the same instructions and the same first message, are one session. A rule may
say it in another way: by what variables of rules are for a request.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgspec
from cachetools import TTLCache

from pointsman.exchange import Exchange
from pointsman.types import Request

__all__ = ["LONG", "SESSION", "Session", "Sessions", "beginning", "session_by", "session_of"]

IDLE = 600
"""Seconds without a request after which a session is forgotten: providers keep no longer what they cached."""
MOST = 100_000
LONG = 1024
"""Bytes of a beginning that make it worth to send the next one like it to the same replica."""
LONGEST_NAME = 256
HEADERS = ("x-session-id", "x-session-affinity", "x-claude-code-session-id", "session_id")
MEMBERS = ("session_id", "prompt_cache_key")
INSTRUCTIONS = ("system", "instructions", "systemInstruction", "system_instruction")
TURNS = ("messages", "input", "contents")
SESSION = "session"
"""What a rule calls that which a session is without it."""
INTRODUCING = frozenset({"system", "developer"})

_turns = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


class _Turn(msgspec.Struct):
    role: str = ""


_turn = msgspec.json.Decoder(_Turn)


class Session(msgspec.Struct, frozen=True):
    """What requests of one session have in common; `long`: so much that it is worth its place in a cache;
    `firm`: a rule wants them at one endpoint whether that is worth anything or not."""

    id: bytes
    long: bool
    firm: bool = False


def session_of(exchange: Exchange) -> Session | None:
    """The session of a request; None where it has no beginning to speak of."""
    named = next((name for each in HEADERS if (name := exchange.headers.get(each))), None)
    if named is None:
        fields = exchange.request.fields
        named = next((name for each in MEMBERS if (name := _said(fields.get(each)))), None)
    said = named[:LONGEST_NAME].encode() if named else beginning(exchange.request)
    if not said:
        return None
    owner = exchange.actor.key_id if exchange.actor is not None else ""
    digest = blake2b(said, digest_size=16, key=owner.encode()[:64]).digest()
    return Session(digest, named is not None or len(said) >= LONG)


def session_by(exchange: Exchange, names: Sequence[str]) -> Session | None:
    """The session of a request by what these are for it: variables of rules, or `session`; None where one of
    them is not known."""
    digest = blake2b(digest_size=16)
    for name in names:
        value = _value(exchange, name)
        if not value and not isinstance(value, bool | int | float):
            return None
        told = value if isinstance(value, bytes) else msgspec.json.encode(value, order="deterministic")
        digest.update(b"%d:%b%d:%b" % (len(name), name.encode(), len(told), told))
    return Session(digest.digest(), long=True, firm=True)


def _value(exchange: Exchange, name: str) -> Any:
    if name == SESSION:
        session = session_of(exchange)
        return session.id if session is not None else None
    variables = exchange.setup.variables
    if name in variables:
        return variables[name].read(exchange)
    whole, _, member = name.partition(".")
    found: Mapping[str, Any] | None = variables[whole].read(exchange)
    return found.get(member.lower() if whole == "headers" else member) if found is not None else None


def beginning(request: Request) -> bytes:
    """The instructions of a request and its first message, as they were sent."""
    fields = request.fields
    found = [bytes(raw) for name in INSTRUCTIONS if (raw := fields.get(name)) is not None]
    turns = next((raw for name in TURNS if (raw := fields.get(name)) is not None), None)
    if turns is None:
        return b"".join(found)
    try:
        for turn in _turns.decode(turns):
            found.append(bytes(turn))
            if _turn.decode(turn).role not in INTRODUCING:
                break
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):  # a text in place of turns
        found.append(bytes(turns))
    return b"".join(found)


def _said(raw: msgspec.Raw | None) -> str | None:
    if raw is None:
        return None
    try:
        return _text.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class Sessions:
    """Where each session's last answer came from: an endpoint, by session and model; and which model that
    was, of sessions that are firm."""

    def __init__(self) -> None:
        self._places: TTLCache[tuple[bytes, str], str] = TTLCache(MOST, IDLE)
        self._models: TTLCache[bytes, str] = TTLCache(MOST, IDLE)

    def place(self, session: bytes, model: str) -> str | None:
        """The endpoint that answered last."""
        return self._places.get((session, model))

    def model(self, session: bytes) -> str | None:
        """The model that answered last in a session that is firm."""
        return self._models.get(session)

    def answered(self, session: Session, model: str, endpoint: str) -> None:
        """An answer came whole: an error moves no session."""
        self._places[session.id, model] = endpoint
        if session.firm:
            self._models[session.id] = model
