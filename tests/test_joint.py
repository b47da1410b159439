"""The joint: several attempts' events as one stream, its parts, its usage and its end told once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer
from pointsman.events import (
    Cited,
    Event,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
    accumulate,
)
from pointsman.joint import MOST_REMEMBERED, Joint
from pointsman.types import Citation, Finish, Message, Part, Reasoning, Text, ToolCall, Usage

STARTED = Started("one", "m", 1)
STOP = Finished(0, Finish("stop"))


class Writer:
    """A `StreamEncoder` that keeps the events."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def feed(self, event: Event) -> bytes:
        self.events.append(event)
        return b"x"

    def finish(self) -> list[tuple[bytes, Mark]]:
        return [(b"end", Mark.DONE)]


class Dropping:
    """A seam that drops the first characters, and fails on a word."""

    def __init__(self, size: int = 0, rest: str = "") -> None:
        self._left = size
        self._rest = rest

    def feed(self, text: str) -> str:
        if text == "bad":
            raise MalformedAnswer("bad", phase="stream")
        dropped = min(self._left, len(text))
        self._left -= dropped
        return text[dropped:]

    def finish(self) -> str:
        return self._rest


def text(index: int, *pieces: str, end: bool = True) -> list[Event]:
    """A text part."""
    events: list[Event] = [PartStart(0, index, Text(""))]
    events += [PartDelta(0, index, piece) for piece in pieces]
    return [*events, PartEnd(0, index)] if end else events


def begun(*events: Event) -> tuple[Joint, Writer]:
    """A joint that has written the events of a first attempt."""
    writer = Writer()
    joint = Joint(writer, asked=40)
    for event in (STARTED, *events):
        joint.feed(event)
    return joint, writer


def fed(joint: Joint, *events: Event, seam: Dropping | None = None, before: Usage | None = None) -> None:
    """Another attempt's events."""
    joint.go_on(seam or Dropping(), before or Usage(10, 2))
    for event in (Started("two", "other", 2), *events):
        joint.feed(event)


def parts(writer: Writer) -> Sequence[Part]:
    return accumulate(writer.events).choices[0].message.parts


def test_a_single_attempt_passes_as_it_is() -> None:
    events = [*text(0, "a", "b"), UsageUpdate(Usage(1, 2)), STOP]
    joint, writer = begun(*events)
    assert writer.events == [STARTED, *events]
    assert joint.finish() == [(b"end", Mark.DONE)]


def test_what_is_written_so_far_is_known_with_its_last_half_part() -> None:
    thought: list[Event] = [PartStart(0, 0, Reasoning("")), PartDelta(0, 0, "hm"), PartEnd(0, 0, "sig")]
    joint, _ = begun(*thought, *text(1, "a", "b", end=False))
    assert joint.so_far() == Message("assistant", [Reasoning("hm"), Text("ab")])
    joint, _ = begun(PartStart(0, 0, ToolCall("c", "f", "")), PartDelta(0, 0, "{"))
    assert joint.so_far() == Message("assistant", [ToolCall("c", "f", "{")])


@pytest.mark.parametrize(
    "events",
    [
        [*text(0, "a"), STOP],
        [PartStart(1, 0, Text(""))],
        [PartStart(0, 1, Text("")), PartStart(0, 0, Text(""))],
        text(0, "x" * MOST_REMEMBERED, "y"),
    ],
    ids=["ended", "several choices", "out of order", "long"],
)
def test_nothing_goes_on_with_what_has_ended_or_is_not_one_text(events: list[Event]) -> None:
    joint, _ = begun(*events)
    assert joint.so_far() is None


def test_a_text_that_broke_off_goes_on_in_its_part() -> None:
    joint, writer = begun(*text(0, "one ", end=False))
    fed(joint, *text(0, "e two", " three"), STOP, seam=Dropping(2, rest="!"))
    assert parts(writer) == [Text("one two three!")]
    assert [type(each) for each in writer.events].count(Started) == 1
    assert writer.events[-1] == STOP


