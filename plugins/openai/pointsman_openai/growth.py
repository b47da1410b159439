"""One choice of a stream as it grows, delta by delta, into parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.errors import BadRequest
from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart
from pointsman.types import Extra, Part, Reasoning, Text, ToolCall, Unknown, derive_finish

from .answer import choice_extra, read_finish
from .calls import Calls
from .errors import DIALECT
from .notes import is_blank, keep
from .parts import decode_part
from .reasoning import THOUGHTS, origin_of
from .turns import decode_citation

__all__ = ["Growth"]

PLAIN = frozenset({"index", "delta", "logprobs", "finish_reason"})
KNOWN = frozenset(
    {
        "role",
        "content",
        "refusal",
        "tool_calls",
        "function_call",
        "annotations",
        "images",
        "reasoning_details",
    }
).union(THOUGHTS)


class Growth:
    """The parts of one choice. At most one text or thought is open at a time, and any calls.

    `seed` is what ids are made from for calls that have none; `grown` says whether there is any content.
    """

    def __init__(self, number: int, seed: str) -> None:
        self.finished = False
        self.grown = False
        self._number = number
        self._parts = 0
        self._open: Part | None = None
        self._place = 0
        self._detail: tuple[Any, Any] | None = None
        self._opaque: dict[str, str] = {}
        self._spoken = False
        self._logprobs: dict[str, list[Any]] = {}
        self._annotations: list[Any] = []
        self._calls = Calls(number, seed, self._next)
        self._extra: Extra = {}
        self._message: Extra = {}

    def take(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        """Take what one chunk says of the choice."""
        delta = choice.get("delta")
        if not isinstance(delta, dict):
            whole = choice.get("message")
            delta = whole if isinstance(whole, dict) else {"content": choice.get("text")}
        if choice.get("logprobs"):
            self._note_logprobs(choice["logprobs"])
        content = delta.get("content")
        if len(delta) > 1 or "content" not in delta:
            self._think(delta, events)
        if content:
            self._say(content, events)
        if len(delta) > 1 or "content" not in delta:
            self._rest(delta, events)
        if not choice.keys() <= PLAIN:
            found = choice_extra(choice, ("delta", "message", "text", "logprobs"))
            self._extra.setdefault(DIALECT, {}).update(found.get(DIALECT, {}))

    def finish(self, choice: Mapping[str, Any], events: list[Event]) -> None:
        """End all parts, and the choice."""
        if self.finished:
            return
        self._shut(events)
        self._calls.finish(events)
        if self._annotations:
            keep(self._message, "annotations", self._annotations)
        self.finished = True
        native, sequence = read_finish(choice)
        made = [ToolCall("", "", "")] if self._calls.any else []
        finish = derive_finish(native, made, sequence=sequence)
        events.append(Finished(self._number, finish, self._extra, self._message))

    def _next(self, events: list[Event]) -> int:
        """The place of a new part, the open text or thought being ended."""
        self._shut(events)
        self.grown = True
        self._parts += 1
        return self._parts - 1

    def _begin(self, part: Part, events: list[Event]) -> None:
        self._place = self._next(events)
        self._open = part
        events.append(PartStart(self._number, self._place, part))

    def _shut(self, events: list[Event]) -> None:
        if self._open is not None:
            self._give(events)
            signature, redacted = self._opaque.get("signature"), self._opaque.get("data")
            events.append(PartEnd(self._number, self._place, signature, redacted))
            self._open = self._detail = None
            self._opaque = {}

    def _say(self, content: Any, events: list[Event]) -> None:
        """Take content: a text, or a list of parts, thoughts among them."""
        if isinstance(content, str):
            self._write(content, events)
            return
        for data in content if isinstance(content, list) else [content]:
            try:
                part = decode_part(data, "content")
            except BadRequest:
                part = Unknown(DIALECT, data)
            if isinstance(part, Text):
                self._write(part.text, events, refusal=part.refusal)
            elif isinstance(part, Reasoning):
                self._muse(part.text, events)
            else:
                self._whole(part, events)

    def _write(self, text: str, events: list[Event], *, refusal: bool = False) -> None:
        if not text:
            return
        part = self._open
        if not isinstance(part, Text) or part.refusal is not refusal:
            self._begin(Text("", refusal=refusal), events)
        logprobs = self._logprobs.pop("refusal" if refusal else "content", None) if self._logprobs else None
        events.append(PartDelta(self._number, self._place, text, logprobs))

    def _muse(self, text: str, events: list[Event]) -> None:
        if text:
            if not isinstance(self._open, Reasoning):
                self._begin(Reasoning(""), events)
            events.append(PartDelta(self._number, self._place, text))

    def _whole(self, part: Part, events: list[Event]) -> None:
        place = self._next(events)
        events.append(PartStart(self._number, place, part))
        events.append(PartEnd(self._number, place))

    def _note_logprobs(self, given: Any) -> None:
        """Keep log probabilities until the text they are of is written."""
        if isinstance(given, dict):
            for name in ("content", "refusal"):
                if isinstance(given.get(name), list) and given[name]:
                    self._logprobs.setdefault(name, []).extend(given[name])

    def _think(self, delta: Mapping[str, Any], events: list[Event]) -> None:
        """Take what was thought, as text, and as details that may repeat it."""
        text = next(
            (delta[name] for name in THOUGHTS if isinstance(delta.get(name), str) and delta[name]), ""
        )
        details = delta.get("reasoning_details")
        if isinstance(details, list):
            for detail in details:
                if isinstance(detail, dict):
                    text = self._detailed(detail, text, events)
        if text:
            self._spoken = True
            self._muse(text, events)

    def _detailed(self, detail: Mapping[str, Any], text: str, events: list[Event]) -> str:
        """Take one detail; return what of the delta's plain text is not yet written."""
        kind = str(detail.get("type"))
        written = detail.get({"reasoning.text": "text", "reasoning.summary": "summary"}.get(kind, ""))
        piece = text or (written if isinstance(written, str) and not self._spoken else "")
        opaque = {name: detail[name] for name in ("signature", "data") if isinstance(detail.get(name), str)}
        opaque = {name: value for name, value in opaque.items() if value}
        if not piece and not opaque and not (isinstance(detail.get("format"), str) and written == ""):
            return text
        key = (kind, detail.get("index"))
        hidden = kind == "reasoning.encrypted"
        other = not hidden and self._detail not in (None, key)
        if not isinstance(self._open, Reasoning) or "data" in self._opaque or other:
            thought_id = detail.get("id")
            self._begin(
                Reasoning(
                    "",
                    origin=origin_of(detail),
                    summary=kind == "reasoning.summary",
                    id=thought_id if isinstance(thought_id, str) and thought_id else None,
                ),
                events,
            )
        if not hidden:
            self._detail = key
        if text:
            self._spoken = True
        self._muse(piece, events)
        self._opaque.update(opaque)
        return ""

    def _rest(self, delta: Mapping[str, Any], events: list[Event]) -> None:
        """Take everything but thoughts and content."""
        refusal = delta.get("refusal")
        if isinstance(refusal, str):
            self._write(refusal, events, refusal=True)
        images = delta.get("images")
        for data in images if isinstance(images, list) else ():
            try:
                self._whole(decode_part(data, "images"), events)
            except BadRequest:
                self._whole(Unknown(DIALECT, data), events)
        if delta.get("tool_calls"):
            self._calls.take(delta["tool_calls"], events)
        if not is_blank(delta.get("function_call")):
            self._calls.take_older(delta["function_call"], events)
        annotations = delta.get("annotations")
        if isinstance(annotations, list) and annotations:
            self._cite(annotations, events)
        if not delta.keys() <= KNOWN:
            for name in delta.keys() - KNOWN:
                if not is_blank(delta[name]):
                    self._carry(name, delta[name])

    def _cite(self, annotations: list[Any], events: list[Event]) -> None:
        """Give annotations to the open text, or else to the next one."""
        self._annotations += [each for each in annotations if isinstance(each, dict)]
        self._give(events)

    def _give(self, events: list[Event]) -> None:
        """Give the annotations that wait to the open text, if there is one."""
        if self._annotations and isinstance(self._open, Text) and not self._open.refusal:
            for each in self._annotations:
                events.append(Cited(self._number, self._place, decode_citation(each)))
            self._annotations = []

    def _carry(self, name: str, value: Any) -> None:
        """Keep a member that only this dialect knows. Sound comes in pieces, others as a whole."""
        own = self._message.get(DIALECT, {})
        if name == "audio" and isinstance(value, dict) and isinstance(own.get(name), dict):
            joined = dict(own[name])
            for member, piece in value.items():
                before = joined.get(member)
                pieces = (
                    member in ("data", "transcript") and isinstance(before, str) and isinstance(piece, str)
                )
                joined[member] = f"{before}{piece}" if pieces else piece
            value = joined
            self.grown = True
        keep(self._message, name, value)
