"""Sessions: a browser that showed a key once has a cookie in its place.

The cookie names a session and nothing else; the key stays here, in memory. Each request of a session is
authenticated by its key as if that had been sent, so that a key which is changed or revoked is so here, too.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic

from cachetools import FIFOCache
from starlette.requests import cookie_parser

from pointsman.secrets import Secret

__all__ = ["COOKIE", "Session", "Sessions"]

COOKIE = "pointsman_session"
MOST = 10_000
"""Sessions at a time; the oldest ends where there is one more."""


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody who has signed in. `token` is what a form of this session must carry, so that no page of
    another site can send it; `begun` is a time of the monotonic clock."""

    key: Secret
    token: str
    begun: float


class Sessions:
    """Those there are, by the digest of what their cookies say; `seconds` is how long each lasts, those that
    have begun among them."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._known: FIFOCache[bytes, Session] = FIFOCache(MOST)

    def begin(self, key: Secret) -> str:
        """Begin a session; what its cookie says."""
        name = secrets.token_urlsafe(32)
        self._known[_digest(name)] = Session(key, secrets.token_urlsafe(32), self._clock())
        return name

    def end(self, headers: Mapping[str, str]) -> None:
        """End the session of a request, if it has one."""
        self._known.pop(_digest(_named(headers)), None)

    def keyed(self, headers: Mapping[str, str]) -> Mapping[str, str]:
        """The headers of a request with the key of its session in place of the cookie."""
        session = self.of(headers)
        if session is None:
            return headers
        return {**headers, "authorization": f"Bearer {session.key.reveal()}"}

    def of(self, headers: Mapping[str, str]) -> Session | None:
        """The session of a request; None without one, or when it is over."""
        name = _named(headers)
        digest = _digest(name)
        session: Session | None = self._known.get(digest) if name else None
        if session is not None and self._clock() - session.begun >= self.seconds:
            del self._known[digest]
            return None
        return session


def _named(headers: Mapping[str, str]) -> str:
    """What the cookie of a request says."""
    return cookie_parser(headers.get("cookie", "")).get(COOKIE, "")


def _digest(name: str) -> bytes:
    return sha256(name.encode()).digest()