def test_a_text_that_had_ended_is_followed_by_another_part() -> None:
    joint, writer = begun(*text(0, "one"))
    fed(joint, *text(0, " two"), STOP)
    assert parts(writer) == [Text("one"), Text(" two")]


def test_other_parts_come_behind_and_are_counted_on() -> None:
    joint, writer = begun(*text(0, "one", end=False))
    call: list[Event] = [PartStart(0, 1, ToolCall("c", "f", "")), PartDelta(0, 1, "{}"), PartEnd(0, 1)]
    fed(joint, *text(0, " two"), *call, STOP)
    assert parts(writer) == [Text("one two"), ToolCall("c", "f", "{}")]
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, *[replaced(each) for each in call], *text(1, "then"), STOP, seam=Dropping(rest="never"))
    assert parts(writer) == [Text("one"), ToolCall("c", "f", "{}"), Text("then")], "that is at no seam"


def replaced(event: Event) -> Event:
    """An event of part 1 as one of part 0."""
    assert isinstance(event, PartStart | PartDelta | PartEnd)
    event.index = 0
    return event


def test_nobody_thinks_behind_a_text_but_may_where_none_has_come() -> None:
    thought: list[Event] = [PartStart(0, 0, Reasoning("")), PartDelta(0, 0, "again"), PartEnd(0, 0, "sig")]
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, *thought, *text(1, " two"), STOP)
    assert parts(writer) == [Text("one two")]
    joint, writer = begun(PartStart(0, 0, Reasoning("")), PartDelta(0, 0, "first"))
    fed(joint, *thought, *text(1, "one"), STOP)
    assert parts(writer) == [Reasoning("first"), Reasoning("again", signature="sig"), Text("one")]


def test_what_stays_open_is_closed_at_the_end() -> None:
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, STOP)
    assert writer.events[-2:] == [PartEnd(0, 0), STOP]


def test_usage_is_that_of_all_and_estimated_where_the_last_tells_none() -> None:
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, UsageUpdate(Usage(5, 1)), *text(0, " two"), STOP, UsageUpdate(Usage(5, 3)))
    joint.finish()
    told = [each.usage for each in writer.events if isinstance(each, UsageUpdate)]
    assert told == [Usage(15, 3), Usage(15, 5)]
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, *text(0, "12345678"), STOP)
    assert joint.finish() == [(b"x", Mark.NOTHING), (b"end", Mark.DONE)]
    assert writer.events[-1] == UsageUpdate(Usage(20, 4, estimated=True))


def test_places_of_citations_and_probabilities_of_cut_tokens_are_not_told() -> None:
    joint, writer = begun(*text(0, "one ", end=False))
    events: list[Event] = [
        PartStart(0, 0, Text("")),
        PartDelta(0, 0, "e two", [{"token": "e two"}]),
        PartDelta(0, 0, " x", [{"token": " x"}]),
        Cited(0, 0, Citation(url="u", start=1, end=2)),
        PartEnd(0, 0),
    ]
    fed(joint, *events, STOP, seam=Dropping(2))
    (found,) = parts(writer)
    assert found == Text("one two x", citations=[Citation(url="u")], logprobs=[{"token": " x"}])


def test_a_text_that_its_seam_refuses_fails_and_another_may_go_on() -> None:
    joint, writer = begun(*text(0, "one", end=False))
    with pytest.raises(MalformedAnswer):
        fed(joint, *text(0, " two", "bad"))
    assert joint.so_far() == Message("assistant", [Text("one two")])
    fed(joint, *text(0, " three"), STOP)
    assert parts(writer) == [Text("one two three")]


def test_other_choices_of_who_goes_on_are_left_out() -> None:
    joint, writer = begun(*text(0, "one", end=False))
    fed(joint, *text(0, " two"), PartStart(1, 0, Text("")), PartDelta(1, 0, "no"), STOP)
    assert parts(writer) == [Text("one two")]
