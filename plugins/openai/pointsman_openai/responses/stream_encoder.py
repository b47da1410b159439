"""Canonical events as the stream of this dialect."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from pointsman.dialects import Mark
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.losses import Losses
from pointsman.sse import format_event
from pointsman.types import Finish, Reasoning, Request, Response, Text, ToolCall, Usage

from .answer import ended, response_object
from .notes import DIALECT
from .output import Output
from .usage import usage_object

__all__ = ["ResponsesStream"]

LAST = Mark.HOLD | Mark.FINISH | Mark.DONE
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class _Part:
    """The part that is being written: what it is, its item, its texts so far, and around each delta."""

    index: int
    part: Text | Reasoning | ToolCall
    where: dict[str, Any]
    texts: list[str] = field(default_factory=list)
    before: bytes = b""
    logprobs: bool = False


class ResponsesStream:
    """See `pointsman.dialects.StreamEncoder`.

    Parts are written one after another: what comes of a later one waits for the one before it to end. A
    message is open as long as texts follow one another.
    """

    def __init__(self, request: Request, losses: Losses) -> None:
        self._request = request
        self._losses = losses
        self._number = 0
        self._response: dict[str, Any] = {}
        self._items: list[dict[str, Any]] = []
        self._message: dict[str, Any] | None = None
        self._part: _Part | None = None
        self._waiting: dict[int, list[Event]] = {}
        self._finish = Finish("stop")
        self._usage: Usage | None = None
        self._created = 0
        self._output = Output("", request, losses)

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder.feed`."""
        if isinstance(event, PartDelta | PartStart | PartEnd | Cited | Finished) and event.choice:
            self._losses.answered("choices")
            return b""
        if isinstance(event, PartDelta | PartStart | PartEnd | Cited):
            return self._take(event)
        if isinstance(event, Started):
            return self._started(event)
        if isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, Finished):
            return self._finished(event)
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder.finish`: the last event tells the whole answer, its usage among it."""
        told = ended(self._finish, self._created)
        response = {**self._response, **told, "output": self._items}
        if self._usage is not None:
            response["usage"] = usage_object(self._usage)
            response["service_tier"] = self._usage.service_tier or response["service_tier"]
        return [(self._event(f"response.{told['status']}", {"response": response}), LAST)]

    def _finished(self, event: Finished) -> bytes:
        """End what is open still."""
        self._finish = event.finish
        self._losses.answered_extras(event.extra, own=DIALECT)
        self._losses.answered_extras(event.message, own=DIALECT, path="message")
        if event.finish.sequence is not None:
            self._losses.answered("stop_sequence")
        data = b""
        while self._part is not None or self._waiting:
            if self._part is not None:
                data += self._end(PartEnd(0, self._part.index))
            if self._waiting:
                data += self._next()
        incomplete = ended(event.finish, self._created)["status"] == "incomplete"
        return data + self._close_message(incomplete=incomplete)

    def _event(self, kind: str, members: dict[str, Any]) -> bytes:
        number = self._number
        self._number += 1
        return format_event(_encode({"type": kind, "sequence_number": number, **members}), name=kind)

    def _started(self, event: Started) -> bytes:
        self._losses.answered_extras(event.extra, own=DIALECT)
        self._response = response_object(
            Response(event.id, event.model, event.created, [], None, event.extra), self._request
        )
        self._output = Output(event.id, self._request, self._losses)
        self._created = event.created
        members = {"response": self._response}
        return self._event("response.created", members) + self._event("response.in_progress", members)

    def _take(self, event: PartStart | PartDelta | PartEnd | Cited) -> bytes:
        """Write an event of the open part; keep one of a later part."""
        current = self._part
        if current is not None and current.index == event.index:
            return self._write(event, current)
        if event.index in self._waiting:
            self._waiting[event.index].append(event)
        elif isinstance(event, PartStart):
            if current is None and not self._waiting:
                return self._begin(event)
            self._waiting[event.index] = [event]
        return b""

    def _write(self, event: Event, current: _Part) -> bytes:
        if isinstance(event, PartDelta):
            return self._delta(event, current)
        if isinstance(event, PartEnd):
            data = self._end(event)
            while self._waiting and self._part is None:
                data += self._next()
            return data
        return self._cite(event, current) if isinstance(event, Cited) else b""

    def _next(self) -> bytes:
        """Write what has come of the part that waits the longest, which stays open if it has not ended."""
        events = self._waiting.pop(next(iter(self._waiting)))
        data = b""
        for event in events:
            if isinstance(event, PartStart):
                data += self._begin(event)
            elif isinstance(event, PartEnd) and self._part is not None:
                data += self._end(event)
            elif self._part is not None:
                data += self._write(event, self._part)
        return data

    def _begin(self, event: PartStart) -> bytes:
        part = event.part
        if isinstance(part, Text):
            return self._begin_text(event.index, part)
        data = self._close_message()
        place = len(self._items)
        if isinstance(part, Reasoning):
            data += self._begin_reasoning(event.index, replace(part), place)
        elif isinstance(part, ToolCall):
            data += self._begin_call(event.index, replace(part), place)
        else:
            item = self._output.item(part, place)
            if item is not None:
                data += self._event("response.output_item.added", {"output_index": place, "item": item})
                data += self._done(place, item)
        return data

    def _open(self, current: _Part, given: str, kind: str) -> bytes:
        """Have this part open, with the text it begins with."""
        where = b",".join(b"%b:%b" % (_encode(name), _encode(value)) for name, value in current.where.items())
        name = f"response.{kind}.delta".encode()
        current.before = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (name, name, where)
        current.logprobs = kind == "output_text"
        self._part = current
        return self._delta(PartDelta(0, current.index, given), current) if given else b""

    def _begin_text(self, index: int, part: Text) -> bytes:
        data, place = b"", len(self._items)
        if self._message is None:
            self._message = {**self._output.head(place, "in_progress"), "content": []}
            data = self._event("response.output_item.added", {"output_index": place, "item": self._message})
        where = {
            "item_id": self._message["id"],
            "output_index": place,
            "content_index": len(self._message["content"]),
        }
        text = replace(part, text="", citations=[], logprobs=None)
        data += self._event("response.content_part.added", {**where, "part": self._output.text(text)})
        return data + self._open(
            _Part(index, text, where), part.text, "refusal" if part.refusal else "output_text"
        )

    def _begin_reasoning(self, index: int, part: Reasoning, place: int) -> bytes:
        ident = self._output.reasoning_id(part, place)
        item = {"type": "reasoning", "id": ident, "summary": []}
        data = self._event("response.output_item.added", {"output_index": place, "item": item})
        within = "summary_index" if part.summary else "content_index"
        given, part.text = part.text, ""
        current = _Part(index, part, {"item_id": ident, "output_index": place, within: 0})
        kind = "reasoning_summary_text" if part.summary else "reasoning_text"
        return data + self._open(current, given, kind)

    def _begin_call(self, index: int, part: ToolCall, place: int) -> bytes:
        given, part.arguments = part.arguments, ""
        item = self._output.call(part, place, "in_progress")
        data = self._event("response.output_item.added", {"output_index": place, "item": item})
        current = _Part(index, part, {"item_id": item.get("id", ""), "output_index": place})
        return data + self._open(current, given, "function_call_arguments")

    def _delta(self, event: PartDelta, current: _Part) -> bytes:
        """More of a part. What a custom tool takes is unwrapped when it is whole."""
        text, part = event.text, current.part
        if event.logprobs and isinstance(part, Text):
            part.logprobs = [*(part.logprobs or ()), *event.logprobs]
        if not text and not event.logprobs:
            return b""
        data = b""
        if isinstance(part, Reasoning) and not current.texts:
            data = self._thought_part("added", current, part, "")
        current.texts.append(text)
        if isinstance(part, ToolCall) and self._output.is_custom(part):
            return b""
        number = self._number
        self._number += 1
        logprobs = b""
        if current.logprobs:
            logprobs = b',"logprobs":' + (_encode(event.logprobs) if event.logprobs else b"[]")
        return b'%b%b%b%b,"sequence_number":%d}\n\n' % (data, current.before, _encode(text), logprobs, number)

    def _thought_part(self, step: str, current: _Part, part: Reasoning, text: str) -> bytes:
        """The beginning or end of a thought's only part."""
        kind = "summary_text" if part.summary else "reasoning_text"
        name = "reasoning_summary_part" if part.summary else "content_part"
        return self._event(f"response.{name}.{step}", {**current.where, "part": {"type": kind, "text": text}})

    def _cite(self, event: Cited, current: _Part) -> bytes:
        part = current.part
        if not isinstance(part, Text):
            return b""
        annotation = self._output.annotation(event.citation)
        if annotation is None:
            return b""
        place = len(part.citations)
        part.citations.append(event.citation)
        members = {**current.where, "annotation_index": place, "annotation": annotation}
        return self._event("response.output_text.annotation.added", members)

    def _end(self, event: PartEnd) -> bytes:
        """End the open part, and its item but for a message, to which another text may follow."""
        current, self._part = self._part, None
        if current is None:
            return b""
        part, text = current.part, "".join(current.texts)
        if isinstance(part, Text):
            return self._end_text(part, text, current)
        place = len(self._items)
        if isinstance(part, Reasoning):
            part.text = text
            part.signature = event.signature or part.signature
            part.redacted = event.redacted or part.redacted
            data = b""
            if text:
                kind = "reasoning_summary_text" if part.summary else "reasoning_text"
                data = self._event(f"response.{kind}.done", {**current.where, "text": text})
                data += self._thought_part("done", current, part, text)
            return data + self._done(place, self._output.reasoning(part, place))
        part.arguments = text
        return self._end_call(part, place, current)

    def _end_text(self, part: Text, text: str, current: _Part) -> bytes:
        part.text = text
        content = self._output.text(part)
        if self._message is not None:
            self._message["content"].append(content)
        if part.refusal:
            data = self._event("response.refusal.done", {**current.where, "refusal": text})
        else:
            members = {**current.where, "text": text, "logprobs": part.logprobs or []}
            data = self._event("response.output_text.done", members)
        return data + self._event("response.content_part.done", {**current.where, "part": content})

    def _end_call(self, part: ToolCall, place: int, current: _Part) -> bytes:
        item = self._output.call(part, place)
        if self._output.is_custom(part):
            data = b""
            if item["input"]:
                members = {**current.where, "delta": item["input"]}
                data = self._event("response.custom_tool_call_input.delta", members)
            members = {**current.where, "input": item["input"]}
            data += self._event("response.custom_tool_call_input.done", members)
        else:
            members = {**current.where, "name": part.name, "arguments": part.arguments}
            data = self._event("response.function_call_arguments.done", members)
        return data + self._done(place, item)

    def _close_message(self, *, incomplete: bool = False) -> bytes:
        """End the message that is open, if one is."""
        item, self._message = self._message, None
        if item is None:
            return b""
        item["status"] = "incomplete" if incomplete else "completed"
        return self._done(len(self._items), item)

    def _done(self, place: int, item: dict[str, Any]) -> bytes:
        self._items.append(item)
        return self._event("response.output_item.done", {"output_index": place, "item": item})
