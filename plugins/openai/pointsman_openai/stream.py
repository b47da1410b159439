"""Canonical events as the stream of this dialect."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec.structs import replace

from pointsman.dialects import Mark
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.losses import Losses
from pointsman.sse import format_event
from pointsman.types import Citation, Media, Part, Peek, Reasoning, Text, ToolCall, Unknown, Usage

from .encode import finish_word, report_part, word_of
from .errors import DIALECT
from .notes import members, note
from .parts import part_object
from .reasoning import detail_objects, format_of, sealed
from .tools import call_object, is_call
from .turns import citation_object, image_object
from .usage import written_usage

__all__ = ["ChatStream", "CompletionStream"]

DONE = format_event(b"[DONE]")


class _Stream(ABC):
    """What the streams of both surfaces share: the head of every chunk, usage, the end."""

    kind: str

    def __init__(self, peek: Peek, *, losses: Losses) -> None:
        self._head: dict[str, Any] = {"id": "", "object": self.kind, "created": 0, "model": peek.model}
        self._asked = peek.usage_in_stream
        self._empty = peek.usage_in_stream and not peek.dressed
        """Whether every other chunk has a usage, too, that is null: OpenRouter's clients take it for one."""
        self._usage: Usage | None = None
        self._losses = losses

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder`."""
        if isinstance(event, PartDelta):
            return self._delta(event) if event.text or event.logprobs else b""
        if isinstance(event, Started):
            self._losses.answered_extras(event.extra, own=DIALECT)
            self._head.update(id=event.id, created=event.created, model=event.model, **members(event.extra))
        elif isinstance(event, UsageUpdate):
            self._usage = event.usage
        elif isinstance(event, PartStart):
            return self._part(event.choice, event.index, event.part)
        elif isinstance(event, PartEnd):
            return self._end(event)
        elif isinstance(event, Cited):
            return self._cited(event)
        elif isinstance(event, Finished):
            self._losses.answered_extras(event.extra, own=DIALECT, path="choices")
            self._losses.answered_extras(event.message, own=DIALECT, path="message")
            return self._finished(event)
        return b""

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder`: the usage where it was asked for, and `[DONE]`."""
        ending = [(DONE, Mark.DONE)]
        if self._asked and self._usage is not None:
            body = {**self._head, "choices": [], "usage": written_usage(self._usage)}
            if self._usage.service_tier is not None:
                body["service_tier"] = self._usage.service_tier
            ending.insert(0, (format_event(msgspec.json.encode(body)), Mark.HOLD))
        return ending

    def _chunk(self, choice: dict[str, Any]) -> bytes:
        body = {**self._head, "choices": [choice]}
        if self._empty:
            body["usage"] = None
        return format_event(msgspec.json.encode(body))

    @abstractmethod
    def _part(self, choice: int, index: int, part: Part) -> bytes:
        """The chunks for the beginning of a part."""

    @abstractmethod
    def _delta(self, event: PartDelta) -> bytes:
        """The chunk for more of a part."""

    @abstractmethod
    def _cited(self, event: Cited) -> bytes:
        """The chunk for where a text has something from."""

    @abstractmethod
    def _end(self, event: PartEnd) -> bytes:
        """The chunk for what only the end of a part tells."""

    @abstractmethod
    def _finished(self, event: Finished) -> bytes:
        """The chunk that ends a choice."""


class CompletionStream(_Stream):
    """`text_completion` chunks: the text of a text part, and nothing of any other."""

    kind = "text_completion"

    def __init__(self, peek: Peek, *, losses: Losses) -> None:
        super().__init__(peek, losses=losses)
        self._texts: set[tuple[int, int]] = set()

    def _part(self, choice: int, index: int, part: Part) -> bytes:
        if not isinstance(part, Text):
            self._losses.answered(word_of(part))
            return b""
        self._texts.add((choice, index))
        return self._text(choice, part.text, None) if part.text else b""

    def _delta(self, event: PartDelta) -> bytes:
        known = (event.choice, event.index) in self._texts
        return self._text(event.choice, event.text, None) if known else b""

    def _cited(self, event: Cited) -> bytes:
        self._losses.answered("citations")
        return b""

    def _end(self, event: PartEnd) -> bytes:
        return b""

    def _finished(self, event: Finished) -> bytes:
        return self._text(event.choice, "", finish_word(event.finish), members(event.extra))

    def _text(self, choice: int, text: str, reason: str | None, own: dict[str, Any] | None = None) -> bytes:
        body = {"index": choice, "text": text, "logprobs": None, "finish_reason": reason}
        return self._chunk({**body, **own} if own else body)


@dataclass(slots=True)
class _Open:
    """A part that is being written. `place` is that of a call among the calls, or of a thought among the
    thoughts; `offset` how many characters of text stand before; `held` what is written at the end."""

    part: Part
    place: int = 0
    offset: int = 0
    written: bool = False
    held: list[str] | None = None


@dataclass(slots=True)
class _Choice:
    parts: dict[int, _Open] = field(default_factory=dict)
    calls: int = 0
    thoughts: int = 0
    characters: int = 0


class ChatStream(_Stream):
    """`chat.completion.chunk`s; each choice begins with the role. Calls of the `custom` tools are written
    when they are whole, since their text is unwrapped."""

    kind = "chat.completion.chunk"

    def __init__(self, peek: Peek, *, losses: Losses, custom: Collection[str] = ()) -> None:
        super().__init__(peek, losses=losses)
        self._custom = custom
        self._choices: dict[int, _Choice] = {}

    def _part(self, choice: int, index: int, part: Part) -> bytes:
        data = self._begin(choice)
        state = self._choices[choice]
        opened = state.parts[index] = _Open(part, offset=state.characters)
        report_part(part, self._losses)
        if isinstance(part, ToolCall):
            return data + self._call(choice, state, opened, part)
        if isinstance(part, Reasoning):
            opened.place = state.thoughts
            state.thoughts += 1
        if isinstance(part, Text | Reasoning):
            return data + (self._delta(PartDelta(choice, index, part.text)) if part.text else b"")
        if isinstance(part, Media):
            image = image_object(part)
            return data + (self._choice(choice, {"images": [image]}) if image is not None else b"")
        if isinstance(part, Unknown) and part.dialect == DIALECT:
            if is_call(part.data):
                place, state.calls = state.calls, state.calls + 1
                return data + self._choice(choice, {"tool_calls": [{**part.data, "index": place}]})
            written = part_object(part, cache=False)
            if written is not None:
                return data + self._choice(choice, {"content": [written]})
            self._losses.answered(word_of(part))
        return data

    def _call(self, choice: int, state: _Choice, opened: _Open, call: ToolCall) -> bytes:
        opened.place = state.calls
        state.calls += 1
        if call.name in self._custom or note(call.extra, "~custom"):
            opened.held = [call.arguments]
            return b""
        opened.written = bool(call.arguments)
        if note(call.extra, "~older"):
            return self._choice(choice, {"function_call": {"name": call.name, "arguments": call.arguments}})
        body = call_object(call, whole=False)
        return self._choice(choice, {"tool_calls": [{**body, "index": opened.place}]})

    def _delta(self, event: PartDelta) -> bytes:
        choice, text = event.choice, event.text
        state = self._choices[choice]
        opened = state.parts[event.index]
        part = opened.part
        if isinstance(part, Text):
            if not part.refusal:
                state.characters += len(text)
            name = "refusal" if part.refusal else "content"
            logprobs = None
            if event.logprobs:
                logprobs = {"content": None, "refusal": None, name: event.logprobs}
            return self._choice(choice, {name: text}, logprobs=logprobs)
        if isinstance(part, Reasoning):
            delta: dict[str, Any] = {"reasoning_content": text}
            if part.origin is not None:
                delta["reasoning_details"] = [{**self._detail(opened, part), _text_of(part): text}]
            return self._choice(choice, delta)
        if not isinstance(part, ToolCall):
            return b""
        opened.written = True
        if opened.held is not None:
            opened.held.append(text)
            return b""
        if note(part.extra, "~older"):
            return self._choice(choice, {"function_call": {"arguments": text}})
        call = {"index": opened.place, "function": {"arguments": text}}
        return self._choice(choice, {"tool_calls": [call]})

    def _detail(self, opened: _Open, part: Reasoning) -> dict[str, Any]:
        """What every piece of a thought's details says."""
        kind = "reasoning.summary" if part.summary else "reasoning.text"
        return {"type": kind, "format": format_of(part), "index": opened.place}

    def _cited(self, event: Cited) -> bytes:
        self._losses.answered_extras(event.citation.extra, own=DIALECT, path="citations")
        opened = self._choices[event.choice].parts[event.index]
        return self._annotation(event.choice, event.citation, opened.offset)

    def _annotation(self, choice: int, citation: Citation, offset: int) -> bytes:
        written = citation_object(citation, offset=offset)
        if written is None:
            self._losses.answered("citations")
            return b""
        return self._choice(choice, {"annotations": [written]})

    def _end(self, event: PartEnd) -> bytes:
        """What a thought's end tells, a call that was held, or the arguments of one that has none."""
        opened = self._choices[event.choice].parts[event.index]
        part = opened.part
        if isinstance(part, Reasoning):
            signature, redacted = event.signature or part.signature, event.redacted or part.redacted
            if not signature and not redacted:
                return b""
            end = replace(part, text="", signature=signature, redacted=redacted, extra={})
            return self._choice(
                event.choice, {"reasoning_details": detail_objects(sealed(end), index=opened.place)}
            )
        if not isinstance(part, ToolCall):
            return b""
        if opened.held is not None:
            whole = ToolCall(part.id, part.name, "".join(opened.held), part.extra)
            call = {**call_object(whole, custom=self._custom), "index": opened.place}
            return self._choice(event.choice, {"tool_calls": [call]})
        return b"" if opened.written else self._delta(PartDelta(event.choice, event.index, "{}"))

    def _finished(self, event: Finished) -> bytes:
        own = members(event.extra)
        if event.finish.sequence is not None and "stop_reason" not in own:
            self._losses.answered("stop_sequence")
        begun = self._begin(event.choice)
        word = finish_word(event.finish)
        return begun + self._choice(event.choice, members(event.message), word, own=own)

    def _begin(self, choice: int) -> bytes:
        """The chunk that tells the role, before anything else of a choice."""
        if choice in self._choices:
            return b""
        self._choices[choice] = _Choice()
        return self._choice(choice, {"role": "assistant", "content": ""})

    def _choice(
        self,
        choice: int,
        delta: dict[str, Any],
        reason: str | None = None,
        *,
        logprobs: dict[str, Any] | None = None,
        own: dict[str, Any] | None = None,
    ) -> bytes:
        body = {"index": choice, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
        return self._chunk({**body, **own} if own else body)


def _text_of(part: Reasoning) -> str:
    return "summary" if part.summary else "text"
