"""The tap: reads usage, finish and errors from an answer as it passes.

A stream is whole answers, one after the other: each holds what came since, and the usage so far. It has no
terminal event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from pointsman.dialects import Mark
from pointsman.members import BAD_JSON
from pointsman.sse import data_of
from pointsman.types import Usage

from .errors import nonsense, reported
from .fit import bills_each_search
from .usage import read_usage

__all__ = [
    "BLOCKED",
    "GeminiTap",
    "Searches",
    "block_reason",
    "candidates_in",
    "parse_event",
    "parse_whole",
    "parts_in",
]

BLOCKED = "content_filter"
"""The finish of a prompt that was not answered for what it says."""
CALLED = "tool_calls"
"""The finish of an answer that stopped with a call in it: this dialect has no word for that."""
_object = msgspec.json.Decoder(dict[str, Any])
_NOTHING, _CONTENT = Mark.NOTHING, Mark.CONTENT
_FINISH = Mark.FINISH | Mark.HOLD


def parse_event(event: bytes) -> dict[str, Any] | None:
    """What an event says, or None where it says nothing. Raises UpstreamStatus for one that tells of an
    error, and MalformedAnswer for nonsense."""
    data = data_of(event)
    if data is None:
        return None
    try:
        if not data.isascii():
            data.decode()
        answer = _object.decode(data)
    except BAD_JSON as error:
        if data.strip() in (b"", b"[DONE]"):  # some hosts end every stream as another dialect does
            return None
        raise nonsense("the provider sent an event that is not of its dialect", error) from None
    fault = answer.get("error")
    if fault:
        raise reported(fault, phase="stream")
    return answer


def parse_whole(body: bytes, holds: str = "candidates") -> dict[str, Any]:
    """A whole answer: one that `holds` something, or tells why a prompt was not answered. Raises as
    `parse_event` does."""
    try:
        answer = _object.decode(body)
    except BAD_JSON as error:
        raise nonsense("the provider's answer is not a JSON object", error, phase="body") from None
    fault = answer.get("error")
    if fault:
        raise reported(fault, phase="body")
    found = answer.get(holds)
    blocked = holds == "candidates" and block_reason(answer) is not None
    if not (isinstance(found, list) and found) and not blocked:
        raise nonsense(f"the provider's answer has no {holds}", phase="body")
    return answer


def block_reason(answer: Mapping[str, Any]) -> str | None:
    """Why a prompt was not answered for what it says, in the provider's word."""
    feedback = answer.get("promptFeedback")
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return reason if isinstance(reason, str) else None


def candidates_in(answer: Mapping[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The candidates of an answer, each with its number."""
    found = answer.get("candidates")
    for place, each in enumerate(found if isinstance(found, list) else ()):
        if isinstance(each, dict):
            index = each.get("index")
            yield index if isinstance(index, int) and 0 <= index < 1000 else place, each


def parts_in(candidate: Mapping[str, Any]) -> list[Any]:
    """The parts of a candidate."""
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    return parts if isinstance(parts, list) else []


class Searches:
    """The searches of the web for an answer, as they are billed: each that is not empty and no other's like,
    or one for the whole request, as the model's generation has it (Gemini API, pricing)."""

    def __init__(self) -> None:
        self._queries: set[str] = set()
        self._model = ""

    def take(self, answer: Mapping[str, Any]) -> int:
        """How many there are with those of one more answer of a stream, or of the only one."""
        model = answer.get("modelVersion")
        if isinstance(model, str):
            self._model = model
        for _, candidate in candidates_in(answer):
            grounding = candidate.get("groundingMetadata")
            queries = grounding.get("webSearchQueries") if isinstance(grounding, dict) else None
            for query in queries if isinstance(queries, list) else ():
                if isinstance(query, str) and query:
                    self._queries.add(query)
        count = len(self._queries)
        return count if count < 2 or bills_each_search(self._model) else 1


def _written(parts: list[Any]) -> tuple[int, bool]:
    """How much a model wrote in parts, and whether there is any content in them."""
    count, content = 0, False
    for part in parts:
        if not isinstance(part, dict):
            continue
        text, call = part.get("text"), part.get("functionCall")
        if isinstance(text, str):
            count += len(text)
            content = content or bool(text)
        else:
            content = content or bool(part)
            if isinstance(call, dict):
                count += len(msgspec.json.encode(call.get("args") or {}))
    return count, content


class GeminiTap:
    """See `pointsman.dialects.Tap`."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.model: str | None = None
        self.output_characters = 0
        self.complete = False
        """Every candidate that has begun has told why it ended."""
        self._seen: set[int] = set()
        self._finished: set[int] = set()
        self._searches = Searches()
        self._called = False

    def feed(self, event: bytes) -> Mark:
        """See `Tap.feed`."""
        answer = parse_event(event)
        return self._take(answer) if answer is not None else _NOTHING

    def _take(self, answer: Mapping[str, Any]) -> Mark:
        searches = self._searches.take(answer)
        self.usage = read_usage(answer.get("usageMetadata"), searches=searches) or self.usage
        version = answer.get("modelVersion")
        self.model = version if isinstance(version, str) and version else self.model
        mark = _NOTHING
        for index, candidate in candidates_in(answer):
            self._seen.add(index)
            parts = parts_in(candidate)
            count, content = _written(parts)
            self.output_characters += count
            if content:
                mark |= _CONTENT
            self._called = self._called or any(
                isinstance(part, dict) and "functionCall" in part for part in parts
            )
            reason = candidate.get("finishReason")
            if isinstance(reason, str):
                self._finished.add(index)
                self.finish = CALLED if reason == "STOP" and self._called else reason
                mark |= _FINISH
        if not self._seen and block_reason(answer) is not None:
            self._seen.add(0)
            self._finished.add(0)
            self.finish = BLOCKED
            mark |= _FINISH
        self.complete = bool(self._finished) and self._seen <= self._finished
        return mark

    def whole(self, body: bytes) -> None:
        """See `Tap.whole`."""
        self._take(parse_whole(body))
        self.complete = True
