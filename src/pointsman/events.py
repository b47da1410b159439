"""The events of a streamed answer: what every dialect's stream can be read into and written from.

`accumulate` and `explode` are inverses: a stream and a whole answer tell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from .types import (
    Choice,
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


@dataclass(slots=True)
class Started:
    """An answer begins."""

    id: str
    model: str
    created: int
    extra: Extra = field(default_factory=dict)


@dataclass(slots=True)
class PartStart:
    """Part `index` of `choice` begins; `part` holds what is known of it, its text still empty."""

    choice: int
    index: int
    part: Part


@dataclass(slots=True)
class PartDelta:
    """More of a part: text, reasoning text, or argument JSON."""

    choice: int
    index: int
    text: str


@dataclass(slots=True)
class PartEnd:
    """A part is whole; `extra` and `signature` are what only its end could tell."""

    choice: int
    index: int
    signature: str | None = None


@dataclass(slots=True)
class UsageUpdate:
    """Usage so far; the last one counts."""

    usage: Usage


@dataclass(slots=True)
class Finished:
    """A choice is whole."""

    choice: int
    finish: Finish


@dataclass(slots=True)
class Failed:
    """The answer broke off; nothing follows."""

    message: str
    error_type: str = "server"


Event: TypeAlias = Started | PartStart | PartDelta | PartEnd | UsageUpdate | Finished | Failed


def explode(response: Response) -> Iterator[Event]:
    """A whole answer as the events of a stream. `accumulate` turns them back."""
    yield Started(response.id, response.model, response.created, response.extra)
    for number, choice in enumerate(response.choices):
        for index, part in enumerate(choice.message.parts):
            empty, text, signature = _hollow(part)
            yield PartStart(number, index, empty)
            if text:
                yield PartDelta(number, index, text)
            yield PartEnd(number, index, signature)
        yield Finished(number, choice.finish)
    if response.usage is not None:
        yield UsageUpdate(response.usage)


def _hollow(part: Part) -> tuple[Part, str, str | None]:
    """A part without its text, the text, and the signature that arrives at its end."""
    if isinstance(part, Text):
        return replace(part, text=""), part.text, None
    if isinstance(part, Reasoning):
        return replace(part, text="", signature=None), part.text, part.signature
    if isinstance(part, ToolCall):
        return replace(part, arguments=""), part.arguments, None
    return part, "", None


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


def _extend(choice: Choice, event: PartStart | PartDelta | PartEnd | Finished) -> None:
    parts = choice.message.parts
    if isinstance(event, Finished):
        choice.finish = event.finish
        return
    if isinstance(event, PartStart):
        if event.index != len(parts):
            raise ValueError(f"part {event.index} begins where part {len(parts)} was expected")
        parts.append(replace(event.part) if not isinstance(event.part, Unknown) else event.part)
        return
    if event.index >= len(parts):
        raise ValueError(f"part {event.index} has not begun")
    part = parts[event.index]
    if isinstance(event, PartEnd):
        if event.signature is not None and isinstance(part, Reasoning):
            part.signature = event.signature
    elif isinstance(part, Text | Reasoning):
        part.text += event.text
    elif isinstance(part, ToolCall):
        part.arguments += event.text
    else:
        raise ValueError(f"a {type(part).__name__} takes no text")
