"""Wishes: what is asked of the cache for one request, by headers, route, key and settings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pointsman.errors import BadRequest
from pointsman.exchange import Exchange

from .settings import LEAST_TTL, LONGEST_TTL, CacheSettings, LifetimeSettings

__all__ = ["NAME", "Said", "Wish", "wish_of"]

NAME = "cache"
"""The field of a route, a key, a team and an organisation."""
Said = bool | LifetimeSettings | None
"""What such a field says: yes or no, or yes and for how long."""

WANTED = "x-openrouter-cache"
TTL = "x-openrouter-cache-ttl"
CLEAR = "x-openrouter-cache-clear"
_FLAGS = {"true": True, "1": True, "false": False, "0": False}
_SECONDS = re.compile(r"-?[0-9]{1,12}")


@dataclass(frozen=True, slots=True)
class Wish:
    """What one request gets of the cache.

    Without `use` nothing, though somebody asked. `fresh` wants an answer that was not kept, `clear` the one
    that is kept thrown away before. An answer is kept for `ttl` seconds, and one older than `oldest` is not
    taken.
    """

    use: bool
    fresh: bool = False
    clear: bool = False
    ttl: float = 0.0
    oldest: float = LONGEST_TTL


def wish_of(exchange: Exchange, settings: CacheSettings) -> Wish | None:
    """What is asked for one request; None where nobody asks.

    A route, key, team or organisation that says no has the last word. Otherwise the client's header decides;
    without one it is used where any of them, or the settings, say yes. Raises BadRequest for a header that
    says neither.
    """
    headers = exchange.headers
    asked = _flag(headers, WANTED) if WANTED in headers else None
    said: list[Said] = exchange.said(NAME)
    wanted = settings.always or any(said) if asked is None else asked
    if not wanted:
        return None if asked is None else Wish(use=False)
    directives = _directives(headers)
    if False in said or "no-store" in directives:
        return Wish(use=False)
    seconds = _seconds(headers)
    kept = next((each.ttl for each in said if isinstance(each, LifetimeSettings)), settings.ttl)
    clear = CLEAR in headers and _flag(headers, CLEAR)
    return Wish(
        use=True,
        fresh=clear or "no-cache" in directives,
        clear=clear,
        ttl=kept if seconds is None else seconds,
        oldest=LONGEST_TTL if seconds is None else seconds,
    )


def _flag(headers: Mapping[str, str], name: str) -> bool:
    flag = _FLAGS.get(headers[name].strip().lower())
    if flag is None:
        raise BadRequest(f"header {name} must be true or false, not {headers[name][:50]!r}", param=name)
    return flag


def _seconds(headers: Mapping[str, str]) -> float | None:
    """The lifetime that a header asks for, the nearest that there is."""
    text = headers.get(TTL)
    if text is None:
        return None
    if not _SECONDS.fullmatch(text.strip()):
        raise BadRequest(f"header {TTL} must be a whole number of seconds, not {text[:50]!r}", param=TTL)
    return float(min(max(int(text), LEAST_TTL), LONGEST_TTL))


def _directives(headers: Mapping[str, str]) -> frozenset[str]:
    given = headers.get("cache-control")
    return frozenset(each.strip().lower() for each in given.split(",")) if given else frozenset()
