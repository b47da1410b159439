"""The client's side of a stream: held until content, kept alive, released when priced."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from pointsman.dialects import Mark
from pointsman.errors import MalformedAnswer, UpstreamCut, UpstreamTimeout
from pointsman.streams import ByteRelay, ClientStream, Clocks, Headers
from pointsman.types import Usage


class ListSink:
    """A sink that keeps what it is given."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.body: list[bytes] = []
        self.ended = False
        self.full = False
        self.room = asyncio.Event()
        self.written = asyncio.Event()

    def start(self, status: int, headers: Headers) -> None:
        assert self.status is None, "one status line only"
        self.status = status

    def write(self, data: bytes) -> None:
        assert self.status is not None, "a status line comes first"
        self.body.append(data)
        self.written.set()

    def end(self) -> None:
        assert not self.ended
        self.ended = True

    async def drained(self) -> None:
        await self.room.wait()


class FakeTap:
    """Reads marks from the events themselves: `c` content, `f` finish, `h` hold, `p` private, `d` done."""

    def __init__(self) -> None:
        self.usage: Usage | None = None
        self.finish: str | None = None
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


def client(sink: ListSink, *, first: float = 100.0, every: float = 100.0) -> ClientStream:
    return ClientStream(sink, list, first=first, every=every, keepalive=b":k\n\n")


def clocks(**changes: float) -> Clocks:
    return Clocks(**{"first_content": 60.0, "stall": 60.0, "total": 60.0, **changes})


async def relayed(*events: bytes) -> tuple[ListSink, ByteRelay, ClientStream]:
    sink = ListSink()
    stream = client(sink)
    async with clocks() as timer:
        relay = ByteRelay(stream, FakeTap(), timer, limit=1000)
        for event in events:
            relay.feed(event + b"\n\n")
    stream.stop()
    return sink, relay, stream


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
    async with clocks() as timer:
        relay = ByteRelay(client(sink), FakeTap(), timer, limit=1000)
        relay.feed(b"c\n\nf")
        relay.finish()
    assert b"".join(sink.body) == b"c\n\nf\n\n"


async def test_a_megabyte_without_content_is_given_up() -> None:
    stream = client(ListSink())
    stream.write(b":" * 1024 * 1024, content=False)
    with pytest.raises(UpstreamCut, match="megabyte without any content"):
        stream.write(b":", content=False)


async def test_keepalives_open_the_stream_only_after_a_while() -> None:
    sink = ListSink()
    stream = client(sink, first=0.01, every=0.01)
    stream.write(b"held", content=False)
    await asyncio.wait_for(sink.written.wait(), 5)
    assert (sink.status, sink.body[0]) == (200, b":k\n\n")
    assert (stream.started, stream.has_content) == (True, False), "another endpoint may still begin"
    sink.written.clear()
    await asyncio.wait_for(sink.written.wait(), 5)
    assert b"held" not in sink.body, "what is held may yet be forgotten"
    stream.write(b"content", content=True)
    stream.end(b"!")
    assert sink.body[-2:] == [b"heldcontent", b"!"]


async def test_the_end_stops_the_keepalives() -> None:
    sink = ListSink()
    stream = client(sink, first=0.01, every=0.01)
    stream.end()
    assert stream._timer is None
    assert sink.body == []


async def hang(timer: Clocks, after: Callable[[Clocks], None] = lambda timer: None) -> None:
    async with timer:
        after(timer)
        await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("limits", "after", "words", "phase"),
    [
        ({"first_content": 0.01}, lambda timer: None, "no content in time", "first-content"),
        ({"stall": 0.01}, lambda timer: timer.content(), "stalled", "stream"),
        ({"total": 0.01}, lambda timer: timer.content(), "longer than the whole", "stream"),
    ],
)
async def test_each_clock_ends_the_attempt_and_says_which(
    limits: dict[str, float], after: Callable[[Clocks], None], words: str, phase: str
) -> None:
    with pytest.raises(UpstreamTimeout, match=words) as caught:
        await asyncio.wait_for(hang(clocks(**limits), after), 5)
    assert caught.value.phase == phase


async def test_clocks_let_other_time_outs_and_errors_pass() -> None:
    with pytest.raises(TimeoutError, match="mine"):
        async with clocks():
            raise TimeoutError("mine")
    with pytest.raises(KeyError):
        async with clocks():
            raise KeyError("x")


async def test_a_slow_client_stops_all_clocks() -> None:
    sink = ListSink()
    stream = client(sink)
    async with clocks(stall=0.02, total=0.05) as timer:
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
    async with clocks() as timer:
        relay = ByteRelay(client(ListSink()), FakeTap(), timer, limit=1000, ending=told.append)
        relay.feed(b"c\n\n")
        assert told == []
        relay.feed(b"f\n\nd\n\n")
    assert told == [10.0, 1.0]


async def test_a_tail_without_end_is_given_up() -> None:
    async with clocks() as timer:
        relay = ByteRelay(client(ListSink()), FakeTap(), timer, limit=1000)
        relay.feed(b"c\n\nh\n\n")
        with pytest.raises(MalformedAnswer, match="does not end after its usage"):
            relay.feed((b":" * 900 + b"\n\n") * 2000)
