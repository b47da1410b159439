"""Streams of this dialect as canonical events."""

from __future__ import annotations

import time
from typing import Any

import msgspec

from pointsman.arguments import arguments_text
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.members import BAD_JSON
from pointsman.types import Part, Reasoning, Text, ToolCall, Unknown, derive_finish

from .answer import HEAD, REASONS, finish_members
from .blocks import read_block, read_citation
from .names import DIALECT, extra_of
from .tap import StreamEvent, parse_event
from .usage import merged, read_usage

__all__ = ["MessagesDecoder"]

_decode = msgspec.json.Decoder().decode


class _Open:
    """The block that is open. `part` is what has been told of it; None until it is whole, for blocks that
    only this dialect knows."""

    __slots__ = ("block", "part", "partial", "signature", "wrote")

    def __init__(self, block: dict[str, Any], part: Part | None) -> None:
        self.block = block
        self.part = part
        self.partial: list[str] = []
        self.signature: str | None = None
        self.wrote = False


class MessagesDecoder:
    """See `StreamDecoder`. Blocks come one after the other, so that parts never overlap."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._raw: dict[str, Any] | None = None
        self._started = False
        self._open: _Open | None = None
        self._parts: list[Part] = []
        self._finished = False

    def feed(self, event: bytes) -> list[Event]:
        """See `StreamDecoder`."""
        parsed = parse_event(event)
        if parsed is None:
            return []
        kind = parsed.type
        if kind == "content_block_delta":
            return self._delta(parsed.delta)
        if kind == "content_block_start":
            return [*self._begin({}), *self._close(), *self._block(parsed.content_block)]
        if kind == "content_block_stop":
            return self._close()
        if kind == "message_start":
            return self._begin(parsed.message if isinstance(parsed.message, dict) else {})
        if kind == "message_delta":
            return self._end(parsed)
        if kind == "message_stop":
            self.ended = True
            self.complete = self.complete or self._started
            return self.finish()
        return []

    def finish(self) -> list[Event]:
        """See `StreamDecoder`: a stream may end without a stop reason, but not without an end."""
        if self._finished or not (self.complete or self.ended):
            return []
        events = [*self._begin({}), *self._close()]
        self._finished = True
        extra = extra_of({"~stop_reason": None})
        return [*events, Finished(0, derive_finish(None, self._parts), extra)]

    def _begin(self, message: dict[str, Any]) -> list[Event]:
        if self._started:
            return []
        self._started = True
        rest = {name: value for name, value in message.items() if name not in HEAD}
        events: list[Event] = [
            Started(
                str(message.get("id") or ""),
                str(message.get("model") or ""),
                int(time.time()),
                {DIALECT: rest},
            )
        ]
        return events + self._use(message.get("usage"))

    def _use(self, data: Any) -> list[Event]:
        if not isinstance(data, dict):
            return []
        self._raw = merged(self._raw, data)
        usage = read_usage(self._raw)
        return [UsageUpdate(usage)] if usage is not None else []

    def _block(self, block: Any) -> list[Event]:
        """A block begins. One that comes with content tells it as if it came later."""
        if not isinstance(block, dict):
            block = {"type": "unknown", "content": block}
        if block.get("citations") == []:  # those there are come later
            block = {name: value for name, value in block.items() if name != "citations"}
        part = read_block(block)
        opened = self._open = _Open(block, part)
        text, cited = "", []
        if isinstance(part, Text):
            text, cited = part.text, part.citations
            part.text, part.citations = "", []
        elif isinstance(part, Reasoning) and part.redacted is None:
            text, opened.signature = part.text, part.signature
            part.text, part.signature = "", None
            noted = part.extra.get(DIALECT, {})
            part.extra = extra_of({name: noted[name] for name in noted if name != "~signature"})
        elif isinstance(part, ToolCall):
            part.arguments = ""
        elif isinstance(part, Unknown):
            opened.part = None
            return []
        index = len(self._parts)
        self._parts.append(part)
        events: list[Event] = [PartStart(0, index, part)]
        events += [Cited(0, index, each) for each in cited]
        if text:
            events.append(PartDelta(0, index, text))
        return events

    def _delta(self, delta: Any) -> list[Event]:
        if not isinstance(delta, dict):
            return []
        events: list[Event] = []
        opened = self._open
        if opened is None:  # some hosts do not say where a block begins
            kind = _BEGINS.get(str(delta.get("type")))
            if kind is None:
                return []
            events = [*self._begin({}), *self._block({"type": kind, kind: ""})]
            opened = self._open
        return events + self._more(opened, delta) if opened is not None else events

    def _more(self, opened: _Open, delta: dict[str, Any]) -> list[Event]:
        """More of the open block."""
        part, index = opened.part, len(self._parts) - 1
        if part is None:
            self._gather(opened, delta)
            return []
        kind = delta.get("type")
        if kind == "citations_delta":
            citation = delta.get("citation")
            if isinstance(part, Text) and isinstance(citation, dict):
                return [Cited(0, index, read_citation(citation))]
            return []
        if kind == "signature_delta":
            signature = delta.get("signature")
            if isinstance(signature, str):
                opened.signature = (opened.signature or "") + signature
            return []
        name = _DELTAS.get(type(part), "")
        text = delta.get(name)
        if not isinstance(text, str) or not text:
            return []
        opened.wrote = True
        return [PartDelta(0, index, text)]

    def _gather(self, opened: _Open, delta: dict[str, Any]) -> None:
        """Add a delta to a block that only this dialect knows."""
        for name, value in delta.items():
            if name == "partial_json" and isinstance(value, str):
                opened.partial.append(value)
            elif name != "type":
                before = opened.block.get(name)
                both = isinstance(before, str) and isinstance(value, str)
                opened.block[name] = before + value if both else value

    def _close(self) -> list[Event]:
        """The open block is whole."""
        opened, self._open = self._open, None
        if opened is None:
            return []
        part, index = opened.part, len(self._parts) - 1
        if part is None:
            return self._whole(opened)
        if isinstance(part, Reasoning):
            return [PartEnd(0, index, opened.signature or part.signature)]
        if isinstance(part, ToolCall) and not opened.wrote:
            return [PartDelta(0, index, arguments_text(opened.block.get("input") or {})), PartEnd(0, index)]
        return [PartEnd(0, index)]

    def _whole(self, opened: _Open) -> list[Event]:
        text = "".join(opened.partial)
        if text:
            try:
                opened.block["input"] = _decode(text)
            except BAD_JSON:
                opened.block["input"] = text
        part = Unknown(DIALECT, opened.block)
        index = len(self._parts)
        self._parts.append(part)
        return [PartStart(0, index, part), PartEnd(0, index)]

    def _end(self, parsed: StreamEvent) -> list[Event]:
        """The end of the answer: why, and what it used."""
        delta = parsed.delta if isinstance(parsed.delta, dict) else {}
        events = [*self._begin({}), *self._use(parsed.usage)]
        native, sequence = delta.get("stop_reason"), delta.get("stop_sequence")
        if not isinstance(native, str) or self._finished:
            return events
        self.complete = self._finished = True
        events += self._close()
        extra = finish_members(delta)
        if parsed.context_management is not None:
            extra["context_management"] = parsed.context_management
        if native not in REASONS:
            extra["~stop_reason"] = native
        finish = derive_finish(native, self._parts, sequence=sequence if isinstance(sequence, str) else None)
        events.append(Finished(0, finish, extra_of(extra)))
        return events


_BEGINS = {"text_delta": "text", "thinking_delta": "thinking"}
"""The block that a delta without one begins."""
_DELTAS: dict[type[Any], str] = {Text: "text", Reasoning: "thinking", ToolCall: "partial_json"}
"""The member of a delta that holds more of a part."""
