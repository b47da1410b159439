"""The streaming contract under faults, for several dialects and both lanes: keep-alives, slow readers,
clients that leave, line ends, limits, errors inside a stream."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio

from pointsman.testing import FakeProvider, Hang, Pause, Received, Running, Script, Send, StreamClient
from pointsman.testing.script import Step

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.parametrize(
        "pairing",
        [
            *("chat-chat", "messages-messages", "chat-messages", "messages-chat"),
            *("gemini-gemini", "chat-gemini"),
        ],
    ),
]
"""The client's dialect, and its provider's."""
WAIT = 0.05
KEEPALIVE = {"first": f"{WAIT * 1000:.0f}ms", "every": f"{WAIT * 1000:.0f}ms"}
LIMIT = 64 * 1024
"""The largest event, in bytes."""
SOON = 1.0
"""Seconds within which a client that left must have been noticed everywhere."""


@dataclass
class Stage:
    """A server, with a provider of each dialect that plays what it is told to, and one that is well."""

    served: Running
    playing: dict[str, FakeProvider]
    script: Callable[[Received], Script]


@asynccontextmanager
async def staged(dialects: dict[str, Any], asking: Any, **sections: Any) -> AsyncIterator[Stage]:

    def play(received: Received) -> Script:
        return stage.script(received)

    async with AsyncExitStack() as stack:
        playing, providers, models = {}, {}, {}
        for name, dialect in dialects.items():
            playing[name] = await stack.enter_async_context(FakeProvider(play))
            well = await stack.enter_async_context(FakeProvider(dialect.healthy))
            providers[name] = dialect.provider(playing[name].url)
            providers[f"well-{name}"] = dialect.provider(well.url)
            models[f"alone/{name}"] = [f"{name}/m"]
            models[f"well/{name}"] = [f"well-{name}/m"]
            models |= {f"{client}/{name}": [f"{name}/m", f"well-{client}/m"] for client in dialects}
        served = await stack.enter_async_context(asking.serving(providers, models, **sections))
        stage = Stage(served, playing, lambda got: Script(status=500))
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def plain(dialects: dict[str, Any], asking: Any) -> AsyncIterator[Stage]:
    """One connection to providers in all, and events of 64 KiB at most."""
    upstream = {"max_connections": 1, "ahead": 0, "max_event": f"{LIMIT}B"}
    async with staged(dialects, asking, upstream=upstream) as stage:
        yield stage


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def awake(dialects: dict[str, Any], asking: Any) -> AsyncIterator[Stage]:
    """Keep-alives come early, and the first content must come soon."""
    upstream = {"max_connections": 1, "ahead": 0, "first_content": f"{WAIT * 6000:.0f}ms"}
    async with staged(dialects, asking, upstream=upstream, keepalive=KEEPALIVE) as stage:
        yield stage


@dataclass
class Pair:
    """A client of one dialect, and a provider of another or the same."""

    client: Any
    provider: Any
    asking: Any

    @property
    def same(self) -> bool:
        return bool(self.client.name == self.provider.name)

    @property
    def well(self) -> tuple[bytes, ...]:
        """The provider's events of a stream that is whole."""
        events: tuple[bytes, ...] = self.provider.well_stream
        return events

    @property
    def opening(self) -> int:
        """How many of them come before and with the first content."""
        return next(number for number, event in enumerate(self.well, 1) if b"Fine" in event)

    def model(self, which: str) -> str:
        """The provider `alone`, or with one that is well `behind` it; or another that is `well`."""
        return f"{self.client.name if which == 'behind' else which}/{self.provider.name}"

    async def ask(self, stage: Stage, which: str, script: Any, *, stream: bool = True) -> Any:
        """Ask while the provider plays a script, or what a function says."""
        stage.script = script if callable(script) else lambda got: script
        return await self.asking.ask(stage.served, self.client, self.model(which), stream=stream)

    def flooded(self, url: str, **sections: Any) -> Any:
        """A server in front of a provider at a URL."""
        return self.asking.serving(
            {"lab": self.provider.provider(url)}, {self.model("alone"): ["lab/m"]}, **sections
        )

    def open(self, served: Running, *, stream: bool = True) -> StreamClient:
        """A client that reads what comes as it comes."""
        body = self.client.body(self.model("alone"), stream=stream)
        return StreamClient(served.url + self.client.place(self.model("alone"), stream=stream), body)


@pytest.fixture
def pair(pairing: str, dialects: dict[str, Any], asking: Any) -> Pair:
    client, provider = pairing.split("-")
    return Pair(dialects[client], dialects[provider], asking)


