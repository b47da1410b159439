"""Relays: bytes held, released and cut; events written, accounted for and ended."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from pointsman.catalogue import Endpoint
from pointsman.deadlines import Clocks, Wheel
from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer, UpstreamCut, UpstreamStatus
from pointsman.events import (
    Event,
    Failed,
    Finished,
    PartDelta,
    PartEnd,
    PartStart,
    Started,
    UsageUpdate,
)
from pointsman.exchange import Attempt, Candidate
from pointsman.providers import Provider
from pointsman.relays import ByteRelay, EventRelay, EventWriter, checked
from pointsman.streams import ClientStream
from pointsman.testing import ListSink
from pointsman.types import Finish, Text, ToolCall, Usage


class FakeTap:
    """Reads marks from the events themselves: `c` content, `f` finish, `h` hold, `p` private, `d` done."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish: str | None = None
        self.model: str | None = None
        self.output_characters = 0
        self.complete = False

    def feed(self, event: bytes) -> Mark:
        text = event.strip().decode()
        if text == "bad":
            raise MalformedAnswer("bad", phase="stream")
        kinds = {"c": Mark.CONTENT, "f": Mark.FINISH, "h": Mark.HOLD, "p": Mark.PRIVATE, "d": Mark.DONE}
        mark = Mark.NOTHING
        for letter in text:
            mark |= kinds.get(letter, Mark.NOTHING)
        self.complete = self.complete or bool(mark & Mark.FINISH)
        return mark

    def whole(self, body: bytes) -> None:
        raise AssertionError("not in a stream")


def client(sink: ListSink) -> ClientStream:
    return ClientStream(sink, list, first=100, every=100, keepalive=b":k\n\n")


def clocks(**changes: float) -> Clocks:
    return Clocks(Wheel(), **{"first_content": 60.0, "stall": 60.0, "total": 60.0, **changes})


async def relayed(*events: bytes) -> tuple[ListSink, ByteRelay, ClientStream]:
    sink = ListSink()
    stream = client(sink)
    with clocks() as timer:
        relay = ByteRelay(stream, FakeTap(), timer, limit=1000)
        for event in events:
            relay.feed(event + b"\n\n")
    stream.stop()
    return sink, relay, stream


async def test_what_is_passed_on_may_be_dressed() -> None:
    sink = ListSink()
    stream = client(sink)
    with clocks() as timer:
        relay = ByteRelay(
            stream, FakeTap(), timer, limit=1000, dress=lambda events: events.replace(b" zzz", b"")
        )
        relay.feed(b"c zzz\n\nc z\n\n")
        relay.feed(b"hc zzz\n\n")
    stream.stop()
    assert b"".join(sink.body) == b"c\n\nc z\n\n"
    assert relay.tail == [(b"hc zzz\n\n", Mark.HOLD | Mark.CONTENT)]


async def test_nothing_is_sent_before_the_first_content() -> None:
    sink, _, stream = await relayed(b"r", b":")
    assert sink.status is None
    assert not stream.started
    sink, _, stream = await relayed(b"r", b"c", b"x")
    assert (sink.status, stream.has_content) == (200, True)
    assert b"".join(sink.body) == b"r\n\nc\n\nx\n\n", "what was held comes first, byte for byte"


async def test_what_a_failed_attempt_wrote_is_forgotten() -> None:
    sink, _, stream = await relayed(b"old")
    stream.reset()
    stream.write(b"new", content=True)
    stream.end()
    assert b"".join(sink.body) == b"new"


async def test_from_the_usage_on_everything_waits_for_the_price() -> None:
    sink, relay, stream = await relayed(b"c", b"f", b"h", b"x", b"d")
    assert b"".join(sink.body) == b"c\n\nf\n\n"
    assert [event for event, _ in relay.tail] == [b"h\n\n", b"x\n\n", b"d\n\n"]
    assert not sink.ended
    stream.end(b"tail")
    assert sink.body[-1] == b"tail"
    assert sink.ended


