"""Canonical events as the stream of this dialect: a whole small answer for each."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from pointsman.dialects import Mark
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.losses import Losses
from pointsman.sse import format_event
from pointsman.types import Part, Peek, Reasoning, Text, ToolCall, Usage

from .answer import Signs, finish_reason, place_for, write_answered
from .logprobs import write_logprobs
from .names import DIALECT, members
from .usage import usage_object

__all__ = ["GeminiStream"]

_encode = msgspec.json.Encoder().encode


class GeminiStream:
    """See `StreamEncoder`. A call leaves when it is whole: half a call is nothing here."""

    def __init__(self, peek: Peek, losses: Losses) -> None:
        self._losses = losses
        self._started = Started("", peek.model, 0)
        self._usage: Usage | None = None
        self._open: dict[tuple[int, int], Part] = {}
        self._calls: dict[tuple[int, int], list[str]] = {}
        self._signs: dict[int, Signs] = {}
        self._finished: dict[int, Finished] = {}

    @property
    def _own(self) -> bool:
        return DIALECT in self._started.extra

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder`."""
        match event:
            case PartDelta():
                return self._delta(event)
            case PartStart():
                return self._start(event)
            case PartEnd():
                return self._end(event)
            case Started():
                self._started = event
                self._losses.answered_extras(event.extra, own=DIALECT)
            case UsageUpdate():
                self._usage = event.usage
            case Cited():
                if DIALECT not in event.citation.extra:
                    self._losses.answered("citations")
            case Finished():
                self._finished[event.choice] = event
                if event.finish.sequence is not None:
                    self._losses.answered("stop_sequence")
                self._losses.answered_extras(event.extra, own=DIALECT, path="choices")
                self._losses.answered_extras(event.message, own=DIALECT, path="message")
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder`: the last answer tells why it ended, and the usage."""
        candidates = [
            {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": finish_reason(ended.finish),
                "index": number,
                **members(ended.extra),
            }
            for number, ended in sorted(self._finished.items())
        ]
        return [(self._chunk(candidates), Mark.HOLD | Mark.DONE)]

    def _chunk(self, candidates: list[dict[str, Any]]) -> bytes:
        started = self._started
        body: dict[str, Any] = {"candidates": candidates}
        if self._usage is not None:
            body["usageMetadata"] = usage_object(self._usage, own=self._own)
        body |= {"modelVersion": started.model, "responseId": started.id, **members(started.extra)}
        return format_event(_encode(body))

    def _parts(self, number: int, *parts: Any, logprobs: list[Any] | None = None) -> bytes:
        candidate: dict[str, Any] = {"content": {"parts": list(parts), "role": "model"}, "index": number}
        if logprobs:
            candidate["logprobsResult"] = write_logprobs(logprobs)
        return self._chunk([candidate])

    def _written(self, part: Part, choice: int, *, own: bool = False) -> Any:
        return write_answered(part, self._signs.setdefault(choice, Signs()), own=own)

    def _start(self, event: PartStart) -> bytes:
        part, place = event.part, (event.choice, event.index)
        if not place_for(part, self._losses):
            return b""
        if isinstance(part, Text | Reasoning | ToolCall):
            self._open[place] = part
            if isinstance(part, ToolCall):
                self._calls[place] = [part.arguments]
                return b""
            if not part.text:
                return b""
            return self._delta(PartDelta(event.choice, event.index, part.text))
        return self._parts(event.choice, self._written(part, event.choice, own=self._own))

    def _delta(self, event: PartDelta) -> bytes:
        place = event.choice, event.index
        part = self._open.get(place)
        if isinstance(part, ToolCall):
            self._calls[place].append(event.text)
            return b""
        if part is None or not (event.text or event.logprobs):
            return b""
        written: dict[str, Any] = {"text": event.text}
        if isinstance(part, Reasoning):
            written["thought"] = True
        return self._parts(event.choice, written, logprobs=event.logprobs)

    def _end(self, event: PartEnd) -> bytes:
        place = event.choice, event.index
        part = self._open.pop(place, None)
        if isinstance(part, ToolCall):
            call = replace(part, arguments="".join(self._calls.pop(place)), extra={})
            return self._parts(event.choice, self._written(call, event.choice))
        if not isinstance(part, Reasoning):
            return b""
        thought = replace(
            part,
            text="",
            signature=event.signature or part.signature,
            redacted=event.redacted or part.redacted,
            extra={},
        )
        if thought.origin == DIALECT and not (thought.signature or thought.redacted):
            return b""
        written = self._written(thought, event.choice)
        return self._parts(event.choice, written) if written is not None else b""
