"""Canonical events as the stream of this dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import msgspec

from pointsman.dialects import Mark
from pointsman.events import Event, Finished, PartDelta, PartStart, Started, UsageUpdate
from pointsman.sse import format_event
from pointsman.types import Media, Part, Peek, Reasoning, Text, ToolCall, Usage

from .encode import call_object, image_object
from .errors import DIALECT
from .usage import usage_object

__all__ = ["ChatStream", "CompletionStream"]

DONE = format_event(b"[DONE]")


class _Stream(ABC):
    """What the streams of both surfaces share: the head of every chunk, usage, the end."""

    kind: str

    def __init__(self, peek: Peek) -> None:
        self._head: dict[str, Any] = {"id": "", "object": self.kind, "created": 0, "model": peek.model}
        self._asked = peek.usage_in_stream
        self._usage: Usage | None = None

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder`."""
        if isinstance(event, Started):
            self._head.update(
                id=event.id, created=event.created, model=event.model, **event.extra.get(DIALECT, {})
            )
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, PartStart):
            return self._part(event.choice, event.index, event.part)
        elif isinstance(event, PartDelta):
            return self._delta(event.choice, event.index, event.text) if event.text else b""
        elif isinstance(event, Finished):
            return self._finished(event.choice, event.finish.reason)
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder`: the usage where it was asked for, and `[DONE]`."""
        ending = [(DONE, Mark.DONE)]
        if self._asked and self._usage is not None:
            body = {**self._head, "choices": [], "usage": usage_object(self._usage)}
            ending.insert(0, (format_event(msgspec.json.encode(body)), Mark.HOLD))
        return ending

    def _chunk(self, choice: dict[str, Any]) -> bytes:
        body = {**self._head, "choices": [choice]}
        if self._asked:
            body["usage"] = None
        return format_event(msgspec.json.encode(body))

    @abstractmethod
    def _part(self, choice: int, index: int, part: Part) -> bytes:
        """The chunks for the beginning of a part."""

    @abstractmethod
    def _delta(self, choice: int, index: int, text: str) -> bytes:
        """The chunk for more of a part."""

    @abstractmethod
    def _finished(self, choice: int, reason: str) -> bytes:
        """The chunk that ends a choice."""


class CompletionStream(_Stream):
    """`text_completion` chunks: the text of a text part, and nothing of any other."""

    kind = "text_completion"

    def __init__(self, peek: Peek) -> None:
        super().__init__(peek)
        self._texts: set[tuple[int, int]] = set()

    def _part(self, choice: int, index: int, part: Part) -> bytes:
        if not isinstance(part, Text):
            return b""
        self._texts.add((choice, index))
        return self._text(choice, part.text, None) if part.text else b""

    def _delta(self, choice: int, index: int, text: str) -> bytes:
        return self._text(choice, text, None) if (choice, index) in self._texts else b""

    def _finished(self, choice: int, reason: str) -> bytes:
        return self._text(choice, "", reason)

    def _text(self, choice: int, text: str, reason: str | None) -> bytes:
        return self._chunk({"index": choice, "text": text, "logprobs": None, "finish_reason": reason})


class ChatStream(_Stream):
    """`chat.completion.chunk`s; each choice begins with the role."""

    kind = "chat.completion.chunk"

    def __init__(self, peek: Peek) -> None:
        super().__init__(peek)
        self._begun: set[int] = set()
        self._parts: dict[tuple[int, int], Part] = {}
        self._calls: dict[tuple[int, int], int] = {}

    def _part(self, choice: int, index: int, part: Part) -> bytes:
        self._parts[choice, index] = part
        data = self._begin(choice)
        if isinstance(part, ToolCall):
            place = sum(1 for other, _ in self._calls if other == choice)
            self._calls[choice, index] = place
            return data + self._choice(choice, {"tool_calls": [{"index": place, **call_object(part)}]})
        if isinstance(part, Media) and part.kind == "image":
            return data + self._choice(choice, {"images": [image_object(part)]})
        if isinstance(part, Text | Reasoning) and part.text:
            return data + self._delta(choice, index, part.text)
        return data

    def _delta(self, choice: int, index: int, text: str) -> bytes:
        part = self._parts[choice, index]
        if isinstance(part, ToolCall):
            call = {"index": self._calls[choice, index], "function": {"arguments": text}}
            return self._choice(choice, {"tool_calls": [call]})
        return self._choice(choice, {"reasoning_content" if isinstance(part, Reasoning) else "content": text})

    def _finished(self, choice: int, reason: str) -> bytes:
        return self._begin(choice) + self._choice(choice, {}, reason)

    def _begin(self, choice: int) -> bytes:
        """The chunk that tells the role, before anything else of a choice."""
        if choice in self._begun:
            return b""
        self._begun.add(choice)
        return self._choice(choice, {"role": "assistant", "content": ""})

    def _choice(self, choice: int, delta: dict[str, Any], reason: str | None = None) -> bytes:
        return self._chunk({"index": choice, "delta": delta, "logprobs": None, "finish_reason": reason})