async def test_a_quiet_stream_is_kept_awake_before_its_first_content(pair: Pair, awake: Stage) -> None:
    answer = await pair.ask(awake, "alone", Script.sse([Pause(WAIT * 4), *pair.well]))
    keepalive = pair.client.keepalive
    assert answer.content.startswith(keepalive * 2)
    rest = answer.content.replace(keepalive, b"")
    assert pair.client.said(rest) == "Fine"
    assert pair.client.terminal in rest
    assert not pair.same or rest == b"".join(pair.well)
    row = await pair.asking.row_of(awake.served, answer)
    assert (row["outcome"], row["status"]) == ("complete", 200)


async def test_a_whole_answer_is_not_disturbed_by_keepalives(pair: Pair, awake: Stage) -> None:
    script = Script((Pause(WAIT * 3), Send(pair.provider.well)), headers={"content-type": "application/json"})
    answer = await pair.ask(awake, "alone", script, stream=False)
    assert answer.status_code == 200
    assert pair.client.text(answer.content) == "Fine"
    assert pair.client.keepalive not in answer.content


async def test_keepalives_come_between_events_and_never_within_one(pair: Pair, awake: Stage) -> None:
    first, rest = pair.well[: pair.opening], pair.well[pair.opening :]
    middle = len(rest[0]) // 2
    pieces: list[bytes | Step] = [*first, rest[0][:middle], Pause(WAIT * 4), rest[0][middle:], *rest[1:]]
    answer = await pair.ask(awake, "alone", Script.sse(pieces))
    assert pair.client.keepalive in answer.content
    without = answer.content.replace(pair.client.keepalive, b"")
    assert pair.client.said(without) == "Fine"
    assert not pair.same or without == b"".join(pair.well)


@pytest.mark.parametrize("fault", ["status", "cut", "silence"])
async def test_once_awake_a_failure_is_told_in_the_stream(pair: Pair, fault: str, awake: Stage) -> None:
    """The 200 is sent, content is not: alone it is an error in the stream, behind it another goes on."""
    script = {
        "status": Script(
            (Pause(WAIT * 3), Send(b"HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n")), framing="raw"
        ),
        "cut": Script.sse([*pair.well[: pair.opening - 1], Pause(WAIT * 3)]),
        "silence": Script.sse([*pair.well[: pair.opening - 1], Hang()]),
    }[fault]
    alone = await pair.ask(awake, "alone", script)
    assert alone.status_code == 200
    assert alone.content.startswith(pair.client.keepalive)
    rest = alone.content.replace(pair.client.keepalive, b"")
    error = pair.client.stream_error(rest.removesuffix(b"\n\n"))
    assert error["metadata"]["error_type"] == ("timeout" if fault == "silence" else "provider_unavailable")
    row = await pair.asking.row_of(awake.served, alone)
    assert (row["outcome"], row["status"], row["attempts"]) == ("failed", 200, 1)

    behind = await pair.ask(awake, "behind", script)
    assert behind.status_code == 200
    rest = behind.content.replace(pair.client.keepalive, b"")
    assert rest == b"".join(pair.client.well_stream), "nothing is left of the attempt that failed"
    row = await pair.asking.row_of(awake.served, behind)
    assert (row["outcome"], row["attempts"]) == ("complete", 2)


async def leave(pair: Pair, stage: Stage, script: Script, *, stream: bool, read: int = 0) -> dict[str, Any]:
    """Leave, and see what becomes of it: the provider is left too, the connection free, the row written."""
    stage.script, provider = lambda got: script, stage.playing[pair.provider.name]
    asked = len(provider.requests)
    async with pair.open(stage.served, stream=stream) as client:
        async with asyncio.timeout(SOON):
            while len(provider.requests) == asked:
                await asyncio.sleep(0.001)
        for _ in range(read):
            assert await anext(client.chunks())
        await asyncio.sleep(WAIT / 2)  # for what the provider sends to arrive
    begun = time.monotonic()
    await asyncio.wait_for(provider.requests[-1].disconnected.wait(), SOON)
    row: dict[str, Any] = await pair.asking.last_row(stage.served)
    assert time.monotonic() - begun < SOON
    assert (row["outcome"], row["status"], row["attempts"]) == ("cancelled", 499, 1)
    after = await pair.ask(stage, "well", script)
    assert after.status_code == 200, "the one connection is free again"
    return row


