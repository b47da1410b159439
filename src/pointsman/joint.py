"""The joint: where one attempt's stream broke off and another's goes on, and the client sees one answer.

It is an encoder that outlives its attempt. It remembers what it has written, and of a stream that goes on
with that it writes only what is new: no second beginning, its parts behind those that are there, its first
text as more of the text that was being written, and the usage of all these attempts together.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from .dialects import Mark, StreamEncoder
from .estimates import estimate
from .events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, UsageUpdate
from .spending import sum_usage
from .types import Message, Part, Reasoning, Text, ToolCall, Usage

__all__ = ["Joint", "NewSeam", "Seam"]

MOST_REMEMBERED = 4 * 1024 * 1024
"""Characters of an answer beyond which nobody goes on with it."""


class Seam(Protocol):
    """Takes out of a text that goes on with another what the other says already."""

    def feed(self, text: str) -> str:
        """More of the text; what of it, and of what was held back before, is new. Raises UpstreamError for
        one that does not go on with the other."""

    def finish(self) -> str:
        """The text is whole, or there is none: what is left of it. Raises as `feed` does."""


NewSeam = Callable[[], Seam]


@dataclass(slots=True)
class _Written:
    """A part that the client has, or has the beginning of."""

    part: Part
    texts: list[str] = field(default_factory=list)
    open: bool = True

    def whole(self) -> Part:
        """The part with its text."""
        text = "".join(self.texts)
        if isinstance(self.part, Text | Reasoning):
            return replace(self.part, text=self.part.text + text)
        if isinstance(self.part, ToolCall):
            return replace(self.part, arguments=self.part.arguments + text)
        return self.part


class Joint:
    """See `StreamEncoder`. `encoder` writes the one stream that becomes of several; `asked` is how many
    characters each attempt was asked, for estimates."""

    def __init__(self, encoder: StreamEncoder, *, asked: int) -> None:
        self._encoder = encoder
        self._asked = asked
        self._written: list[_Written] = []
        self._size = 0
        self._plain = True
        """There is one choice, whose parts began in order."""
        self._finished = False
        self._going_on = False
        self._seam: Seam | None = None
        self._seamed: int | None = None
        self._places: dict[int, int] = {}
        self._before = Usage()
        self._characters = 0
        self._counted = False

    def so_far(self) -> Message | None:
        """What the client has of the answer, its last part perhaps half. None where nothing can go on with
        it: it has ended, is one of several, or is very long."""
        if self._finished or not self._plain or self._size > MOST_REMEMBERED:
            return None
        return Message("assistant", [each.whole() for each in self._written])

    def go_on(self, seam: Seam, before: Usage) -> None:
        """What is fed from now on is of an attempt that goes on with what is written. `before` is what those
        have used that have written it."""
        self._going_on = True
        self._seam, self._seamed = seam, None
        self._places = {}
        self._before, self._characters, self._counted = before, 0, False

    def feed(self, event: Event) -> bytes:
        """See `StreamEncoder`. Raises what the seam does."""
        if not self._going_on:
            return self._write(event)
        if isinstance(event, UsageUpdate):
            self._counted = True
            return self._write(UsageUpdate(sum_usage((self._before, event.usage))))
        if isinstance(event, PartDelta | PartStart | PartEnd | Cited | Finished) and not event.choice:
            if isinstance(event, PartDelta):
                return self._delta(event)
            if isinstance(event, PartStart):
                return self._start(event)
            if isinstance(event, Finished):
                return self._end_seam() + self._close() + self._write(event)
            return self._part_event(event)
        return b""  # it has begun already, and has one choice

    def finish(self) -> list[tuple[bytes, Mark]]:
        """See `StreamEncoder`."""
        data = b""
        if self._going_on and not self._counted:
            own = estimate(self._asked, self._characters)
            data = self._write(UsageUpdate(sum_usage((self._before, own))))
        ending = self._encoder.finish()
        return [(data, Mark.NOTHING), *ending] if data else ending

    def _start(self, event: PartStart) -> bytes:
        """A part begins: as more of the text that is open, as a part of its own, or not at all."""
        part = event.part
        if isinstance(part, Reasoning) and any(isinstance(each.part, Text) for each in self._written):
            self._characters += len(part.text)
            return b""  # nobody thinks before what is said already
        if not isinstance(part, Text) or part.refusal:
            data = b"" if isinstance(part, Reasoning) else self._leave_seam()
            return data + self._close() + self._new(event)
        if self._seam is None or self._seamed is not None:
            return self._new(event)
        self._seamed = event.index
        last = self._written[-1] if self._written else None
        if last is not None and last.open and isinstance(last.part, Text) and not last.part.refusal:
            self._places[event.index] = len(self._written) - 1
            data = b""
        else:
            data = self._close() + self._new(PartStart(0, event.index, replace(part, text="")))
        return data + self._delta(PartDelta(0, event.index, part.text)) if part.text else data

    def _new(self, event: PartStart) -> bytes:
        place = self._places[event.index] = len(self._written)
        return self._write(PartStart(0, place, event.part))

    def _delta(self, event: PartDelta) -> bytes:
        self._characters += len(event.text)
        place = self._places.get(event.index)
        if place is None:
            return b""
        text, logprobs = event.text, event.logprobs
        if self._seam is not None and event.index == self._seamed:
            text = self._seam.feed(text)
            logprobs = logprobs if text == event.text else None
        return self._write(PartDelta(0, place, text, logprobs)) if text or logprobs else b""

    def _part_event(self, event: Cited | PartEnd) -> bytes:
        place = self._places.get(event.index)
        if place is None:
            return b""
        if isinstance(event, Cited):  # its place is counted from where this attempt began
            return self._write(Cited(0, place, replace(event.citation, start=None, end=None)))
        data = self._end_seam() if event.index == self._seamed else b""
        return data + self._write(PartEnd(0, place, event.signature, event.redacted))

    def _end_seam(self) -> bytes:
        """What the seam holds back is new, or is not."""
        seam, self._seam = self._seam, None
        rest = seam.finish() if seam is not None else ""
        place = self._places.get(self._seamed) if self._seamed is not None else None
        return self._write(PartDelta(0, place, rest)) if rest and place is not None else b""

    def _leave_seam(self) -> bytes:
        """Something else than a text begins: what comes behind it is at no seam."""
        if self._seamed is not None:
            return self._end_seam()
        self._seam = None
        return b""

    def _close(self) -> bytes:
        """End the parts that broke off and that nothing went on with."""
        going = set(self._places.values())
        return b"".join(
            [
                self._write(PartEnd(0, place))
                for place, each in enumerate(self._written)
                if each.open and place not in going
            ]
        )

    def _write(self, event: Event) -> bytes:
        """Write an event, and remember it."""
        if isinstance(event, PartDelta):
            if not event.choice and event.index < len(self._written):
                self._size += len(event.text)
                if self._size <= MOST_REMEMBERED:
                    self._written[event.index].texts.append(event.text)
        elif isinstance(event, PartStart):
            if event.choice or event.index != len(self._written):
                self._plain = False
            self._written.append(_Written(event.part))
        elif isinstance(event, PartEnd):
            if not event.choice and event.index < len(self._written):
                self._written[event.index].open = False
        elif isinstance(event, Finished):
            self._finished = True
        return self._encoder.feed(event)