async def test_usage_that_comes_early_does_not_hold_up_the_content() -> None:
    sink, relay, _ = await relayed(b"c", b"h", b"hp", b"c", b"f", b"d")
    assert b"".join(sink.body) == b"c\n\nh\n\nc\n\nf\n\n", "and the private one is left out"
    assert [event for event, _ in relay.tail] == [b"d\n\n"]


async def test_what_follows_the_terminal_event_is_ignored() -> None:
    _, relay, _ = await relayed(b"c", b"f", b"d", b"c", b"bad")
    assert [event for event, _ in relay.tail] == [b"d\n\n"]
    relay.finish()


async def test_an_end_without_a_finish_is_a_cut() -> None:
    _, relay, _ = await relayed(b"c")
    with pytest.raises(UpstreamCut, match="before its answer was whole"):
        relay.finish()


async def test_a_last_event_without_its_empty_line_counts_and_gets_it() -> None:
    sink = ListSink()
    with clocks() as timer:
        relay = ByteRelay(client(sink), FakeTap(), timer, limit=1000)
        relay.feed(b"c\n\nf")
        relay.finish()
    assert b"".join(sink.body) == b"c\n\nf\n\n"


async def test_a_slow_client_stops_all_clocks() -> None:
    sink = ListSink()
    stream = client(sink)
    with clocks(stall=0.02, total=0.05) as timer:
        relay = ByteRelay(stream, FakeTap(), timer, limit=1000)
        sink.full = True
        assert relay.feed(b"c\n\n"), "full: the upstream read pauses"
        waiting = asyncio.ensure_future(relay.ready())
        await asyncio.sleep(0.1)
        assert not waiting.done(), "five stalls later it still waits for the client"
        sink.full = False
        sink.room.set()
        await waiting


async def test_a_whole_stream_is_told_to_end_soon() -> None:
    told: list[float] = []
    with clocks() as timer:
        relay = ByteRelay(client(ListSink()), FakeTap(), timer, limit=1000, ending=told.append)
        relay.feed(b"c\n\n")
        assert told == []
        relay.feed(b"f\n\nd\n\n")
    assert told == [10.0, 1.0]


async def test_a_tail_without_end_is_given_up() -> None:
    with clocks() as timer:
        relay = ByteRelay(client(ListSink()), FakeTap(), timer, limit=1000)
        relay.feed(b"c\n\nh\n\n")
        with pytest.raises(MalformedAnswer, match="does not end after its usage"):
            relay.feed((b":" * 900 + b"\n\n") * 2000)


class Letters:
    """Decodes a letter of its own for each event: s, p, d (a delta), f (finish), u (usage), e (the end)."""

    def __init__(self) -> None:
        self.complete = False
        self.ended = False

    def feed(self, event: bytes) -> list[Event]:
        events: list[Event] = []
        for letter in event.strip().decode():
            if letter == "!":
                raise UpstreamStatus.of(529, "busy", phase="stream")
            if letter == "e":
                self.ended = True
            if letter == "f":
                self.complete = True
            made: dict[str, list[Event]] = {
                "s": [Started("1", "m", 0)],
                "p": [PartStart(0, 0, Text(""))],
                "t": [PartStart(0, 0, ToolCall("c", "f", ""))],
                "d": [PartDelta(0, 0, "word")],
                "f": [PartEnd(0, 0), Finished(0, Finish("stop", "done"))],
                "u": [UsageUpdate(Usage(3, 4))],
                "x": [Failed("gone")],
            }
            events += made.get(letter, [])
        return events

    def finish(self) -> list[Event]:
        return [UsageUpdate(Usage(5, 6))]


class Names:
    """Encodes each event as its name."""

    def feed(self, event: Event) -> bytes:
        return f"{type(event).__name__}\n".encode()

    def finish(self) -> list[tuple[bytes, Mark]]:
        return [(b"end", Mark.DONE)]


