"""What is read of an event."""

from __future__ import annotations

import msgspec

from pointsman.types import Reasoning, Text, ToolCall, Unknown
from pointsman_openai.responses.stream_event import StreamEvent, place_of, text_of


def test_members_may_be_of_any_type() -> None:
    event = msgspec.json.decode(b'{"type":1,"delta":{},"output_index":"x","later":1}', type=StreamEvent)
    assert (event.type, event.delta, place_of(event.output_index)) == (1, {}, 0)
    assert place_of(3) == 3


def test_the_text_of_a_part_is_what_its_deltas_come_to() -> None:
    assert [text_of(part) for part in (Text("a"), Reasoning("b"), ToolCall("i", "n", "c"))] == ["a", "b", "c"]
    assert text_of(Unknown("x", {})) == ""
