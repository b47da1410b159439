"""What is read of one event of a stream, and what is kept of a part that has begun."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from pointsman.types import Part, Reasoning, Text, ToolCall

__all__ = ["OpenPart", "StreamEvent", "place_of", "text_of"]


class StreamEvent(msgspec.Struct, gc=False):
    """The members of all the events that are read; of whatever type a host gives them."""

    type: Any = None
    output_index: Any = 0
    content_index: Any = 0
    summary_index: Any = 0
    delta: Any = None
    logprobs: Any = None
    text: Any = None
    refusal: Any = None
    arguments: Any = None
    input: Any = None
    item: Any = None
    part: Any = None
    annotation: Any = None
    response: Any = None
    error: Any = None


@dataclass(slots=True)
class OpenPart:
    """A part that has begun: whether any of its text has come, how many citations, what it says whole."""

    index: int
    part: Part
    custom: bool = False
    wrote: bool = False
    cited: int = 0
    told: str | None = None
    kind: str = ""
    place: int = 0


def place_of(value: Any) -> int:
    """A place in a list; 0 for what is none."""
    return value if isinstance(value, int) else 0


def text_of(part: Part) -> str:
    """What the deltas of a part come to."""
    if isinstance(part, ToolCall):
        return part.arguments
    return part.text if isinstance(part, Text | Reasoning) else ""
