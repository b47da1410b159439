"""Sessions: a browser that showed a key once has a cookie in its place.

The cookie names a session and nothing else; the key stays here, in memory. Each request of a session is
authenticated by its key as if that had been sent, so that a key which is changed or revoked is so here, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from cachetools import TTLCache
from starlette.requests import cookie_parser

from pointsman.secrets import Secret

__all__ = ["COOKIE", "Session", "Sessions"]

COOKIE = "pointsman_session"
MOST = 10_000
"""Sessions at a time; the oldest ends where there is one more."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `token` is what a form of this session must carry, so that no page of
    another site can send it."""

    key: Secret
    token: str


class Sessions:
    """Those there are, by the digest of what their cookies say."""

    def __init__(self, seconds: float) -> None:
        self._known: TTLCache[bytes, Session] = TTLCache(MOST, seconds)

    def begin(self, key: Secret) -> str:
        """Begin a session; what its cookie says."""
        name = secrets.token_urlsafe(32)
        self._known[_digest(name)] = Session(key, secrets.token_urlsafe(32))
        return name

    def end(self, headers: Mapping[str, str]) -> None:
        """End the session of a request, if it has one."""
        self._known.pop(_digest(_named(headers)), None)

    def of(self, headers: Mapping[str, str]) -> Session | None:
        """The session of a request; None without one, or when it is over."""
        name = _named(headers)
        return self._known.get(_digest(name)) if name else None


def _named(headers: Mapping[str, str]) -> str:
    """What the cookie of a request says."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()
