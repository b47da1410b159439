"""A provider's stream as canonical events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from pointsman.errors import BadRequest, MalformedAnswer
from pointsman.events import (
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
    explode,
)
from pointsman.members import BAD_JSON
from pointsman.sse import data_of, event_name
from pointsman.types import (
    Choice,
    Finish,
    Message,
    Part,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    derive_finish,
)

from .answer import echo, unplaced
from .content import SAID, read_annotation, read_content
from .errors import stream_fault
from .items import BREAK, Turn, read_item
from .notes import AS, DIALECT
from .stream_event import OpenPart, StreamEvent, place_of, text_of
from .tap import TERMINAL, native_finish
from .tools import CUSTOM_HEAD, CUSTOM_TAIL, escaped
from .usage import usage_in

__all__ = ["ResponsesDecoder"]

WHOLE = -1
"""The place of a part that is a whole item, beside the places of a message's content."""


_event = msgspec.json.Decoder(StreamEvent)
_object = msgspec.json.Decoder(dict[str, Any])


class ResponsesDecoder:
    """See `pointsman.dialects.StreamDecoder`.

    Items may overlap. What came without deltas is told when its item is whole, and what no event told when
    the answer is.
    """

    def __init__(self) -> None:
        self.complete = False
        self.ended = False
        self._begun = False
        self._turn = Turn()
        self._open: dict[tuple[int, int], OpenPart] = {}
        self._items: dict[int, dict[str, Any]] = {}
        self._done: set[int] = set()

    def feed(self, event: bytes) -> list[Event]:
        """See `StreamDecoder.feed`."""
        data = data_of(event)
        if data is None or self.ended:
            return []
        try:
            parsed = _event.decode(data)
        except BAD_JSON as error:
            if data.strip() == b"[DONE]":
                self.ended = True
                return []
            raise _malformed("the provider sent an event that is not of its dialect", error) from None
        kind = parsed.type if isinstance(parsed.type, str) else event_name(event) or ""
        handler = _HANDLERS.get(kind)
        try:
            if handler is not None:
                return handler(self, parsed)
            if parsed.error or kind in ("response.failed", "error", "response.error"):
                fault = stream_fault(kind, _object.decode(data))
                if fault is not None:
                    raise fault
        except BadRequest as error:
            raise _malformed("in the provider's stream " + error.message, error) from None
        return []

    def finish(self) -> list[Event]:
        """See `StreamDecoder.finish`: nothing is owed."""
        return []

    def _started(self, event: StreamEvent) -> list[Event]:
        if self._begun:
            return []
        self._begun = True
        answer = event.response if isinstance(event.response, dict) else {}
        ident, model, created = answer.get("id"), answer.get("model"), answer.get("created_at")
        return [
            Started(
                ident if isinstance(ident, str) else "",
                model if isinstance(model, str) else "",
                int(created) if isinstance(created, int | float) and 0 < created < 2**53 else 0,
                {DIALECT: {AS: echo(answer)}},
            )
        ]

    def _begin(self, key: tuple[int, int], part: Part) -> list[Event]:
        """Begin a part."""
        turn = self._turn
        opened = OpenPart(len(turn.parts), part)
        events = self._started(_NO_EVENT)
        turn.parts.append(part)
        self._open[key] = opened
        place, within = key
        if within == 0 and place in self._items:
            turn.heads[opened.index] = self._items[place]
        events.append(PartStart(0, opened.index, part))
        return events

    def _added(self, event: StreamEvent) -> list[Event]:
        """An item begins: a call at once, a message or thought with its first words."""
        place, item = place_of(event.output_index), event.item
        if not isinstance(item, dict):
            return []
        if "status" in item:
            item = {**item, "status": "completed"}
        self._items[place] = item
        kind = item.get("type")
        if kind == "function_call":
            item = {**item, "arguments": ""}
        elif kind == "custom_tool_call":
            item = {**item, "input": ""}
        else:
            return []
        turn = Turn()
        read_item(item, "item", turn)
        call = turn.parts[0]
        if isinstance(call, ToolCall):
            call.arguments = ""
        events = self._begin((place, WHOLE), call)
        self._open[place, WHOLE].custom = kind == "custom_tool_call"
        return events

    def _part_added(self, event: StreamEvent) -> list[Event]:
        """A part of a message begins. Those of other kinds than text are told when they are whole."""
        if not isinstance(event.part, dict):
            return []
        if event.part.get("type") not in (SAID, "refusal"):
            return []
        hollow = read_content(event.part, "part", SAID)
        if not isinstance(hollow, Text):
            return []
        hollow.text, hollow.citations, hollow.logprobs = "", [], None
        return self._begin((place_of(event.output_index), place_of(event.content_index)), hollow)

    def _text(self, event: StreamEvent) -> list[Event]:
        key = (place_of(event.output_index), place_of(event.content_index))
        opened = self._open.get(key)
        events = []
        if opened is None:
            events = self._begin(key, Text("", refusal=event.type == "response.refusal.delta"))
            opened = self._open[key]
        if isinstance(event.delta, str) and event.delta:
            logprobs = event.logprobs if isinstance(event.logprobs, list) else None
            opened.wrote = True
            events.append(PartDelta(0, opened.index, event.delta, logprobs or None))
        return events

    def _thought(self, event: StreamEvent, kind: str, place: Any) -> list[Event]:
        """More of a thought: of its own words or of what sums it up, whichever came first."""
        at = place_of(event.output_index)
        opened = self._open.get((at, WHOLE))
        events = []
        if opened is None:
            ident = self._items.get(at, {}).get("id")
            part = Reasoning(
                "", origin=DIALECT, summary=kind == "summary", id=ident if isinstance(ident, str) else None
            )
            events = self._begin((at, WHOLE), part)
            opened = self._open[at, WHOLE]
            opened.kind, opened.place = kind, place_of(place)
        if opened.kind != kind or not isinstance(event.delta, str) or not event.delta:
            return events
        if place_of(place) != opened.place:
            opened.place = place_of(place)
            events.append(PartDelta(0, opened.index, BREAK))
        opened.wrote = True
        events.append(PartDelta(0, opened.index, event.delta))
        return events

    def _content_thought(self, event: StreamEvent) -> list[Event]:
        return self._thought(event, "content", event.content_index)

    def _summary(self, event: StreamEvent) -> list[Event]:
        return self._thought(event, "summary", event.summary_index)

    def _arguments(self, event: StreamEvent) -> list[Event]:
        opened = self._open.get((place_of(event.output_index), WHOLE))
        if opened is None or not isinstance(event.delta, str) or not event.delta:
            return []
        text = escaped(event.delta) if opened.custom else event.delta
        if opened.custom and not opened.wrote:
            text = CUSTOM_HEAD + text
        opened.wrote = True
        return [PartDelta(0, opened.index, text)]

    def _told(self, event: StreamEvent) -> list[Event]:
        """The whole text of a part: used where it came in no deltas."""
        within = WHOLE if event.arguments is not None or event.input is not None else event.content_index
        opened = self._open.get((place_of(event.output_index), place_of(within)))
        told = next(
            (
                each
                for each in (event.text, event.refusal, event.arguments, event.input)
                if isinstance(each, str)
            ),
            None,
        )
        if opened is not None:
            opened.told = told
        return []

    def _annotated(self, event: StreamEvent) -> list[Event]:
        if not isinstance(event.annotation, dict):
            return []
        key = (place_of(event.output_index), place_of(event.content_index))
        events = [] if key in self._open else self._begin(key, Text(""))
        opened = self._open[key]
        opened.cited += 1
        events.append(Cited(0, opened.index, read_annotation(event.annotation)))
        return events

    def _item_done(self, event: StreamEvent) -> list[Event]:
        place = place_of(event.output_index)
        if not isinstance(event.item, dict) or place in self._done:
            return []
        return self._whole_item(place, event.item)

    def _whole_item(self, place: int, item: dict[str, Any]) -> list[Event]:
        """An item is whole: end what has begun of it, tell what has not."""
        self._done.add(place)
        began = sorted(key for key in self._open if key[0] == place)
        whole = Turn()
        read_item(item, f"output[{place}]", whole)
        if not began:
            events = []
            for index, part in enumerate(whole.parts):
                events += self._tell(part, whole.heads.get(index), inside=index in whole.inside)
            return events
        is_message = began[0][1] != WHOLE
        if is_message:
            self._turn.heads[self._open[began[0]].index] = item
        events = []
        for within, part in enumerate(whole.parts):
            key = (place, within if is_message else WHOLE)
            if key in self._open:
                events += self._close(key, part)
            else:
                events += self._tell(part, None, inside=isinstance(part, Unknown))
        return events + [each for key in began if key in self._open for each in self._close(key, None)]

    def _close(self, key: tuple[int, int], whole: Part | None) -> list[Event]:
        """End a part, with what of the `whole` one has not come yet."""
        opened = self._open.pop(key)
        index, events = opened.index, list[Event]()
        text = text_of(whole) if whole is not None else opened.told
        if not opened.wrote and text:
            logprobs = whole.logprobs if isinstance(whole, Text) else None
            events.append(PartDelta(0, index, text, logprobs))
        elif opened.custom and opened.wrote:
            events.append(PartDelta(0, index, CUSTOM_TAIL))
        if isinstance(whole, Text):
            events += [Cited(0, index, each) for each in whole.citations[opened.cited :]]
        redacted = whole.redacted if isinstance(whole, Reasoning) else None
        events.append(PartEnd(0, index, None, redacted))
        return events

    def _tell(self, part: Part, head: Mapping[str, Any] | None, *, inside: bool) -> list[Event]:
        """A part that comes whole."""
        turn = self._turn
        index = len(turn.parts)
        turn.parts.append(part)
        if head is not None:
            turn.heads[index] = head
        if inside:
            turn.inside.append(index)
        events = self._started(_NO_EVENT)
        alone = Response("", "", 0, [Choice(Message("assistant", [part]), Finish("stop"))])
        for event in explode(alone):
            if isinstance(event, PartStart | PartDelta | Cited | PartEnd):
                event.index = index
                events.append(event)
        return events

    def _terminal(self, event: StreamEvent) -> list[Event]:
        answer = event.response
        if not isinstance(answer, dict):
            raise MalformedAnswer("the provider's last event has no response", phase="stream")
        events = self._started(event)
        events += self._rest(answer.get("output"))
        self.complete = self.ended = True
        usage = usage_in(answer)
        if usage is not None:
            events.append(UsageUpdate(usage))
        finish = derive_finish(native_finish(answer), self._turn.parts)
        events.append(Finished(0, finish, unplaced(answer), self._turn.extra))
        return events

    def _rest(self, output: Any) -> Iterable[Event]:
        """The items that the events left open, or never told."""
        items = output if isinstance(output, list) else []
        events: list[Event] = []
        untold = len(items) > len(self._items.keys() | self._done)
        for place, item in enumerate(items):
            if isinstance(item, dict) and place not in self._done and (untold or place in self._items):
                events += self._whole_item(place, item)
        for key in sorted(self._open):
            events += self._close(key, None)
        return events


