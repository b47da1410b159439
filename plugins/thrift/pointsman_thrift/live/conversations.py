"""Conversations: which model answered one last, what it was about, and how much of it lies in that model's
prompt cache."""

from __future__ import annotations

from dataclasses import dataclass

from cachetools import TTLCache

__all__ = ["Conversation", "Conversations"]

IDLE = 600
"""Seconds without a request after which a conversation is forgotten, as providers forget what they cached."""
MOST = 100_000


@dataclass(frozen=True, slots=True)
class Conversation:
    """`tokens` of it were read or written at the last turn."""

    model: str
    task: str
    tokens: int


class Conversations:
    """Those of late, by the id of their session."""

    def __init__(self) -> None:
        self._known: TTLCache[bytes, Conversation] = TTLCache(MOST, IDLE)

    def of(self, session: bytes) -> Conversation | None:
        """What is known of one."""
        return self._known.get(session)

    def answered(self, session: bytes, conversation: Conversation) -> None:
        """It has gone on."""
        self._known[session] = conversation
