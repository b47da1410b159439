"""Headroom: how much of its rate limits a provider says is left, in whichever headers it says it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from math import isfinite

from pointsman.waits import seconds

__all__ = ["Headroom", "Limit", "limits_of"]

LOW, ROOM = 0.02, 0.18
"""Below this share nothing more is sent, and above LOW + ROOM as much as ever; in between less and less."""
MINUTE = 60.0
"""When a limit is full again, where nothing is said."""
MOST = 32
"""Limits that are kept of one endpoint."""
_PARTS = re.compile(r"limit|remaining|reset")
LONGEST = 3600.0
"""Seconds that are believed: who is never asked again cannot say that there is more."""
LONG = frozenset({"hour", "day", "month"})
"""Words in the name of a limit that takes as long, or longer."""
STANDARD, POLICY = "ratelimit", "ratelimit-policy"
"""Headers that tell of several limits at once (draft-ietf-httpapi-ratelimit-headers)."""
_UNITS = {
    "requests": "requests",
    "request": "requests",
    "req": "requests",
    "bysize": "tokens",
    "tokens": "tokens",
    "token": "tokens",
}


class Limit:
    """One limit as it was told: `remaining` of `limit`, full again `reset` seconds later."""

    __slots__ = ("at", "limit", "remaining", "reset", "unit")

    def __init__(self, unit: str, limit: float, remaining: float, reset: float, at: float) -> None:
        self.unit = unit
        self.limit = limit
        self.remaining = remaining
        self.reset = reset
        self.at = at

    def full(self, now: float) -> bool:
        """Whether it says nothing any more."""
        return now - self.at >= self.reset

    def share(self, now: float, tokens: float) -> float:
        """The share that is left now, from 0 to 1: what remained then and what flowed back since."""
        passed = min(1.0, max(0.0, now - self.at) / self.reset) if self.reset > 0 else 1.0
        left = self.remaining + (self.limit - self.remaining) * passed
        return max(0.0, min(1.0, (left - (tokens if self.unit == "tokens" else 1.0)) / self.limit))


class Headroom:
    """What is left at one endpoint, as its last answers told."""

    __slots__ = ("_limits",)

    def __init__(self) -> None:
        self._limits: dict[str, Limit] = {}

    def heard(self, headers: Mapping[str, str], now: float) -> None:
        """Take what an answer's headers say; names are lower case."""
        self._limits.update(limits_of(headers, now))
        if len(self._limits) > MOST:
            self._limits = {name: each for name, each in self._limits.items() if not each.full(now)}
        if len(self._limits) > MOST:  # names that change with each answer are no limits
            self._limits.clear()

    def share(self, now: float, tokens: float = 0.0) -> float:
        """The smallest share that is left of any limit; 1 where nothing is known."""
        return min((limit.share(now, tokens) for limit in self._limits.values()), default=1.0)

    def factor(self, now: float, tokens: float = 0.0) -> float:
        """What that does to its weight: 1 with room enough, 0 at the end of it."""
        if not self._limits:
            return 1.0
        return max(0.0, min(1.0, (self.share(now, tokens) - LOW) / ROOM))


def limits_of(headers: Mapping[str, str], now: float) -> dict[str, Limit]:
    """The limits that headers tell of: families of `…limit…`, `…remaining…`, `…reset…` with otherwise one
    name, as `x-ratelimit-remaining-tokens`, and those of the standard's two headers. Some hosts say -1 or 0
    of 0 where they have no limit: ignored."""
    families: dict[str, dict[str, str]] = {}
    for name, value in headers.items():
        plain = name.replace("rate-limit", "ratelimit").replace("ratelimit", "")
        if plain == name or not (part := _PARTS.search(plain)):
            continue
        families.setdefault(plain.replace(part[0], "", 1), {})[part[0]] = value
    found = {}
    for family, said in families.items():
        limit, remaining = _number(said.get("limit")), _number(said.get("remaining"))
        if limit is None or remaining is None or limit <= 0 or remaining < 0:
            continue
        words = family.split("-")
        reset = seconds(said["reset"]) if "reset" in said else None
        if reset is None:
            reset = MINUTE if LONG.isdisjoint(words) else LONGEST
        found[family] = Limit(_unit(words), limit, min(remaining, limit), min(reset, LONGEST), now)
    return found if STANDARD not in headers else found | _standard(headers, now)


def _unit(words: list[str]) -> str:
    return next((_UNITS[word] for word in words if word in _UNITS), "requests")


def _standard(headers: Mapping[str, str], now: float) -> dict[str, Limit]:
    """What `RateLimit: "burst";r=50;t=30` says is left, of what `RateLimit-Policy: "burst";q=100;w=60` says
    there is; or `RateLimit: limit=100, remaining=50, reset=30`, as drafts before had it."""
    left, policies = _members(headers[STANDARD]), _members(headers.get(POLICY, ""))
    older = dict(map(_pair, headers[STANDARD].split(",")))
    if {"limit", "remaining"} <= older.keys():
        left = {"": {"r": older["remaining"], "t": older.get("reset", "")}}
        policies = {"": {"q": older["limit"]}}
    found = {}
    for name, told in left.items():
        policy = policies.get(name, {})
        limit, remaining = _number(policy.get("q")), _number(told.get("r"))
        if limit is None or remaining is None or limit <= 0 or remaining < 0:
            continue
        reset = _number(told.get("t"))
        reset = _number(policy.get("w")) if reset is None else reset
        unit = _unit(re.split(r"[^a-z]+", f"{policy.get('qu', '')} {name}".lower()))
        reset = min(MINUTE if reset is None else reset, LONGEST)
        found[f"{STANDARD} {name}"] = Limit(unit, limit, min(remaining, limit), reset, now)
    return found


def _members(text: str) -> dict[str, dict[str, str]]:
    """The members of a list, as structured fields have it, with the parameters of each."""
    found = {}
    for member in text.split(","):
        name, *parameters = member.split(";")
        found[name.strip(' "')] = dict(map(_pair, parameters))
    return found


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name.strip(), value.strip(' "')


def _number(text: str | None) -> float | None:
    try:
        found = float((text or "").split(",")[0].split(";")[0])
    except ValueError:
        return None
    return found if isfinite(found) else None
