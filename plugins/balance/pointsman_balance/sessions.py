"""Sessions: which requests belong together, so that they go where their beginning is in the provider's cache.

A client may say it: by `session_id` or `prompt_cache_key` in the body, or by a header. Otherwise requests of
one key that begin alike, with the same instructions and the same first message, are one session.
"""

from __future__ import annotations

from hashlib import blake2b

import msgspec
from cachetools import TTLCache

from pointsman.exchange import Exchange
from pointsman.types import Request

__all__ = ["LONG", "Session", "Sessions", "beginning", "session_of"]

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
INTRODUCING = frozenset({"system", "developer"})

_turns = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


class _Turn(msgspec.Struct):
    role: str = ""


_turn = msgspec.json.Decoder(_Turn)


class Session(msgspec.Struct, frozen=True):
    """What requests of one session have in common; `long`: so much that it is worth its place in a cache."""

    id: bytes
    long: bool


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
    """Where each session's last answer came from: an endpoint, by session and model."""

    def __init__(self) -> None:
        self._places: TTLCache[tuple[bytes, str], str] = TTLCache(MOST, IDLE)

    def place(self, session: bytes, model: str) -> str | None:
        """The endpoint that answered last."""
        return self._places.get((session, model))

    def answered(self, session: bytes, model: str, endpoint: str) -> None:
        """An answer came whole: an error moves no session."""
        self._places[session, model] = endpoint
