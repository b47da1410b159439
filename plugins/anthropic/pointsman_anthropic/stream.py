"""Canonical events as the stream of this dialect, whose blocks come one after the other."""

from __future__ import annotations

from typing import Any

import msgspec

from pointsman.dialects import Mark
from pointsman.events import (
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
)
from pointsman.losses import Losses
from pointsman.sse import format_event
from pointsman.types import Part, Peek, Reasoning, Text, ToolCall, Unknown, Usage

from .answer import lose_text, message_id, place_for, stop_reason, thought
from .blocks import write_block, write_citation
from .names import DIALECT, members, tool_id
from .usage import usage_object

__all__ = ["MessagesStream"]

_encode = msgspec.json.Encoder().encode
STOP = format_event(b'{"type":"message_stop"}', name="message_stop")
_DELTA = (
    b"event: content_block_delta\n"
    b'data: {"type":"content_block_delta","index":%d,"delta":{"type":"%b","%b":%b}}\n\n'
)
_TEXT = (b"text_delta", b"text")
_THOUGHT = (b"thinking_delta", b"thinking")
_INPUT = (b"input_json_delta", b"partial_json")
_SIGNATURE = (b"signature_delta", b"signature")
PartEvent = PartStart | PartDelta | Cited | PartEnd


class MessagesStream:
    """See `StreamEncoder`. What comes of a part while another is open waits for that one's end."""

    def __init__(self, peek: Peek, losses: Losses) -> None:
        self._losses = losses
        self._started = Started("", peek.model, 0)
        self._begun = False
        self._usage: Usage | None = None
        self._finished: Finished | None = None
        self._open: int | None = None
        self._part: Part | None = None
        self._block = -1
        self._waiting: dict[int, list[PartEvent]] = {}
        self._skipped: set[int] = set()
        self._shown = False
        """Whether the open part's block has begun."""

    @property
    def _own(self) -> bool:
        return DIALECT in self._started.extra

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder`. The beginning is written with what follows it, for its usage to be known."""
        if isinstance(event, PartDelta):
            if event.logprobs:
                self._losses.answered("logprobs")
            if event.index == self._open and not event.choice:
                return self._delta(event.text)
            return self._take(event)
        if isinstance(event, PartStart | Cited | PartEnd):
            return self._begin() + self._take(event)
        if isinstance(event, Started):
            self._started = event
            self._losses.answered_extras(event.extra, own=DIALECT)
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, Finished) and not event.choice:
            self._finished = event
            self._losses.answered_extras(event.extra, own=DIALECT, path="choices")
            self._losses.answered_extras(event.message, own=DIALECT, path="message")
            return self._begin() + self._flush()
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder`: why it ended with the usage, and the end."""
        head = self._begin() + self._flush()
        ended = self._finished
        extra = members(ended.extra) if ended is not None else {}
        delta = {
            "stop_reason": stop_reason(ended.finish) if ended is not None else "end_turn",
            "stop_sequence": ended.finish.sequence if ended is not None else None,
        }
        beside: dict[str, Any] = {}
        for name, value in extra.items():
            (beside if name == "context_management" else delta)[name] = value
        usage = usage_object(self._usage, own=self._own)
        body = {"type": "message_delta", "delta": delta, "usage": usage, **beside}
        ending = [(format_event(_encode(body), name="message_delta"), Mark.HOLD), (STOP, Mark.DONE)]
        return [(head, Mark.NOTHING), *ending] if head else ending

    def _begin(self) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        started = self._started
        usage = usage_object(self._usage, own=self._own)
        message = {
            "id": message_id(started.id),
            "type": "message",
            "role": "assistant",
            "model": started.model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage,
            **members(started.extra),
        }
        return format_event(_encode({"type": "message_start", "message": message}), name="message_start")

    def _take(self, event: PartEvent) -> bytes:
        """An event of a part: written if the part is open or may open now, else kept."""
        if event.choice:
            self._losses.answered("choices")
            return b""
        if event.index in self._skipped:
            return b""
        if event.index == self._open:
            return self._write(event)
        if self._open is not None:
            self._waiting.setdefault(event.index, []).append(event)
            return b""
        if not isinstance(event, PartStart):
            return b""
        if not place_for(event.part, self._losses):
            self._skipped.add(event.index)
            return b""
        self._open, self._part = event.index, event.part
        return self._start(event.part)

    def _write(self, event: PartEvent) -> bytes:
        if isinstance(event, PartDelta):
            return self._delta(event.text)
        if isinstance(event, Cited):
            if DIALECT not in event.citation.extra:
                self._losses.answered("annotations")
                return b""
            delta = {"type": "citations_delta", "citation": write_citation(event.citation)}
            return self._event("content_block_delta", delta=delta)
        if isinstance(event, PartEnd):
            return self._end(event) + self._next()
        return b""

    def _start(self, part: Part) -> bytes:
        """The block begins; that of a thought only when it is known whether it can be read."""
        if isinstance(part, Reasoning):
            return self._delta(part.text)
        block = write_block(part)
        text = ""
        if isinstance(part, Text):
            lose_text(part, self._losses)
            text, block["text"] = part.text, ""
            if part.citations:
                block["citations"] = []
        elif isinstance(part, ToolCall):
            text = part.arguments
            block["input"] = {}
            if not self._own:
                block["id"] = tool_id(part.id)
        elif isinstance(part, Unknown) and isinstance(block, dict) and isinstance(block.get("input"), dict):
            text = _encode(block["input"]).decode()
            block = {**block, "input": {}}
        data = self._open_block(block) + self._delta(text)
        if isinstance(part, Text):
            for citation in part.citations:
                data += self._write(Cited(0, self._open or 0, citation))
        return data

    def _open_block(self, block: Any) -> bytes:
        self._block += 1
        self._shown = True
        return self._event("content_block_start", content_block=block)

    def _delta(self, text: str) -> bytes:
        if not text:
            return b""
        part = self._part
        head = b""
        kind = _TEXT
        if isinstance(part, Reasoning):
            kind = _THOUGHT
            if not self._shown:
                head = self._open_block({"type": "thinking", "thinking": "", "signature": ""})
        elif not isinstance(part, Text):
            kind = _INPUT
        return head + _DELTA % (self._block, *kind, _encode(text))

    def _end(self, event: PartEnd) -> bytes:
        """The block ends; a thought gets its signature, or the seal that stands for one."""
        part, data = self._part, b""
        if isinstance(part, Reasoning):
            data = self._seal(part, event)
        self._open = self._part = None
        self._shown = False
        return data + self._event("content_block_stop")

    def _seal(self, part: Reasoning, event: PartEnd) -> bytes:
        part = Reasoning(
            "",
            signature=event.signature or part.signature,
            redacted=event.redacted or part.redacted,
            origin=part.origin,
            summary=part.summary,
            id=part.id,
        )
        block = thought(part)
        if block["type"] == "redacted_thinking" and not self._shown:
            return self._open_block(block)
        data = b"" if self._shown else self._open_block({"type": "thinking", "thinking": "", "signature": ""})
        signature = block.get("signature")
        return data + (_DELTA % (self._block, *_SIGNATURE, _encode(signature)) if signature else b"")

    def _next(self) -> bytes:
        """Write what waited for the part that has ended, up to the next part that is still open."""
        data = b""
        while self._open is None and self._waiting:
            index = min(self._waiting)
            for event in self._waiting.pop(index):
                data += self._take(event)
        return data

    def _flush(self) -> bytes:
        """End every part that nothing ended."""
        data = b""
        while self._open is not None:
            data += self._end(PartEnd(0, self._open)) + self._next()
        return data

    def _event(self, name: str, **fields: Any) -> bytes:
        return format_event(_encode({"type": name, "index": self._block, **fields}), name=name)
