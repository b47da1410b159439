"""Streams of this dialect as canonical events."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pointsman.events import Cited, Event, Finished, PartDelta, PartEnd, PartStart, Started, UsageUpdate
from pointsman.types import Part, Reasoning, Text, ToolCall, derive_finish

from .answer import Calls, candidate_extra, citations_in, head_extra, head_of, refusal_of
from .logprobs import read_logprobs
from .names import DIALECT, extra_of
from .parts import read_part
from .tap import BLOCKED, Searches, candidates_in, parse_event, parts_in
from .usage import read_usage

__all__ = ["GeminiDecoder"]


class _Candidate:
    """One candidate as it grows. `open` is the text or thought that may have more to come."""

    def __init__(self, number: int, calls: Calls) -> None:
        self.number = number
        self.parts: list[Part] = []
        self.finish: str | None = None
        self._calls = calls
        self._extra: dict[str, Any] = {}
        self._open: Text | Reasoning | None = None
        self._texts: list[str] = []

    def take(self, candidate: Mapping[str, Any]) -> list[Event]:
        """What came since."""
        events: list[Event] = []
        logprobs = read_logprobs(candidate.get("logprobsResult"))
        told = False
        for data in parts_in(candidate):
            for part in _in_order(read_part(data, self._calls)):
                given = logprobs if logprobs and isinstance(part, Text) and not told else None
                told = told or given is not None
                events += self._part(part, given)
        self._extra |= candidate_extra(candidate, told=told)
        reason = candidate.get("finishReason")
        if isinstance(reason, str):
            self.finish = reason
        return events

    def _part(self, part: Part, logprobs: list[Any] | None) -> list[Event]:
        if isinstance(part, Text) or (isinstance(part, Reasoning) and part.redacted is None):
            return self._more(part, logprobs)
        events = self._close()
        index = self._add(part)
        if isinstance(part, Reasoning):
            hollow = Reasoning("", origin=part.origin, id=part.id, summary=part.summary)
            return [
                *events,
                PartStart(self.number, index, hollow),
                PartEnd(self.number, index, redacted=part.redacted),
            ]
        if isinstance(part, ToolCall):
            begun = ToolCall(part.id, part.name, "", part.extra)
            return [
                *events,
                PartStart(self.number, index, begun),
                PartDelta(self.number, index, part.arguments),
                PartEnd(self.number, index),
            ]
        return [*events, PartStart(self.number, index, part), PartEnd(self.number, index)]

    def _more(self, part: Text | Reasoning, logprobs: list[Any] | None) -> list[Event]:
        """A piece of a text or thought, which goes on with the one that is open if that is of its kind."""
        signature = part.signature if isinstance(part, Reasoning) else None
        events: list[Event] = []
        if type(self._open) is not type(part):
            if not part.text and signature is None:
                return []
            events = self._close()
            self._open = (
                Text("")
                if isinstance(part, Text)
                else Reasoning("", origin=part.origin, summary=part.summary, id=part.id)
            )
            events.append(PartStart(self.number, self._add(self._open), self._open))
        index = len(self.parts) - 1
        if part.text:
            events.append(PartDelta(self.number, index, part.text, logprobs))
            if isinstance(part, Text):
                self._texts.append(part.text)
        return events + self._close(signature) if signature is not None else events

    def _add(self, part: Part) -> int:
        self.parts.append(part)
        return len(self.parts) - 1

    def _close(self, signature: str | None = None) -> list[Event]:
        if self._open is None:
            return []
        self._open = None
        return [PartEnd(self.number, len(self.parts) - 1, signature)]

    def end(self) -> list[Event]:
        """The candidate is whole."""
        events: list[Event] = []
        texts = [index for index, part in enumerate(self.parts) if isinstance(part, Text)]
        if len(texts) == 1:
            citations = citations_in(self._extra, "".join(self._texts))
            events += [Cited(self.number, texts[0], each) for each in citations]
        events += self._close()
        finish = derive_finish(self.finish, self.parts)
        return [*events, Finished(self.number, finish, extra_of(self._extra))]


def _in_order(parts: list[Part]) -> list[Part]:
    """The parts of a piece: what signs a text comes behind it, for more of the text may have come before."""
    if len(parts) == 2 and isinstance(parts[0], Reasoning) and isinstance(parts[1], Text):
        signs, text = parts[0], parts[1]
        if signs.origin == DIALECT:
            return [text, Reasoning("", redacted=signs.signature, origin=DIALECT)]
    return parts


class GeminiDecoder:
    """See `StreamDecoder`. Some hosts tell a reason to finish more than once, so that a candidate is whole
    when the stream ends, and not before."""

    def __init__(self) -> None:
        self.complete = False
        """Every candidate that has begun has told why it ended."""
        self.ended = False
        self._calls: Calls | None = None
        self._candidates: dict[int, _Candidate] = {}
        self._searches = Searches()

    def feed(self, event: bytes) -> list[Event]:
        """See `StreamDecoder`."""
        answer = parse_event(event)
        if answer is None:
            return []
        events: list[Event] = []
        if self._calls is None:
            identity, model, created = head_of(answer)
            self._calls = Calls(identity)
            events.append(Started(identity, model, created, {DIALECT: head_extra(answer)}))
        for index, data in candidates_in(answer):
            events += self._candidate(index).take(data)
        refusal = refusal_of(answer) if not self._candidates else None
        if refusal is not None:
            blocked = self._candidate(0)
            blocked.finish = BLOCKED
            index = len(blocked.parts)
            blocked.parts.append(refusal)
            events += [
                PartStart(0, index, Text("", refusal=True)),
                PartDelta(0, index, refusal.text),
                PartEnd(0, index),
            ]
        found = self._candidates.values()
        self.complete = bool(found) and all(each.finish is not None for each in found)
        searches = self._searches.take(answer)
        usage = read_usage(answer.get("usageMetadata"), searches=searches)
        return [*events, UsageUpdate(usage)] if usage is not None else events

    def _candidate(self, index: int) -> _Candidate:
        found = self._candidates.get(index)
        if found is None:
            calls = self._calls or Calls("")
            found = self._candidates[index] = _Candidate(index, calls)
        return found

    def finish(self) -> list[Event]:
        """See `StreamDecoder`."""
        if not self.complete:
            return []
        return [event for number in sorted(self._candidates) for event in self._candidates[number].end()]