_NO_EVENT = StreamEvent()
_HANDLERS: Mapping[str, Callable[[ResponsesDecoder, StreamEvent], list[Event]]] = {
    "response.created": ResponsesDecoder._started,
    "response.queued": ResponsesDecoder._started,
    "response.in_progress": ResponsesDecoder._started,
    "response.output_item.added": ResponsesDecoder._added,
    "response.output_item.done": ResponsesDecoder._item_done,
    "response.content_part.added": ResponsesDecoder._part_added,
    "response.output_text.delta": ResponsesDecoder._text,
    "response.output_text.done": ResponsesDecoder._told,
    "response.output_text.annotation.added": ResponsesDecoder._annotated,
    "response.refusal.delta": ResponsesDecoder._text,
    "response.refusal.done": ResponsesDecoder._told,
    "response.reasoning_text.delta": ResponsesDecoder._content_thought,
    "response.reasoning_summary_text.delta": ResponsesDecoder._summary,
    "response.function_call_arguments.delta": ResponsesDecoder._arguments,
    "response.function_call_arguments.done": ResponsesDecoder._told,
    "response.custom_tool_call_input.delta": ResponsesDecoder._arguments,
    "response.custom_tool_call_input.done": ResponsesDecoder._told,
    **dict.fromkeys(TERMINAL, ResponsesDecoder._terminal),
}
"""What an event's type does. Those that tell the progress of hosted tools do nothing: they come whole."""


def _malformed(message: str, error: Exception) -> MalformedAnswer:
    return MalformedAnswer(message, phase="stream", detail=str(error))