def attempt() -> Attempt:
    return Attempt(1, Candidate(Endpoint(Provider("lab", kind="lab"), "m"), "lab/m"))


async def translated(*events: bytes) -> tuple[ListSink, EventRelay, EventWriter, Attempt]:
    sink, tried = ListSink(), attempt()
    stream = client(sink)
    with clocks() as timer:
        writer = EventWriter(stream, Names(), timer, tried)
        relay = EventRelay(writer, Letters(), limit=1000)
        for event in events:
            relay.feed(event + b"\n\n")
    stream.stop()
    return sink, relay, writer, tried


async def test_events_are_held_until_the_first_content_and_accounted_for() -> None:
    sink, _, _, tried = await translated(b"s", b"p")
    assert (sink.status, tried.first_content) == (None, None)
    sink, relay, writer, tried = await translated(b"s", b"p", b"d", b"d", b"u", b"f")
    assert b"".join(sink.body).split() == [
        *(b"Started", b"PartStart", b"PartDelta", b"PartDelta", b"UsageUpdate", b"PartEnd", b"Finished")
    ]
    assert tried.first_content is not None
    assert (writer.characters, tried.usage, writer.finish) == (8, Usage(3, 4), Finish("stop", "done"))
    assert tried.served == "m"
    relay.finish()
    assert tried.usage == Usage(5, 6), "what the decoder still owes counts"
    assert writer.tail() == [(b"end", Mark.DONE)]


async def test_the_start_of_a_tool_call_is_content() -> None:
    sink, _, _, _ = await translated(b"s", b"t")
    assert sink.status == 200


async def test_an_answer_that_did_not_finish_is_a_cut_in_translation_too() -> None:
    _, relay, writer, _ = await translated(b"s", b"p", b"d")
    with pytest.raises(UpstreamCut, match="before its answer was whole"):
        relay.finish()
    with pytest.raises(UpstreamCut, match="before its answer was whole"):
        writer.tail()


@pytest.mark.parametrize("event", [b"!", b"x"])
async def test_an_error_event_is_raised(event: bytes) -> None:
    with pytest.raises(UpstreamStatus):
        await translated(b"s", event)


async def test_what_follows_the_end_of_a_translated_stream_is_ignored() -> None:
    sink, relay, _, _ = await translated(b"spdf", b"e", b"!", b"d")
    assert b"".join(sink.body).count(b"PartDelta") == 1
    relay.finish()


async def test_a_last_translated_event_needs_no_empty_line() -> None:
    sink, tried = ListSink(), attempt()
    with clocks() as timer:
        relay = EventRelay(EventWriter(client(sink), Names(), timer, tried), Letters(), limit=1000)
        relay.feed(b"spd\n\nf")
        relay.finish()
    assert b"Finished" in b"".join(sink.body)


async def test_a_whole_translated_stream_is_told_to_end_soon_and_waits_for_a_slow_client() -> None:
    told: list[float] = []
    sink = ListSink()
    with clocks(stall=0.02, total=0.05) as timer:
        writer = EventWriter(client(sink), Names(), timer, attempt())
        relay = EventRelay(writer, Letters(), limit=1000, ending=told.append)
        sink.full = True
        assert relay.feed(b"spdf\n\n"), "full: the upstream read pauses"
        waiting = asyncio.ensure_future(relay.ready())
        await asyncio.sleep(0.1)
        assert not waiting.done(), "the clocks stand meanwhile"
        sink.room.set()
        await waiting
        relay.feed(b"e\n\n")
    assert told == [10.0, 1.0]
    assert relay.complete


async def test_a_plugins_events_are_closed_and_its_failures_are_the_attempts() -> None:
    closed = []

    async def events() -> AsyncIterator[Event]:
        try:
            yield Started("1", "m", 0)
            raise KeyError("x")
        finally:
            closed.append(True)

    passing = checked(events())
    assert await anext(passing) == Started("1", "m", 0)
    with pytest.raises(MalformedAnswer, match="plugin failed"):
        await anext(passing)
    assert closed == [True]
