"""The store: answers by tenant and fingerprint, bound in bytes and in time."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from cachetools import TLRUCache

if TYPE_CHECKING:
    from pointsman.exchange import Actor
    from pointsman.stored import Stored

__all__ = ["Entry", "Scope", "Store", "Tenant"]

Scope = Literal["key", "team", "global"]

FRAME = 112
ENTRY = 1024
"""Bytes that Python needs beside those of the answer: for each frame, and for an entry as a whole."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """Whose an entry is. Nobody else is ever answered with it."""

    scope: Scope
    id: str

    @classmethod
    def of(cls, actor: Actor, scope: Scope) -> Tenant:
        """The tenant that `actor` is in a scope. A key without a team shares with no other."""
        if scope == "global":
            return cls("global", "")
        if scope == "team":
            for level in actor.levels:
                if level.kind == "team":
                    return cls("team", level.id)
        return cls("key", actor.key_id)


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer, since when it is kept (monotonic seconds) and for how many seconds.

    `usage_told` says that whoever it was given to had asked for the usage in its stream.
    """

    stored: Stored
    since: float
    ttl: float
    usage_told: bool = False

    @property
    def weight(self) -> int:
        """Bytes of memory, about."""
        return self.stored.size + FRAME * len(self.stored.frames) + ENTRY


class Store:
    """Answers in memory, at most `max_size` bytes of them; beyond, those used least recently go.

    `now` is a monotonic clock in seconds. Use it from one event loop.
    """

    def __init__(self, max_size: int, *, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._entries: TLRUCache[tuple[Tenant, bytes], Entry] = TLRUCache(
            max_size,
            ttu=lambda place, entry, at: entry.since + entry.ttl,
            timer=now,
            getsizeof=lambda entry: entry.weight,
        )

    def resized(self, max_size: int) -> Store:
        """A store of another size with the same answers, as far as there is room."""
        store = Store(max_size, now=self._now)
        for place, entry in list(self._entries.items()):
            if entry.weight <= max_size:
                store._entries[place] = entry
        return store

    def get(self, tenant: Tenant, fingerprint: bytes) -> Entry | None:
        """What is kept for a tenant's request, if it is not too old."""
        return self._entries.get((tenant, fingerprint))

    def put(
        self, tenant: Tenant, fingerprint: bytes, stored: Stored, *, ttl: float, usage_told: bool = False
    ) -> Entry:
        """Keep an answer for `ttl` seconds, unless it alone is larger than the store."""
        entry = Entry(stored, self._now(), ttl, usage_told)
        if entry.weight <= self._entries.maxsize:
            self._entries[(tenant, fingerprint)] = entry
        return entry

    def drop(self, tenant: Tenant, fingerprint: bytes) -> None:
        """Keep nothing for a tenant's request."""
        self._entries.pop((tenant, fingerprint), None)

    def age(self, entry: Entry) -> float:
        """For how many seconds an entry has been kept."""
        return self._now() - entry.since

    @property
    def size(self) -> int:
        """Bytes that the answers kept take, about."""
        self._entries.expire()
        return int(self._entries.currsize)

    def __len__(self) -> int:
        self._entries.expire()
        return len(self._entries)
