"""Streams of this dialect as canonical events."""

from __future__ import annotations

from typing import Any

from pointsman.events import Event, Started, UsageUpdate
from pointsman.sse import data_of, event_name
from pointsman.types import Peek

from .answer import TAKEN, read_head
from .growth import Growth
from .notes import rest
from .tap import read_event
from .usage import read_usage, served

__all__ = ["ChatChunks"]

PASSING = TAKEN | {"service_tier", "obfuscation", "p"}
"""Members of a chunk that are no part of the answer's head: padding, and what comes with the usage."""


class ChatChunks:
    """See `StreamDecoder`. What chunks after the first tell of the whole answer, beside usage, is not in
    its events."""

    def __init__(self, *, peek: Peek) -> None:
        self.complete = False
        self.ended = False
        self._asked = peek.choices
        self._model = peek.model
        self._head: dict[str, Any] = {}
        self._started = False
        self._choices: dict[int, Growth] = {}
        self._finished = 0

    def feed(self, event: bytes) -> list[Event]:
        """See `StreamDecoder.feed`."""
        data = data_of(event)
        if data is None:
            return []
        if not data.startswith(b"{"):
            data = data.strip()
            if not data:
                return []
            if data == b"[DONE]":
                self.ended = True
                self.complete = self._finished > 0 or any(each.grown for each in self._choices.values())
                return []
        chunk = read_event(data, named=b"event:" in event and event_name(event) == "error")
        events: list[Event] = []
        choices = chunk.get("choices")
        if not self._started:
            self._head.update({name: value for name, value in chunk.items() if value not in (None, "", 0)})
        if isinstance(choices, list) and choices:
            if not self._started:
                events.append(self._begin())
            for choice in choices:
                if isinstance(choice, dict):
                    self._take(choice, events)
        self._count(chunk, events)
        return events

    def finish(self) -> list[Event]:
        """See `StreamDecoder.finish`."""
        events: list[Event] = []
        for growth in self._choices.values():
            growth.finish({}, events)
        return events

    def _begin(self) -> Started:
        self._started = True
        answer_id, model, created = read_head(self._head)
        return Started(answer_id, model or self._model, created, rest(self._head, PASSING))

    def _take(self, choice: dict[str, Any], events: list[Event]) -> None:
        index = choice.get("index")
        number = index if isinstance(index, int) else 0
        growth = self._choices.get(number)
        if growth is None:
            growth = self._choices[number] = Growth(number, f"{self._head.get('id')}/{number}")
        if growth.finished:
            return
        growth.take(choice, events)
        if choice.get("finish_reason"):
            growth.finish(choice, events)
            self._finished += 1
            self.complete = self._finished >= self._asked

    def _count(self, chunk: dict[str, Any], events: list[Event]) -> None:
        """Take usage, which may come anywhere and more than once."""
        usage = read_usage(chunk.get("usage"))
        if usage is None:
            beside = chunk.get("x_groq")
            usage = read_usage(beside.get("usage")) if isinstance(beside, dict) else None
        if usage is None:
            return
        if not self._started:
            events.append(self._begin())
        found = served(usage, chunk)
        if found is not None:
            events.append(UsageUpdate(found))