@pytest.mark.parametrize("when", ["no-answer", "headers", "half-a-body"])
async def test_a_client_that_leaves_before_a_whole_answer_cancels_it(
    pair: Pair, when: str, plain: Stage
) -> None:
    head = Send(b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n")
    sent = {"no-answer": (), "headers": (head,), "half-a-body": (head, Send(b'{"id":'))}[when]
    row = await leave(pair, plain, Script((*sent, Hang()), framing="raw"), stream=False)
    assert row["estimated"] == 1
    assert row["input_tokens"] > 0, "a provider that was at work has had the input"


@pytest.mark.parametrize("when", ["no-answer", "headers", "no-content", "content"])
async def test_a_client_that_leaves_a_stream_cancels_it(pair: Pair, when: str, plain: Stage) -> None:
    script = {
        "no-answer": Script((Hang(),), framing="raw"),
        "headers": Script.sse([Hang()]),
        "no-content": Script.sse([*pair.well[: pair.opening - 1], Hang()]),
        "content": Script.sse([*pair.well[: pair.opening], Hang()]),
    }[when]
    row = await leave(pair, plain, script, stream=True, read=int(when == "content"))
    assert row["input_tokens"] > 0, "a provider that was at work has had the input"


async def test_what_a_client_that_left_has_read_is_in_the_books(pair: Pair, plain: Stage) -> None:
    """A count that was told when the stream began says nothing of what was written since."""
    opening = pair.well[pair.opening - 1].replace(b"Fine", b"x" * 4000)
    script = Script.sse([*pair.well[: pair.opening - 1], opening, Hang()])
    row = await leave(pair, plain, script, stream=True, read=1)
    assert row["estimated"] == 1
    assert row["output_tokens"] >= 1000


class Flood:
    """A provider that streams content for as long as anybody takes it, and counts what was taken."""

    def __init__(self, pair: Pair) -> None:
        opening = pair.well[pair.opening - 1]
        self._head = b"".join(pair.well[: pair.opening - 1])
        self._event = opening.replace(b"Fine", b"x" * 50_000)
        self.taken = 0
        self.left = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        writer.write(self._head)
        try:
            while True:
                writer.write(self._event)
                await writer.drain()
                self.taken += len(self._event)
        except ConnectionError:
            self.left.set()
        finally:
            writer.close()

    async def stands(self) -> int:
        """How much was taken when no more is."""
        async with asyncio.timeout(20):
            before = -1
            while self.taken != before:
                before = self.taken
                await asyncio.sleep(0.1)
        return before


@asynccontextmanager
async def flooded(flood: Flood) -> AsyncIterator[str]:
    server = await asyncio.start_server(flood.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def test_a_slow_reader_pauses_its_provider_and_none_of_the_clocks_runs(pair: Pair) -> None:
    flood = Flood(pair)
    async with flooded(flood) as url, pair.flooded(url, upstream={"stall": "150ms"}) as served:
        async with pair.open(served) as client:
            assert await client.start() == 200
            stood = await flood.stands()
            await asyncio.sleep(0.3)  # longer than a provider may stall
            assert flood.taken == stood
            chunks = client.chunks()
            async with asyncio.timeout(10):
                while flood.taken == stood:
                    assert b'"error"' not in await anext(chunks)
        await asyncio.wait_for(flood.left.wait(), SOON)
        assert (await pair.asking.last_row(served))["outcome"] == "cancelled"


async def test_a_reader_that_stops_is_left(pair: Pair) -> None:
    flood = Flood(pair)
    async with (
        flooded(flood) as url,
        pair.flooded(url, server={"write_timeout": "150ms"}) as served,
        pair.open(served) as client,
    ):
        assert await client.start() == 200
        await asyncio.wait_for(flood.left.wait(), 20)
        assert (await pair.asking.last_row(served))["outcome"] == "cancelled"


ENDS = {"lf": b"\n", "cr": b"\r", "crlf": b"\r\n"}


def respelled(events: tuple[bytes, ...], spelling: str) -> bytes:
    """A stream spelled otherwise, as server-sent events may be."""
    ways = {
        "bom": (b"", b"\xef\xbb\xbf"),
        "comments": (b": a comment\nid: 7\nretry: 100\n", b""),
        "tight": (b"", b""),
        "noise": (b"\n\n: only a comment\n\n\n", b""),
    }
    before, head = ways.get(spelling, (b"", b""))
    end = ENDS.get(spelling, b"\n")
    stream = b"".join(before + event for event in events)
    if spelling.endswith("-end"):
        return stream.removesuffix(b"\n" if spelling == "one-end" else b"\n\n")
    if spelling == "tight":
        stream = stream.replace(b"data: {", b"data:{").replace(b"event: ", b"event:")
    return head + stream.replace(b"\n", end)


SPELLINGS = (*ENDS, "bom", "comments", "tight", "noise", "one-end", "no-end")


@pytest.mark.parametrize("spelling", SPELLINGS)
async def test_streams_are_read_however_they_are_spelled_and_cut(
    pair: Pair, spelling: str, plain: Stage
) -> None:
    """In pieces of every small size: where both speak the same dialect not a byte is changed."""
    stream = respelled(pair.well, spelling)
    for size in (1, 2, 3, 7, len(stream)):
        script = Script.sse(stream[at : at + size] for at in range(0, len(stream), size))
        found = await pair.ask(plain, "alone", script)
        if pair.same:
            assert found.content.startswith(stream)
            assert found.content[len(stream) :].strip() == b"", "line ends that were missing may be added"
        else:
            assert pair.client.said(found.content) == "Fine"
            assert pair.client.terminal in found.content
        row = await pair.asking.row_of(plain.served, found)
        assert (row["outcome"], row["finish"]) == ("complete", "stop")
        assert (row["input_tokens"], row["output_tokens"], row["estimated"]) == (7, 2, 0)


async def test_events_that_come_one_by_one_make_the_stream_they_are(pair: Pair, plain: Stage) -> None:
    """Each is passed on before the next one is there, and some have nothing to pass on."""
    script = Script.sse(step for event in pair.well for step in (event, Pause(WAIT / 5)))
    found = await pair.ask(plain, "alone", script)
    assert pair.client.said(found.content) == "Fine"
    assert pair.client.terminal in found.content
    row = await pair.asking.row_of(plain.served, found)
    assert (row["outcome"], row["finish"], row["status"]) == ("complete", "stop", 200)


@pytest.mark.parametrize("place", ["before", "after"])
@pytest.mark.parametrize("over", [0, 1])
async def test_an_event_may_be_as_large_as_the_limit_and_not_a_byte_larger(
    pair: Pair, place: str, over: int, plain: Stage
) -> None:
    content = pair.well[pair.opening - 1]
    large = content.replace(b"Fine", b"y" * (LIMIT - len(content) + 4 + over))
    assert len(large) == LIMIT + over
    at = pair.opening - 1 if place == "before" else pair.opening
    answer = await pair.ask(plain, "behind", Script.sse([*pair.well[:at], large, *pair.well[at:]]))
    assert answer.status_code == 200
    row = await pair.asking.row_of(plain.served, answer)
    if not over:
        assert len(pair.client.said(answer.content)) > LIMIT * 0.9
        assert (row["outcome"], row["attempts"]) == ("complete", 1)
    elif place == "before":
        assert answer.content == b"".join(pair.client.well_stream)
        assert (row["outcome"], row["attempts"]) == ("complete", 2)
    else:
        assert pair.client.said(answer.content) == "Fine"
        assert pair.client.terminal not in answer.content
        assert (row["outcome"], row["attempts"]) == ("incomplete", 1)


TOLD = {
    "overloaded": ("overloaded_error", "provider_overloaded"),
    "limited": ("rate_limit_error", "rate_limit_exceeded"),
    "refused": ("authentication_error", "provider_unavailable"),
    "broken": ("api_error", "provider_unavailable"),
}
"""Errors that a stream tells: the provider's type, and ours."""
CODES = {
    "overloaded": (503, "UNAVAILABLE"),
    "limited": (429, "RESOURCE_EXHAUSTED"),
    "refused": (401, "UNAUTHENTICATED"),
    "broken": (500, "INTERNAL"),
}
"""The same in another dialect's words."""


@pytest.mark.parametrize("told", TOLD)
async def test_an_error_that_a_stream_tells_is_the_clients_only_behind_content(
    pair: Pair, told: str, plain: Stage
) -> None:
    kind, error_type = TOLD[told]
    fault: dict[str, Any] = {"type": kind, "message": "the words of the provider"}
    if pair.provider.name == "gemini":
        code, status = CODES[told]
        fault = {"code": code, "message": fault["message"], "status": status}
    event = (
        b"event: error\ndata: %b\n\n" % json.dumps({"type": "error", "error": fault}).encode()
        if pair.provider.name == "messages"
        else b"data: %b\n\n" % json.dumps({"error": fault}).encode()
    )

    before = await pair.ask(plain, "behind", Script.sse([*pair.well[: pair.opening - 1], event]))
    assert before.content == b"".join(pair.client.well_stream)
    after = await pair.ask(plain, "behind", Script.sse([*pair.well[: pair.opening], event]))
    assert pair.client.said(after.content) == "Fine"
    assert pair.client.terminal not in after.content
    last = after.content.removesuffix(b"\n\n").rpartition(b"\n\n")[2]
    if pair.same and told != "refused":
        assert last + b"\n\n" == event
    else:
        error = pair.client.stream_error(last)
        assert error["metadata"]["error_type"] == error_type
        assert ("the words of the provider" in error["message"]) == (told != "refused")
    row = await pair.asking.row_of(plain.served, after)
    assert (row["outcome"], row["status"], row["error_type"]) == ("incomplete", 200, error_type)
