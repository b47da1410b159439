"""The events of a streamed answer: what every dialect's stream can be read into and written from.

`accumulate` and `explode` are inverses: a stream and a whole answer tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
from msgspec.structs import replace

from .types import (
    Choice,
    Citation,
    Extra,
    Finish,
    Message,
    Part,
    Reasoning,
    Response,
    Text,
    ToolCall,
    Unknown,
    Usage,
)

__all__ = [
    "Cited",
    "Event",
    "Failed",
    "Finished",
    "PartDelta",
    "PartEnd",
    "PartStart",
    "Started",
    "UsageUpdate",
    "accumulate",
    "explode",
]


class Started(msgspec.Struct):
    """An answer begins."""

    id: str
    model: str
    created: int
    extra: Extra = {}


class PartStart(msgspec.Struct):
    """Part `index` of `choice` begins; `part` holds what is known of it, its text still empty."""

    choice: int
    index: int
    part: Part


class PartDelta(msgspec.Struct):
    """More of a part: text, reasoning text, or argument JSON. `logprobs` are of these tokens."""

    choice: int
    index: int
    text: str
    logprobs: list[Any] | None = None


class Cited(msgspec.Struct):
    """A text part has something from somewhere."""

    choice: int
    index: int
    citation: Citation


class PartEnd(msgspec.Struct):
    """A part is whole; the rest is what only the end of a `Reasoning` could tell."""

    choice: int
    index: int
    signature: str | None = None
    redacted: str | None = None


class UsageUpdate(msgspec.Struct):
    """Usage so far; the last one counts."""

    usage: Usage


class Finished(msgspec.Struct):
    """A choice is whole. `extra` is the choice's, `message` its message's."""

    choice: int
    finish: Finish
    extra: Extra = {}
    message: Extra = {}


class Failed(msgspec.Struct):
    """The answer broke off; nothing follows."""

    message: str
    error_type: str = "server"


Event: TypeAlias = Started | PartStart | PartDelta | Cited | PartEnd | UsageUpdate | Finished | Failed


def explode(response: Response) -> Iterator[Event]:
    """A whole answer as the events of a stream. `accumulate` turns them back."""
    yield Started(response.id, response.model, response.created, response.extra)
    for number, choice in enumerate(response.choices):
        for index, part in enumerate(choice.message.parts):
            yield from _part(number, index, part)
        yield Finished(number, choice.finish, choice.extra, choice.message.extra)
    if response.usage is not None:
        yield UsageUpdate(response.usage)


def _part(choice: int, index: int, part: Part) -> Iterator[Event]:
    """A part hollow, then what fills it, then its end with what arrives only there."""
    if isinstance(part, Text):
        yield PartStart(choice, index, replace(part, text="", citations=[], logprobs=None))
        if part.text or part.logprobs:
            yield PartDelta(choice, index, part.text, part.logprobs)
        for citation in part.citations:
            yield Cited(choice, index, citation)
        yield PartEnd(choice, index)
    elif isinstance(part, Reasoning):
        yield PartStart(choice, index, replace(part, text="", signature=None, redacted=None))
        if part.text:
            yield PartDelta(choice, index, part.text)
        yield PartEnd(choice, index, part.signature, part.redacted)
    elif isinstance(part, ToolCall):
        yield PartStart(choice, index, replace(part, arguments=""))
        if part.arguments:
            yield PartDelta(choice, index, part.arguments)
        yield PartEnd(choice, index)
    else:
        yield PartStart(choice, index, part)
        yield PartEnd(choice, index)


def accumulate(events: Iterable[Event]) -> Response:
    """The whole answer that a stream's events tell. Raises ValueError for events out of order."""
    response: Response | None = None
    choices: dict[int, Choice] = {}
    for event in events:
        if isinstance(event, Started):
            response = Response(event.id, event.model, event.created, [], None, event.extra)
            continue
        if response is None:
            raise ValueError(f"{type(event).__name__} before Started")
        if isinstance(event, UsageUpdate):
            response.usage = event.usage
        elif isinstance(event, Failed):
            raise ValueError(f"the answer broke off: {event.message}")
        else:
            choice = choices.setdefault(event.choice, Choice(Message("assistant", []), Finish("stop")))
            _extend(choice, event)
    if response is None:
        raise ValueError("no Started event")
    response.choices = [choices[number] for number in sorted(choices)]
    return response


def _extend(choice: Choice, event: PartStart | PartDelta | Cited | PartEnd | Finished) -> None:
    parts = choice.message.parts
    if isinstance(event, Finished):
        choice.finish, choice.extra, choice.message.extra = event.finish, event.extra, event.message
        return
    if isinstance(event, PartStart):
        if event.index != len(parts):
            raise ValueError(f"part {event.index} begins where part {len(parts)} was expected")
        parts.append(_fresh(event.part))
        return
    if event.index >= len(parts):
        raise ValueError(f"part {event.index} has not begun")
    _fill(parts[event.index], event)


def _fresh(part: Part) -> Part:
    """A part of our own, for what follows to be added to."""
    if isinstance(part, Text):
        return replace(part, citations=list(part.citations))
    return part if isinstance(part, Unknown) else replace(part)


def _fill(part: Part, event: PartDelta | Cited | PartEnd) -> None:
    if isinstance(event, PartEnd):
        if isinstance(part, Reasoning):
            part.signature = event.signature or part.signature
            part.redacted = event.redacted or part.redacted
    elif isinstance(event, Cited):
        if not isinstance(part, Text):
            raise ValueError(f"a {type(part).__name__} cites nothing")
        part.citations.append(event.citation)
    elif isinstance(part, Text):
        part.text += event.text
        if event.logprobs:
            part.logprobs = [*(part.logprobs or ()), *event.logprobs]
    elif isinstance(part, Reasoning):
        part.text += event.text
    elif isinstance(part, ToolCall):
        part.arguments += event.text
    else:
        raise ValueError(f"a {type(part).__name__} takes no text")
